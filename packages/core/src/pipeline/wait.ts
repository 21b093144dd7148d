import { type SchedulerLike, timer } from 'rxjs';

/** Resolves after `ms` by the scheduler's clock, or at once when the signal aborts. Leaves no timer or listener behind. */
export function sleep(ms: number, scheduler: SchedulerLike, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      subscription.unsubscribe();
      signal.removeEventListener('abort', done);
      resolve();
    };
    signal.addEventListener('abort', done);
    const subscription = timer(Math.max(0, ms), scheduler).subscribe(done);
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
  readonly #queue: (() => void)[] = [];

  constructor(size: number) {
    this.#free = size;
  }

  async acquire(): Promise<void> {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>((resolve) => this.#queue.push(resolve));
  }

  release(): void {
    const next = this.#queue.shift();
    if (next === undefined) this.#free += 1;
    else next();
  }
}
