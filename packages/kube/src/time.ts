import type { SchedulerLike } from 'rxjs';

/** Resolves after `ms`, or rejects with the signal's reason. Leaves no timer and no listener behind. */
export function sleep(ms: number, scheduler: SchedulerLike, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) {
      reject(reasonOf(signal));
      return;
    }
    const onAbort = (): void => {
      timer.unsubscribe();
      reject(reasonOf(signal));
    };
    const timer = scheduler.schedule(() => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    }, ms);
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}

export interface Deadline extends Disposable {
  readonly signal: AbortSignal;
  /** The time ran out (as opposed to: the parent was aborted). */
  readonly expired: boolean;
  /** Starts the time anew, with another length if one is given. */
  touch(ms?: number): void;
  /** Aborts now, with this reason. */
  abort(reason: Error): void;
}

/** A signal that aborts with its parent or after `ms`. Disposing it removes its timer and its listener on the parent. */
export function deadline(ms: number, scheduler: SchedulerLike, parent?: AbortSignal): Deadline {
  const controller = new AbortController();
  let expired = false;
  let length = ms;
  const expire = (): void => {
    expired = true;
    controller.abort(new Error(`no answer within ${length} ms`));
  };
  const onParent = (): void => {
    timer.unsubscribe();
    controller.abort(reasonOf(parent));
  };
  let timer = scheduler.schedule(expire, ms);
  if (parent?.aborted === true) onParent();
  else parent?.addEventListener('abort', onParent, { once: true });
  return {
    signal: controller.signal,
    get expired() {
      return expired;
    },
    touch(next = length) {
      if (controller.signal.aborted) return;
      timer.unsubscribe();
      length = next;
      timer = scheduler.schedule(expire, length);
    },
    abort(reason) {
      timer.unsubscribe();
      controller.abort(reason);
    },
    [Symbol.dispose]() {
      timer.unsubscribe();
      parent?.removeEventListener('abort', onParent);
    },
  };
}

/** Uniform in [min, max). */
export function between([min, max]: readonly [number, number], random: () => number): number {
  return min + (max - min) * random();
}

function reasonOf(signal: AbortSignal | undefined): Error {
  const reason: unknown = signal?.reason;
  return reason instanceof Error ? reason : new Error('aborted', { cause: reason });
}
