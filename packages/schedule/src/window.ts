import { lastInstant, type Schedule } from './schedule.js';

/** Times that begin with each instant of a schedule and last for `durationMs`. Where they overlap they are one. */
export interface Windows {
  readonly starts: Schedule;
  readonly durationMs: number;
}

/** Whether a window is open at an instant, and until when that stays so. */
export interface WindowState {
  readonly isOpen: boolean;
  /** When it opens, or when it closes; of windows that follow one another without a gap, after at most `MAX_JOINED` of them. */
  readonly untilMs: number;
}

const MAX_JOINED = 100;
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
/** A year, and some days more. */
const SPAN_MS = 370 * DAY_MS;

export function windowAt(windows: Windows, atMs: number): WindowState {
  const { starts, durationMs } = windows;
  // Open means that something started within the last `durationMs`: one question, however many windows overlap.
  let start = starts.next(atMs - durationMs);
  if (start > atMs) return { isOpen: false, untilMs: start };
  for (let joined = 0; joined < MAX_JOINED; joined += 1) {
    const next = starts.next(start);
    if (next > start + durationMs) break;
    start = next;
  }
  return { isOpen: true, untilMs: start + durationMs };
}

/**
 * True when each window reaches to the next one, so that it is always open: judged by a little more than a year. With few questions,
 * because a cron schedule names the same minutes in each of its hours, and the same hours on each of its days: where those that follow one
 * another leave no gap, only an hour or a day that is passed over can leave one, and that is too long to be missed by wide steps.
 */
export function isAlwaysOpen(windows: Windows): boolean {
  const { starts, durationMs } = windows;
  const beginMs = starts.next(Date.UTC(2026, 0, 1));
  const isOpenEvery = (stepMs: number, spanMs: number) => {
    for (let atMs = beginMs; atMs < beginMs + spanMs; atMs += stepMs)
      if (starts.next(atMs - durationMs) > atMs) return false;
    return true;
  };
  // What is closed for an hour or a day that is passed over, less what the window before reaches into it, and a change of the clocks.
  const hourly = HOUR_MS - durationMs;
  const daily = DAY_MS - durationMs - HOUR_MS;
  if (durationMs < HOUR_MS / 2)
    return isOpenEvery(daily, SPAN_MS) && isOpenEvery(hourly, 2 * DAY_MS) && isGapless(windows, beginMs, 2 * HOUR_MS);
  if (durationMs < DAY_MS / 2) return isOpenEvery(daily, SPAN_MS) && isGapless(windows, beginMs, 2 * DAY_MS);
  return isGapless(windows, beginMs, SPAN_MS);
}

/** Whether the window that begins at `beginMs` stays open for `spanMs`. */
function isGapless({ starts, durationMs }: Windows, beginMs: number, spanMs: number): boolean {
  for (let start = beginMs; start < beginMs + spanMs;) {
    // Any start that is reached will do: far on, so that many of them cost no more than a few.
    const halfMs = start + Math.floor(durationMs / 2);
    const far = starts.next(halfMs);
    const reached = far <= start + durationMs ? far : lastInstant(starts, start, halfMs);
    if (reached === undefined) return false;
    start = reached;
  }
  return true;
}
