import type { TargetOutcome } from '@kube-trigger/core';
import { RESULT, short } from './status-text.js';
import type { TargetStatus } from './trigger-rule.js';

/** So many targets of an action a status shows. */
const SHOWN_TARGETS = 20;

/**
 * How an action last ended for each of its targets: the answer to "why not this one?". Those that failed stay in sight, however many others
 * came after them.
 */
export function withOutcomes(
  before: readonly TargetStatus[],
  outcomes: readonly TargetOutcome[],
  time: string,
): readonly TargetStatus[] {
  const told = new Map(outcomes.map((outcome) => [outcome.target, statusOf(outcome, time)]));
  const all = [...told.values(), ...before.filter(({ target }) => !told.has(target))];
  const failed = all.filter(({ result }) => result === 'Failed');
  return [...failed, ...all.filter(({ result }) => result !== 'Failed')].slice(0, SHOWN_TARGETS);
}

function statusOf({ target, outcome, message }: TargetOutcome, time: string): TargetStatus {
  return { target, result: RESULT[outcome], ...(message === undefined ? {} : { message: short(message) }), time };
}
