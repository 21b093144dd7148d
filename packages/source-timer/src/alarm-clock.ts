import type { SchedulerLike, Subscription } from 'rxjs';
import { AlarmHeap, type Alarm } from './alarm-heap.js';

/** Process timers follow a clock that stands still in suspend and knows nothing of corrections: look again so often. */
const LOOK_MS = 60_000;
/** A correction back by more than this is told to everyone; smaller ones only make alarms a little late. */
const SET_BACK_MS = 60_000;

/**
 * Any number of alarms by the wall clock on one timer of the process, which never runs longer than a minute: after a suspend or a
 * correction of the clock alarms ring within that time. When the clock is set back by more than a minute, all alarms ring, so
 * that whoever set them can think again. Setting and cancelling cost O(log n); without alarms there is no timer.
 */
export class AlarmClock {
  readonly #alarms = new AlarmHeap();
  #timer: Subscription | undefined;
  #wakesAtMs = Infinity;
  #seenMs = -Infinity;

  constructor(private readonly scheduler: SchedulerLike) {}

  /** Rings once at `dueMs` or later, never before `set` returns. Returns how to cancel it; cancelling twice does nothing. */
  set(dueMs: number, ring: () => void): () => void {
    const alarm: Alarm = { dueMs, ring, index: -1 };
    this.#alarms.add(alarm);
    this.#arm();
    return () => {
      this.#alarms.remove(alarm);
      if (this.#alarms.size === 0) this.#disarm();
    };
  }

  /** Alarms that wait. */
  get size(): number {
    return this.#alarms.size;
  }

  #arm(): void {
    const first = this.#alarms.first;
    if (first === undefined) return this.#disarm();
    const nowMs = this.scheduler.now();
    this.#seenMs = Math.max(this.#seenMs, nowMs);
    const wakesAtMs = Math.min(Math.max(first.dueMs, nowMs), nowMs + LOOK_MS);
    if (this.#timer !== undefined && this.#wakesAtMs <= wakesAtMs) return;
    this.#timer?.unsubscribe();
    this.#wakesAtMs = wakesAtMs;
    this.#timer = this.scheduler.schedule(() => this.#wake(), wakesAtMs - nowMs);
  }

  #disarm(): void {
    this.#timer?.unsubscribe();
    this.#timer = undefined;
    this.#wakesAtMs = Infinity;
    this.#seenMs = -Infinity;
  }

  #wake(): void {
    this.#timer = undefined;
    this.#wakesAtMs = Infinity;
    const nowMs = this.scheduler.now();
    const wasSetBack = nowMs < this.#seenMs - SET_BACK_MS;
    this.#seenMs = nowMs;
    // Taken out first: who rings may set a new alarm for now, and that one belongs to the next round.
    const due = this.#alarms.takeUntil(wasSetBack ? Infinity : nowMs);
    const failures = due.flatMap(({ ring }) => thrownBy(ring));
    this.#arm();
    if (failures.length > 0) throw failures[0];
  }
}

/** What one of them throws must not keep the others from ringing. */
function thrownBy(ring: () => void): unknown[] {
  try {
    ring();
    return [];
  } catch (thrown) {
    return [thrown];
  }
}

// One per clock of the process, not per rule: each rule has a container of its own, whose singletons would not be shared.
const clocks = new WeakMap<SchedulerLike, AlarmClock>();

/** The alarm clock that everyone with this scheduler shares. */
export function alarmClockOf(scheduler: SchedulerLike): AlarmClock {
  const known = clocks.get(scheduler);
  if (known !== undefined) return known;
  const clock = new AlarmClock(scheduler);
  clocks.set(scheduler, clock);
  return clock;
}
