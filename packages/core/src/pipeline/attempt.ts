import type { SchedulerLike } from 'rxjs';
import { TriggerError } from '../contract/errors.js';

export interface AttemptLimits {
  readonly timeoutMs: number;
  readonly scheduler: SchedulerLike;
  /** Ends the attempt when the rule is stopped. */
  readonly stopped: AbortSignal;
}

/** Made when it is asked for: most calls that answer at once never look. */
export interface Cancellation {
  readonly signal: AbortSignal;
}

/**
 * Calls a plugin with a signal that aborts at the timeout and when the rule is stopped, and settles then at the latest: a
 * plugin that ignores its signal holds up nothing. Rejects with `KT_ACTION_TIMEOUT`, `KT_STOPPED`, or what the plugin threw.
 */
export function attempt<T>(
  call: (cancellation: Cancellation) => T | Promise<T>,
  { timeoutMs, scheduler, stopped }: AttemptLimits,
): Promise<T> {
  if (stopped.aborted) return Promise.reject(wasStopped());
  const cancelled = new LazyCancellation();
  return untilCut(
    () => call(cancelled),
    (cut) => {
      const abort = (reason: TriggerError) => {
        cancelled.abort(reason);
        cut(reason);
      };
      const onStopped = () => abort(wasStopped());
      const timer = scheduler.schedule(() => abort(timedOut(timeoutMs)), timeoutMs);
      stopped.addEventListener('abort', onStopped);
      if (stopped.aborted) onStopped();
      return () => {
        timer.unsubscribe();
        stopped.removeEventListener('abort', onStopped);
      };
    },
  );
}

function wasStopped(): TriggerError {
  return new TriggerError('KT_STOPPED', 'the attempt was aborted');
}

function timedOut(timeoutMs: number): TriggerError {
  return new TriggerError('KT_ACTION_TIMEOUT', `no answer within ${timeoutMs / 1000} s; the attempt was aborted`, {
    fix: 'Find out why the target is slow, or raise timeoutSeconds of the action',
  });
}

/**
 * A signal that is made when somebody asks for it. One controller per attempt, unhooked at its end: AbortSignal.any would stay reachable from
 * the rule's signal as long as a plugin forgets a listener on it.
 */
export class LazyCancellation implements Cancellation {
  #controller: AbortController | undefined;
  #ended: { readonly reason: unknown } | undefined;

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#ended !== undefined) this.#controller.abort(this.#ended.reason);
    }
    return this.#controller.signal;
  }

  /** Only the first counts, as with an AbortController. */
  abort(reason?: unknown): void {
    this.#ended ??= { reason };
    this.#controller?.abort(reason);
  }
}

/** Settles when the call does, or rejects with the signal's reason when that aborts first. Not called when it aborted before. */
export function orAborted<T>(call: () => Promise<T>, signal: AbortSignal): Promise<T> {
  if (signal.aborted) return Promise.reject(signal.reason as Error);
  return untilCut(call, (cut) => {
    const onAbort = () => cut(signal.reason);
    signal.addEventListener('abort', onAbort);
    if (signal.aborted) onAbort();
    return () => signal.removeEventListener('abort', onAbort);
  });
}

/** So many turns of the microtask queue a call gets before it is watched over. */
const UNWATCHED_TURNS = 3;

/**
 * Settles as the call does, or rejects with what `cut` is given first. `watch` sets up what may cut, and returns how to take it down. What
 * answers from memory is over before that: a timer and two listeners would cost more than the call.
 */
function untilCut<T>(call: () => T | Promise<T>, watch: (cut: (reason: unknown) => void) => () => void): Promise<T> {
  return new Promise((resolve, reject) => {
    let isOver = false;
    let unwatch: (() => void) | undefined;
    const end = () => {
      isOver = true;
      unwatch?.();
    };
    const answered = (value: T) => {
      end();
      resolve(value);
    };
    const failed = (reason: unknown) => {
      end();
      reject(reason);
    };
    // Later calls of either change nothing: a promise settles once.
    Promise.resolve(call()).then(answered, failed);
    let turns = UNWATCHED_TURNS;
    const turn = () => {
      if (isOver) return;
      turns -= 1;
      if (turns > 0) return queueMicrotask(turn);
      unwatch = watch(failed);
      if (isOver) unwatch(); // it was cut at once
    };
    queueMicrotask(turn);
  });
}
