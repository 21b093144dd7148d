import { type SchedulerAction, type SchedulerLike, Subscription } from 'rxjs';

/**
 * A clock that stands still until a test moves it: an RxJS scheduler for `RuntimeServices.scheduler` and every plugin context.
 *
 * `advance` runs what falls due in order of time (then of scheduling) and lets all promises settle before and after each
 * step, so that code between two timers behaves as it does in production. Nothing runs synchronously out of `schedule`.
 */
export class VirtualClock implements SchedulerLike {
  readonly #pending = new Set<VirtualAction<unknown>>();
  #nowMs: number;
  #order = 0;

  /** Milliseconds since the epoch at which the clock stands at first. Default 2026-01-01T00:00:00Z. */
  constructor(startMs: number = Date.UTC(2026, 0, 1)) {
    this.#nowMs = startMs;
  }

  now(): number {
    return this.#nowMs;
  }

  /** Timers that wait: 0 once everything was released. */
  get pending(): number {
    return this.#pending.size;
  }

  schedule<T>(work: (this: SchedulerAction<T>, state?: T) => void, delay = 0, state?: T): Subscription {
    const action = new VirtualAction<T>(work, (self, afterMs) => {
      self.dueMs = this.#nowMs + Math.max(0, afterMs);
      self.order = this.#order++;
      this.#pending.add(self as VirtualAction<unknown>);
      return () => this.#pending.delete(self as VirtualAction<unknown>);
    });
    return action.schedule(state, delay);
  }

  /** Moves on by `ms`, running everything that falls due on the way. */
  async advance(ms: number): Promise<void> {
    const endMs = this.#nowMs + ms;
    await this.settle();
    for (let next = this.#next(endMs); next !== undefined; next = this.#next(endMs)) {
      this.#nowMs = Math.max(this.#nowMs, next.dueMs);
      this.#pending.delete(next);
      next.run();
      await this.settle();
    }
    this.#nowMs = endMs;
  }

  /** Advances by steps until `reached`; throws, naming `what`, when it is not reached within `withinMs`. */
  async advanceUntil(reached: () => boolean, what: string, withinMs = 600_000): Promise<void> {
    const endMs = this.#nowMs + withinMs;
    await this.settle();
    while (!reached()) {
      const next = this.#next(endMs);
      if (next === undefined) throw new Error(`not reached within ${withinMs} ms: ${what}`);
      await this.advance(Math.max(0, next.dueMs - this.#nowMs));
    }
  }

  /** Lets all promises settle without moving the clock. */
  async settle(): Promise<void> {
    // An immediate comes after all microtasks, also those that microtasks made.
    await new Promise<void>((resolve) => setImmediate(resolve));
  }

  #next(untilMs: number): VirtualAction<unknown> | undefined {
    let first: VirtualAction<unknown> | undefined;
    for (const action of this.#pending) {
      if (action.dueMs > untilMs) continue;
      if (
        first === undefined ||
        action.dueMs < first.dueMs ||
        (action.dueMs === first.dueMs && action.order < first.order)
      )
        first = action;
    }
    return first;
  }
}

/** Schedules an action again and returns how to take it back. */
type Enqueue<T> = (action: VirtualAction<T>, delayMs: number) => () => void;

class VirtualAction<T> extends Subscription implements SchedulerAction<T> {
  dueMs = 0;
  order = 0;
  #state: T | undefined;
  #cancel: (() => void) | undefined;

  constructor(
    private readonly work: (this: SchedulerAction<T>, state?: T) => void,
    private readonly enqueue: Enqueue<T>,
  ) {
    super();
    this.add(() => this.#cancel?.());
  }

  schedule(state?: T, delay = 0): Subscription {
    if (this.closed) return this;
    this.#cancel?.();
    this.#state = state;
    this.#cancel = this.enqueue(this, delay);
    return this;
  }

  run(): void {
    if (this.closed) return;
    this.#cancel = undefined;
    this.work.call(this, this.#state);
  }
}
