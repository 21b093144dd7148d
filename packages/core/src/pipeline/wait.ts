import { type SchedulerLike, timer } from 'rxjs';

/** No timer takes longer: setTimeout holds 31 bits and fires at once beyond them. About 24.8 days. */
export const LONGEST_WAIT_MS = 2 ** 31 - 1;

/**
 * Resolves after `ms` (at most `LONGEST_WAIT_MS`) by the scheduler's clock, or at once when the signal aborts. Leaves no timer or
 * listener behind.
 */
export function sleep(ms: number, scheduler: SchedulerLike, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      subscription.unsubscribe();
      signal.removeEventListener('abort', done);
      resolve();
    };
    signal.addEventListener('abort', done);
    const subscription = timer(Math.min(Math.max(0, ms), LONGEST_WAIT_MS), scheduler).subscribe(done);
  });
}

/** "Full jitter" (Brooker, AWS Architecture Blog 2015): uniform below an exponential bound, at least a tenth of the initial delay. */
export function fullJitter(
  attempt: number,
  options: { initialDelayMs: number; maxDelayMs: number },
  random: () => number,
): number {
  const bound = Math.min(options.maxDelayMs, options.initialDelayMs * 2 ** Math.min(attempt - 1, 30));
  return Math.max(Math.min(options.initialDelayMs / 10, bound), random() * bound);
}

/** Hands out `size` places first come, first served. */
export class Semaphore {
  #free: number;
  // Made by who has to wait. A Set is a queue with cheap removal from its front; an array's `shift` moves all the others.
  #queue: Set<() => void> | undefined;

  constructor(size: number) {
    this.#free = size;
  }

  /** Gives (or resolves with) how to give the place free; calling that again does nothing. */
  acquire(): (() => void) | Promise<() => void> {
    if (this.#free <= 0)
      return new Promise<void>((resolve) => (this.#queue ??= new Set()).add(resolve)).then(() => this.#place());
    this.#free -= 1;
    return this.#place();
  }

  #place(): () => void {
    let held = true;
    return () => {
      if (held) this.#release();
      held = false;
    };
  }

  #release(): void {
    const [next] = this.#queue ?? [];
    if (next === undefined) return void (this.#free += 1);
    this.#queue?.delete(next);
    next();
  }
}
