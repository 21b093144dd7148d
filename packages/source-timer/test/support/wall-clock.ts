import { VirtualClock } from '@kube-trigger/core/testing';
import type { SchedulerAction, SchedulerLike, Subscription } from 'rxjs';

/** A wall clock that can be set, over timers that do not notice: what a process sees of suspends and corrections. */
export class WallClock implements SchedulerLike {
  readonly ticks: VirtualClock;
  /** Timers that were started. */
  started = 0;
  #setByMs = 0;

  constructor(startMs?: number) {
    this.ticks = new VirtualClock(startMs);
  }

  now(): number {
    return this.ticks.now() + this.#setByMs;
  }

  schedule<T>(work: (this: SchedulerAction<T>, state?: T) => void, delay?: number, state?: T): Subscription {
    this.started += 1;
    return this.ticks.schedule(work, delay, state);
  }

  /** Sets the clock forward or back without letting time pass. */
  jump(byMs: number): void {
    this.#setByMs += byMs;
  }
}
