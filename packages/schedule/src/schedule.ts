import { readCron, ScheduleSyntaxError } from './cron-fields.js';
import { TimeZone, timeZoneIssue, type Transition } from './time-zone.js';
import { WallTimes } from './wall-times.js';

const SECOND_MS = 1000;
/** No zone has moved its clocks by more (Samoa left out a whole day in 2011). */
const LONGEST_CHANGE_MS = 25 * 3_600_000;

/** An endless set of instants, in milliseconds since the epoch. Pure: the same question always has the same answer. */
export interface Schedule {
  /** The first instant strictly after `afterMs`. */
  next(afterMs: number): number;
}

export interface CronOptions {
  /** An IANA name. Default `UTC`. */
  readonly timeZone?: string | undefined;
  /** What decides the values of `H`. Default: the empty text. */
  readonly hashSeed?: string | undefined;
}

/**
 * The instants of a cron expression (5 fields, or 6 with seconds first). Throws `ScheduleSyntaxError`, saying what to write instead.
 *
 * Where clocks are changed: a schedule by time of day fires once for each time that it names, at the first of two equal ones, and by the
 * offset before the change where the time is left out (RFC 5545, 3.3.5): 02:30 is then 03:30. A schedule by the hour (`*`, `every n`) fires
 * whenever the clock shows a time that fits. See docs/decisions/0006-timer-dst.md.
 */
export function cronSchedule(expression: string, options: CronOptions = {}): Schedule {
  const { timeZone = 'UTC', hashSeed = '' } = options;
  const issue = timeZoneIssue(timeZone);
  if (issue !== undefined) throw new ScheduleSyntaxError(issue);
  const { normal, isTimeOfDay } = readCron(expression, hashSeed);
  return new CronSchedule(new WallTimes(normal, expression), TimeZone.of(timeZone), isTimeOfDay);
}

class CronSchedule implements Schedule {
  constructor(
    private readonly walls: WallTimes,
    private readonly zone: TimeZone,
    private readonly isTimeOfDay: boolean,
  ) {}

  next(afterMs: number): number {
    let fromMs = Math.floor(afterMs / SECOND_MS) * SECOND_MS + SECOND_MS;
    for (;;) {
      const recent = this.zone.transition(fromMs - LONGEST_CHANGE_MS, fromMs);
      const candidateMs = this.#withoutChange(fromMs, recent);
      // What was found holds if no clock is changed on the way there; else the search goes on behind the change.
      const change = this.zone.transition(fromMs, candidateMs);
      if (change === undefined) return candidateMs;
      fromMs = change.atMs;
    }
  }

  /** The first instant at or after `fromMs` by the offset that holds then; `recent` is the last clock change, if it still has effects. */
  #withoutChange(fromMs: number, recent: Transition | undefined): number {
    const offsetMs = recent?.afterMs ?? this.zone.offsetAt(fromMs);
    if (recent === undefined || !this.isTimeOfDay) return this.walls.from(fromMs + offsetMs) - offsetMs;
    const { atMs, beforeMs, afterMs } = recent;
    // Set back: what the clock shows until then it has shown before.
    const shown = Math.max(fromMs + afterMs, atMs + beforeMs);
    const regularMs = this.walls.from(shown) - afterMs;
    const leftOutMs = this.walls.from(fromMs + beforeMs) - beforeMs;
    const isLeftOut = leftOutMs + beforeMs < atMs + afterMs;
    return isLeftOut ? Math.min(leftOutMs, regularMs) : regularMs;
  }
}

/** Every `everyMs` milliseconds, counted from the epoch, so that a restart shifts nothing. */
export function everySchedule(everyMs: number): Schedule {
  if (!Number.isSafeInteger(everyMs) || everyMs <= 0) throw new RangeError(`${everyMs} is no interval`);
  return { next: (afterMs) => (Math.floor(afterMs / everyMs) + 1) * everyMs };
}

/** The last instant with `afterMs < instant <= untilMs`. Never steps through all of them: a year of seconds takes about 30 steps. */
export function lastInstant(schedule: Schedule, afterMs: number, untilMs: number): number | undefined {
  let last = schedule.next(afterMs);
  if (last > untilMs) return undefined;
  let noneAfter = untilMs;
  while (noneAfter - last >= SECOND_MS) {
    const middle = Math.floor((last + noneAfter) / 2);
    const next = schedule.next(middle);
    if (next <= untilMs) last = next;
    else noneAfter = middle;
  }
  return last;
}

/** The last `count` instants with `afterMs < instant <= untilMs`, in order. */
export function lastInstants(schedule: Schedule, range: { afterMs: number; untilMs: number }, count: number): number[] {
  const { afterMs, untilMs } = range;
  const found: number[] = [];
  for (let next = schedule.next(afterMs); next <= untilMs; next = schedule.next(next)) {
    found.push(next);
    if (found.length > count) return lastOfMany(schedule, range, count);
  }
  return found;
}

function lastOfMany(
  schedule: Schedule,
  { afterMs, untilMs }: { afterMs: number; untilMs: number },
  count: number,
): number[] {
  const found: number[] = [];
  for (let until = untilMs; found.length < count;) {
    const last = lastInstant(schedule, afterMs, until);
    if (last === undefined) break;
    found.push(last);
    until = last - 1;
  }
  return found.toReversed();
}
