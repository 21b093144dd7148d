import { type ActionResult, type RetryHint, type TargetResult, toTriggerError, TriggerError } from '@kube-trigger/core';
import type { Choice } from './choose.js';

const SHOWN = 3;
const MAX_MESSAGE = 300;

/** One answer for all targets, once each was tried: rejects when any failed, with what failed and how soon a repetition may help. */
export function answerOf(
  { left, failures }: Choice,
  tried: readonly PromiseSettledResult<TargetResult>[],
): ActionResult {
  const fine = [...left, ...tried.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []))];
  const failed = [
    ...failures,
    ...tried.flatMap((each) => (each.status === 'rejected' ? [toTriggerError(each.reason)] : [])),
  ];
  if (failed.length > 0) throw incomplete(failed, fine.length);
  const outcome = fine.some((target) => target.outcome === 'done') ? 'done' : 'unchanged';
  return { outcome, targets: fine };
}

function incomplete(failed: readonly TriggerError[], fine: number): TriggerError {
  const [first] = failed;
  if (first !== undefined && failed.length + fine === 1) return first;
  const shown = failed.slice(0, SHOWN).map(({ message }) => message.slice(0, MAX_MESSAGE));
  const more = failed.length > SHOWN ? `; and ${failed.length - SHOWN} more` : '';
  const message = `${failed.length} of ${failed.length + fine} failed: ${shown.join('; ')}${more}`;
  return new TriggerError('KT_ROLLOUT_INCOMPLETE', message, {
    retry: soonest(failed.map(({ retry }) => retry)),
    cause: first,
    fix: first?.fix ?? 'Those that failed are tried again; the others are done',
  });
}

/** Whoever may be repeated soonest tells when all are looked at again: those that are done cost nothing. */
function soonest(hints: readonly RetryHint[]): RetryHint {
  if (hints.includes('backoff')) return 'backoff';
  const times = hints.flatMap((hint) => (typeof hint === 'object' ? [hint.afterMs] : []));
  return times.length === 0 ? 'never' : { afterMs: Math.min(...times) };
}
