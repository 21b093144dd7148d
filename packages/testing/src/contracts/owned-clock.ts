import { VirtualAction, VirtualTimeScheduler } from 'rxjs';

/**
 * A clock that stands still until a test moves it, synchronously: what is due runs within `advance`. Starts at 2026-01-01T00:00:00Z
 * unless told otherwise. Where promises must settle between two timers, take core's `VirtualClock`.
 */
export class OwnedClock extends VirtualTimeScheduler {
  constructor(private readonly startMs = Date.UTC(2026, 0, 1)) {
    super(VirtualAction, Infinity);
    this.now = () => this.startMs + this.frame;
  }

  /** Lets `ms` milliseconds pass: whatever is due by then runs, in order. */
  advance(ms: number): void {
    const until = this.frame + ms;
    this.maxFrames = until;
    this.flush();
    this.frame = until;
    this.maxFrames = Infinity;
  }

  /** Timers that are set and have not run. */
  get pending(): number {
    return this.actions.filter((action) => !action.closed).length;
  }
}
