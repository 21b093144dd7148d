import { type ActionResult, type TargetResult, toTriggerError } from '@kube-trigger/core';
import type { Observable } from 'rxjs';
import { answerOf } from '../targets/fan-out.js';
import type { Brought } from './evictions.js';
import type { Grouped } from './groups.js';

/** What no watch tells, as that a budget allows more. */
const LOOK_AGAIN_MS = 5_000;

/** One answer for all: while any target is on its way nothing is given up, so that one that fails holds up no other. */
export function answerOfEvictions(
  { groups, alone, left, failures }: Grouped,
  tried: readonly PromiseSettledResult<Brought>[],
  until: Observable<unknown>,
): ActionResult {
  const brought = tried.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
  const waiting = brought.filter(({ waitsFor }) => waitsFor !== undefined);
  const [first] = waiting;
  const settled = tried.map((each): PromiseSettledResult<TargetResult> =>
    each.status === 'fulfilled' ? { status: 'fulfilled', value: each.value.result } : each,
  );
  const targets = [...groups.map(({ carrier }) => carrier), ...alone];
  if (first === undefined) return answerOf({ targets, left, failures }, settled);
  const failed = [
    ...failures,
    ...tried.flatMap((each) => (each.status === 'rejected' ? [toTriggerError(each.reason)] : [])),
  ];
  const others = waiting.length === 1 ? '' : `; and ${waiting.length - 1} more`;
  const faults = failed[0] === undefined ? '' : `; ${failed.length} failed: ${failed[0].message}`;
  return {
    outcome: 'waiting',
    targets: [...left, ...brought.map(({ result }) => result)],
    because: `${first.result.target}: ${first.waitsFor}${others}${faults}`,
    againAfterMs: LOOK_AGAIN_MS,
    until,
  };
}
