import { createHash } from 'node:crypto';
import { lastInstants, type Schedule } from '@kube-trigger/schedule';
import { MAX_MISSED } from './config.js';

/** Which instants of a schedule are to be fired, and when. */
export interface Pace {
  readonly schedule: Schedule;
  readonly missed: 'none' | 'latest' | 'all';
  /** How late an instant may be fired. */
  readonly deadlineMs: number;
  readonly jitterMs: number;
  /** Decides the jitter, together with the instant. */
  readonly jitterSeed: string;
}

export interface Due {
  /** The instants to fire, the oldest first. */
  readonly instants: readonly number[];
  /** Everything up to here is dealt with once they are fired. */
  readonly reachedMs: number;
  /** Instants before this one were left out for being too old or too many. */
  readonly leftOutBeforeMs?: number;
}

/** When an instant is fired: a part of the jitter later, and before the next one, so that the order stays. The same in every process. */
export function fireTimeOf({ schedule, jitterMs, jitterSeed }: Pace, instantMs: number): number {
  if (jitterMs === 0) return instantMs;
  const hash = createHash('sha256').update(`${jitterSeed}\n${instantMs}`).digest().readUInt32BE(0);
  const spaceMs = Math.min(jitterMs, schedule.next(instantMs) - instantMs);
  return instantMs + Math.floor((hash / 2 ** 32) * spaceMs);
}

/** What of the instants after `afterMs` is to be fired now. Costs about the same after a second and after a year. */
export function dueAt(pace: Pace, afterMs: number, nowMs: number): Due {
  const { schedule, missed, deadlineMs, jitterMs } = pace;
  const floorMs = Math.max(afterMs, nowMs - deadlineMs - jitterMs - 1);
  const most = missed === 'all' ? MAX_MISSED : 1;
  // One more than may be fired, since the last one may have its jitter before it; those before the last have not.
  const passed = lastInstants(schedule, { afterMs: floorMs, untilMs: nowMs }, most + 1);
  if (passed.length > 0 && fireTimeOf(pace, passed.at(-1) ?? 0) > nowMs) passed.pop();
  const instants = passed.slice(-most).filter((instantMs) => nowMs - fireTimeOf(pace, instantMs) <= deadlineMs);
  const reachedMs = passed.at(-1) ?? floorMs;
  const firstMs = schedule.next(afterMs);
  const untilMs = instants[0] ?? reachedMs + 1;
  const isLeftOut = firstMs < untilMs && (missed === 'all' || instants.length === 0);
  return { instants, reachedMs, ...(isLeftOut ? { leftOutBeforeMs: untilMs } : {}) };
}
