import {
  type ActionResult,
  type RetryHint,
  type TargetOutcome,
  type TargetResult,
  toTriggerError,
  TriggerError,
} from '@kube-trigger/core';
import { targetOf } from '../errors.js';
import type { Choice } from './choose.js';
import type { Target } from './target.js';

const SHOWN = 3;
const MAX_MESSAGE = 300;

/** Of a choice what an answer needs; `targets` in the order in which they were tried. */
type Asked = Pick<Choice, 'left' | 'failures'> & { readonly targets: readonly Pick<Target, 'ref'>[] };

/** One answer for all targets, once each was tried: rejects when any failed, with what failed and how soon a repetition may help. */
export function answerOf(
  { targets, left, failures }: Asked,
  tried: readonly PromiseSettledResult<TargetResult>[],
): ActionResult {
  const fine = [...left, ...tried.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []))];
  const failed = targets.flatMap((target, index): Failed[] => {
    const each = tried[index];
    return each?.status === 'rejected' ? [{ target: targetOf(target.ref), error: toTriggerError(each.reason) }] : [];
  });
  if (failed.length + failures.length > 0)
    throw incomplete([...failures, ...failed.map(({ error }) => error)], fine, failed);
  const outcome = fine.some((target) => target.outcome === 'done') ? 'done' : 'unchanged';
  return { outcome, targets: fine };
}

interface Failed {
  readonly target: string;
  readonly error: TriggerError;
}

function incomplete(
  errors: readonly TriggerError[],
  fine: readonly TargetResult[],
  failed: readonly Failed[],
): TriggerError {
  const targets = [
    ...failed.map(({ target, error }): TargetOutcome => ({ target, outcome: 'failed', message: error.explanation })),
    ...fine,
  ];
  const [first] = errors;
  if (first !== undefined && errors.length + fine.length === 1) return withTargets(first, targets);
  const shown = errors.slice(0, SHOWN).map(({ message }) => message.slice(0, MAX_MESSAGE));
  const more = errors.length > SHOWN ? `; and ${errors.length - SHOWN} more` : '';
  const message = `${errors.length} of ${errors.length + fine.length} failed: ${shown.join('; ')}${more}`;
  return new TriggerError('KT_ROLLOUT_INCOMPLETE', message, {
    retry: soonest(errors.map(({ retry }) => retry)),
    cause: first,
    fix: first?.fix ?? 'Those that failed are tried again; the others are done',
    targets,
  });
}

function withTargets(
  { code, message, retry, fix, facts, cause }: TriggerError,
  targets: readonly TargetOutcome[],
): TriggerError {
  return new TriggerError(code, message, { retry, facts, cause, targets, ...(fix === undefined ? {} : { fix }) });
}

/** Whoever may be repeated soonest tells when all are looked at again: those that are done cost nothing. */
function soonest(hints: readonly RetryHint[]): RetryHint {
  if (hints.includes('backoff')) return 'backoff';
  const times = hints.flatMap((hint) => (typeof hint === 'object' ? [hint.afterMs] : []));
  return times.length === 0 ? 'never' : { afterMs: Math.min(...times) };
}
