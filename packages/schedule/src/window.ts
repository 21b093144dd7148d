import type { Schedule } from './schedule.js';

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
const SAMPLES = 400;

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

/** True when each window reaches to the next one (judged by the next few hundred), so that it is always open. */
export function isAlwaysOpen({ starts, durationMs }: Windows): boolean {
  let start = starts.next(Date.UTC(2026, 0, 1));
  for (let i = 0; i < SAMPLES; i += 1) {
    const next = starts.next(start);
    if (next > start + durationMs) return false;
    start = next;
  }
  return true;
}
