import { type ActionAnswer, type RetryHint, type TargetResult, TriggerError } from '@kube-trigger/core';
import { execError } from './errors.js';

export type PodOutcome = { readonly result: TargetResult } | Failed;

export interface Failed {
  /** `Pod/shop/web-0`. */
  readonly target: string;
  readonly error: TriggerError;
}

/** All succeeded: the answer. Otherwise rejects, once for all pods, with the most hopeful hint. */
export function conclude(outcomes: readonly PodOutcome[]): ActionAnswer {
  const failed = outcomes.filter((outcome) => 'error' in outcome);
  const targets = outcomes.flatMap((outcome) => ('result' in outcome ? [outcome.result] : []));
  const [first] = failed;
  if (first === undefined) {
    return { outcome: targets.some(({ outcome }) => outcome === 'done') ? 'done' : 'unchanged', targets };
  }
  if (outcomes.length === 1) throw named(first);
  throw severalFailed(failed, outcomes.length);
}

function named({ target, error }: Failed): TriggerError {
  const { code, message, retry, fix, facts } = error;
  return new TriggerError(code, `${target} ${message}`, { retry, facts, ...(fix === undefined ? {} : { fix }) });
}

const SHOWN = 3;

function severalFailed(failed: readonly Failed[], of: number): TriggerError {
  const shown = failed.slice(0, SHOWN).map(({ target, error }) => `${target} ${error.message}`);
  const more = failed.length > SHOWN ? `; and ${failed.length - SHOWN} more` : '';
  return execError('KT_EXEC_PODS_FAILED', `${failed.length} of ${of} pods failed: ${shown.join('; ')}${more}`, {
    retry: hintOf(failed.map(({ error }) => error.retry)),
    fix: failed[0]?.error.fix ?? 'See the pods',
    facts: { failed: failed.length, pods: of },
  });
}

/** The longest wait that was asked for; else backoff if a repetition can help any of them. */
function hintOf(hints: readonly RetryHint[]): RetryHint {
  const waits = hints.flatMap((hint) => (typeof hint === 'object' ? [hint.afterMs] : []));
  if (waits.length > 0) return { afterMs: Math.max(...waits) };
  return hints.includes('backoff') ? 'backoff' : 'never';
}
