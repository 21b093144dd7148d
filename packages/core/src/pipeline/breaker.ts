import { type SchedulerLike, type Subscription, timer } from 'rxjs';
import type { BreakerOptions } from '../rule/compiled-rule.js';

/** So many (key, target) pairs are counted at a time; beyond that the least recent are forgotten. */
const MAX_COUNTERS = 10_000;

/** Counts actions by cause and target in fixed windows; trips once one pair passes the limit, and stays so until `reset`. */
export class Breaker {
  #counts: Map<string, number> | undefined;
  #window: Subscription | undefined;
  #disposed = false;

  constructor(
    private readonly options: BreakerOptions,
    private readonly scheduler: SchedulerLike,
    public tripped: boolean,
  ) {}

  /** True when this very action tripped it. */
  count(key: string, target: string): boolean {
    if (this.tripped || this.#disposed) return false;
    this.#window ??= timer(this.options.windowMs, this.scheduler).subscribe(() => this.#forget());
    const pair = `${key} → ${target}`;
    const counts = (this.#counts ??= new Map<string, number>());
    const count = (counts.get(pair) ?? 0) + 1;
    counts.delete(pair); // so that the map is in the order of the last action
    counts.set(pair, count);
    if (counts.size > MAX_COUNTERS) {
      const oldest = counts.keys().next().value;
      if (oldest !== undefined) counts.delete(oldest);
    }
    this.tripped = count > this.options.limit;
    return this.tripped;
  }

  /** Lets the rule act again, counting from zero. */
  reset(): void {
    this.tripped = false;
    this.#forget();
  }

  dispose(): void {
    this.#disposed = true;
    this.#forget();
  }

  #forget(): void {
    this.#counts = undefined;
    this.#window?.unsubscribe();
    this.#window = undefined;
  }
}
