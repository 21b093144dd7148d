import type { SchedulerLike } from 'rxjs';
import { TriggerError } from '../contract/errors.js';

export interface AttemptLimits {
  readonly timeoutMs: number;
  readonly scheduler: SchedulerLike;
  /** Ends the attempt when the rule is stopped. */
  readonly stopped: AbortSignal;
}

/**
 * Calls a plugin with a signal that aborts at the timeout and when the rule is stopped, and settles then at the latest: a
 * plugin that ignores its signal holds up nothing. Rejects with `KT_ACTION_TIMEOUT`, `KT_STOPPED`, or what the plugin threw.
 */
export async function attempt<T>(call: (signal: AbortSignal) => T | Promise<T>, limits: AttemptLimits): Promise<T> {
  const { timeoutMs, scheduler, stopped } = limits;
  // One controller per attempt, unhooked at its end: AbortSignal.any would stay reachable from the rule's signal
  // as long as a plugin forgets a listener on it.
  const controller = new AbortController();
  const onStopped = () => controller.abort(new TriggerError('KT_STOPPED', 'the attempt was aborted'));
  const timer = scheduler.schedule(() => controller.abort(timedOut(timeoutMs)), timeoutMs);
  stopped.addEventListener('abort', onStopped);
  if (stopped.aborted) onStopped();
  try {
    return await orAborted(async () => await call(controller.signal), controller.signal);
  } finally {
    timer.unsubscribe();
    stopped.removeEventListener('abort', onStopped);
  }
}

function timedOut(timeoutMs: number): TriggerError {
  return new TriggerError('KT_ACTION_TIMEOUT', `no answer within ${timeoutMs / 1000} s; the attempt was aborted`, {
    fix: 'Find out why the target is slow, or raise timeoutSeconds of the action',
  });
}

/** Settles when the call does, or rejects with the signal's reason when that aborts first. Not called when it aborted before. */
export async function orAborted<T>(call: () => Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  let onAbort: (() => void) | undefined;
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason as Error);
    signal.addEventListener('abort', onAbort);
  });
  try {
    return await Promise.race([call(), aborted]);
  } finally {
    if (onAbort !== undefined) signal.removeEventListener('abort', onAbort);
  }
}
