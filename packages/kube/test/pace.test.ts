import { TriggerError } from '@kube-trigger/core';
import { describe, expect, it } from 'vitest';
import { DEFAULT_TIMINGS } from '../src/index.js';
import { Pace } from '../src/watch/pace.js';

const draws: readonly [string, () => number][] = [
  ['the shortest draws', () => 0],
  ['middle draws', () => 0.5],
  ['the longest draws', () => 0.999],
];

/** When attempts are made in the first `withinMs`, if each one takes no time at all. */
function attempts(withinMs: number, next: () => number): number {
  let count = 0;
  for (let at = 0; at <= withinMs && count < 1_000; at += next()) count += 1;
  return count;
}

describe.each(draws)('with %s', (_, random) => {
  it('a server that is down, or closes every watch at once, is asked at most 20 times in 30 s', () => {
    const down = new Pace(DEFAULT_TIMINGS, random);
    expect(attempts(30_000, () => down.failed())).toBeLessThanOrEqual(20);
    const closing = new Pace(DEFAULT_TIMINGS, random);
    expect(attempts(30_000, () => closing.ended(0))).toBeLessThanOrEqual(20);
  });

  it('an expired version after a long outage is answered by a list within a second, but not again and again', () => {
    const pace = new Pace(DEFAULT_TIMINGS, random);
    const expired = new TriggerError('KT_KUBE_EXPIRED', '410');
    for (let nth = 0; nth < 10; nth += 1) pace.failed();
    expect(pace.failed(expired)).toBeLessThanOrEqual(1000);
    expect(pace.failed(expired)).toBeGreaterThanOrEqual(7500);
    pace.ended(60_000);
    expect(pace.failed(expired)).toBeLessThanOrEqual(1000);
    expect(attempts(30_000, () => pace.failed(expired))).toBeLessThanOrEqual(20);
  });

  it('no wait is longer than the cap', () => {
    const pace = new Pace(DEFAULT_TIMINGS, random);
    for (let nth = 0; nth < 100; nth += 1) expect(pace.failed()).toBeLessThanOrEqual(30_000);
  });

  it('the first attempt after a watch that lived comes within half a second, and after one loss within a second', () => {
    const pace = new Pace(DEFAULT_TIMINGS, random);
    for (let nth = 0; nth < 10; nth += 1) pace.failed();
    expect(pace.ended(60_000)).toBeLessThanOrEqual(500);
    expect(pace.ended(100)).toBeLessThanOrEqual(1_000);
  });

  it('denied and missing kinds are asked for at their own pace, and are found within a minute', () => {
    const pace = new Pace(DEFAULT_TIMINGS, random);
    const denied = pace.failed(new TriggerError('KT_KUBE_FORBIDDEN', ''));
    expect(denied).toBeGreaterThanOrEqual(30_000);
    expect(denied).toBeLessThanOrEqual(55_000);
    expect(pace.failed(new TriggerError('KT_KUBE_NOT_FOUND', ''))).toBeLessThanOrEqual(20_000);
  });

  it('Retry-After is never undercut', () => {
    const pace = new Pace(DEFAULT_TIMINGS, random);
    const slowDown = new TriggerError('KT_KUBE_TOO_MANY_REQUESTS', '', { retry: { afterMs: 7_000 } });
    expect(pace.failed(slowDown)).toBeGreaterThanOrEqual(7_000);
    expect(pace.ended(60_000, slowDown)).toBeGreaterThanOrEqual(7_000);
  });
});
