import { type ActionResult, type RetryHint, type TargetResult, type TriggerError } from '@kube-trigger/core';
import { webhookError } from './errors.js';
import type { Target } from './targets/resolve.js';

export type TargetOutcome =
  | { readonly target: Target; readonly result: TargetResult }
  | { readonly target: Target; readonly error: TriggerError };

/** All accepted: the result. Otherwise rejects, once for all targets, with the most hopeful hint. */
export function conclude(outcomes: readonly TargetOutcome[]): ActionResult {
  const failed = outcomes.filter((outcome) => 'error' in outcome);
  const targets = outcomes.flatMap((outcome) => ('result' in outcome ? [outcome.result] : []));
  const [first] = failed;
  if (first === undefined) {
    return { outcome: targets.some(({ outcome }) => outcome === 'done') ? 'done' : 'unchanged', targets };
  }
  if (outcomes.length === 1) throw named(first);
  throw severalFailed(failed, outcomes.length);
}

interface Failed {
  readonly target: Target;
  readonly error: TriggerError;
}

function named({ target, error }: Failed): TriggerError {
  return webhookError(error.code as 'KT_WEBHOOK_STATUS', `${target.name} ${error.message}`, {
    retry: error.retry,
    fix: error.fix ?? '',
    facts: error.facts,
  });
}

const SHOWN = 3;

function severalFailed(failed: readonly Failed[], of: number): TriggerError {
  const shown = failed.slice(0, SHOWN).map(({ target, error }) => `${target.name} ${error.message}`);
  const more = failed.length > SHOWN ? `; and ${failed.length - SHOWN} more` : '';
  return webhookError('KT_WEBHOOK_PODS_FAILED', `${failed.length} of ${of} pods failed: ${shown.join('; ')}${more}`, {
    retry: hintOf(failed.map(({ error }) => error.retry)),
    fix: failed[0]?.error.fix ?? '',
    facts: { failed: failed.length, pods: of },
  });
}

/** The longest wait that was asked for; else backoff if a repetition can help any of them. */
function hintOf(hints: readonly RetryHint[]): RetryHint {
  const waits = hints.flatMap((hint) => (typeof hint === 'object' ? [hint.afterMs] : []));
  if (waits.length > 0) return { afterMs: Math.max(...waits) };
  return hints.includes('backoff') ? 'backoff' : 'never';
}
