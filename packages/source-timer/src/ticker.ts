import type { SourceContext, SourceEvent } from '@kube-trigger/core';
import type { Subscriber } from 'rxjs';
import { alarmClockOf } from './alarm-clock.js';
import { MAX_MISSED } from './config.js';
import { dueAt, fireTimeOf, type Pace } from './pace.js';
import { beginningOf, instantOf, revisionOf } from './revision.js';

/** What filters and templates see of a timer. */
export interface TimerEventData {
  /** The instant of the schedule, e.g. `2026-03-29T01:30:00Z`; with jitter or after an outage it is fired later. */
  readonly scheduledAt: string;
}

/** A recorded instant so far ahead of the clock was made by a wrong clock: waiting for it could take for ever. */
const WRONG_CLOCK_MS = 86_400_000;

interface Surroundings {
  readonly context: SourceContext;
  readonly subscriber: Subscriber<SourceEvent<TimerEventData>>;
}

/**
 * One subscription to a timer. Goes on from the last settled instant; where none is known, records that it begins here (an occurrence
 * which the source's own gate drops), so that what passes during a first outage counts as missed.
 *
 * What was fired and is not settled counts: with `none` and `latest` the next instant waits for it, and those that pass meanwhile are
 * missed ones. So a target that is down for a day is not acted on once for each of them afterwards.
 */
export class Ticker {
  readonly #most: number;
  #reachedMs = Number.NaN;
  #unsettled = 0;
  #cancelAlarm: (() => void) | undefined;
  #isPlanning = false;
  #planAgain = false;

  constructor(
    private readonly key: string,
    private readonly pace: Pace,
    private readonly on: Surroundings,
  ) {
    this.#most = pace.missed === 'all' ? MAX_MISSED : 1;
  }

  start(): void {
    const { context } = this.on;
    const settledMs = instantOf(context.settledRevision(this.key));
    if (settledMs === undefined) this.#begin();
    else this.#reachedMs = settledMs;
    this.#plan();
  }

  stop(): void {
    this.#cancelAlarm?.();
  }

  /** Fires what is due and sets the alarm for what comes next. What it fires may be settled at once, and lead back here. */
  #plan(): void {
    this.#planAgain = true;
    if (this.#isPlanning) return;
    this.#isPlanning = true;
    try {
      while (this.#planAgain && !this.on.subscriber.closed) {
        this.#planAgain = false;
        this.#fireDue();
      }
    } catch (thrown) {
      this.on.subscriber.error(thrown);
    } finally {
      this.#isPlanning = false;
    }
  }

  #fireDue(): void {
    this.#cancelAlarm?.();
    const { scheduler } = this.on.context;
    const nowMs = scheduler.now();
    if (this.#reachedMs > nowMs + WRONG_CLOCK_MS) this.#beginAnew(nowMs);
    const room = this.#most - this.#unsettled;
    if (room <= 0) return; // whoever settles goes on
    const { instants, reachedMs, leftOutBeforeMs } = dueAt(this.pace, this.#reachedMs, nowMs);
    if (leftOutBeforeMs !== undefined) this.#warn('missed instants were left out', { before: leftOutBeforeMs });
    const fired = instants.slice(0, room);
    this.#reachedMs = fired.length < instants.length ? (fired.at(-1) ?? this.#reachedMs) : reachedMs;
    for (const instantMs of fired) this.#fire(revisionOf(instantMs), instantMs);
    if (this.#unsettled >= this.#most || this.on.subscriber.closed) return;
    const nextMs = fireTimeOf(this.pace, this.pace.schedule.next(this.#reachedMs));
    this.#cancelAlarm = alarmClockOf(scheduler).set(nextMs, () => this.#plan());
  }

  #begin(): void {
    this.#reachedMs = Math.floor(this.on.context.scheduler.now() / 1000) * 1000;
    this.#fire(beginningOf(this.#reachedMs), this.#reachedMs);
  }

  #beginAnew(nowMs: number): void {
    this.#warn('the clock was set back by more than a day: the timer begins anew', {
      recorded: this.#reachedMs,
      nowMs,
    });
    this.#begin();
  }

  #fire(revision: string, instantMs: number): void {
    let isSettled = false;
    this.#unsettled += 1;
    const settled = () => {
      if (isSettled) return;
      isSettled = true;
      this.#unsettled -= 1;
      this.#plan();
    };
    const data = { scheduledAt: revisionOf(instantMs) };
    this.on.subscriber.next({ change: 'occurred', key: this.key, revision, data, settled });
  }

  #warn(message: string, instants: Readonly<Record<string, number>>): void {
    const texts = Object.entries(instants).map(([name, ms]) => [name, revisionOf(ms)] as const);
    this.on.context.logger.warn({ key: this.key, ...Object.fromEntries(texts) }, message);
  }
}
