import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cronSchedule, everySchedule, instantText, isAlwaysOpen, type Windows, windowAt } from '../src/index.js';

const HOUR = 3_600_000;

function at(windows: Windows, instant: string): string {
  const { isOpen, untilMs } = windowAt(windows, Date.parse(instant));
  return `${isOpen ? 'open' : 'closed'} until ${instantText(untilMs)}`;
}

describe('a window', () => {
  const nightly: Windows = { starts: cronSchedule('0 22 * * *', { timeZone: 'Europe/Berlin' }), durationMs: 2 * HOUR };

  it.each([
    ['2026-01-01T20:59:59.999Z', 'closed until 2026-01-01T21:00:00Z'],
    ['2026-01-01T21:00:00Z', 'open until 2026-01-01T23:00:00Z'],
    ['2026-01-01T22:59:59.999Z', 'open until 2026-01-01T23:00:00Z'],
    ['2026-01-01T23:00:00Z', 'closed until 2026-01-02T21:00:00Z'],
    ['2026-03-29T01:00:00Z', 'closed until 2026-03-29T20:00:00Z'],
  ])('at %s is %s', (instant, expected) => {
    expect(at(nightly, instant)).toBe(expected);
  });

  it('is one with those that it overlaps or touches', () => {
    const overlapping = { starts: cronSchedule('0 1,2,3,7 * * *'), durationMs: 1.5 * HOUR };
    expect(at(overlapping, '2026-01-01T01:10:00Z')).toBe('open until 2026-01-01T04:30:00Z');
    expect(at({ ...overlapping, durationMs: HOUR }, '2026-01-01T01:10:00Z')).toBe('open until 2026-01-01T04:00:00Z');
  });

  it('lasts as long as it says, whatever the clocks do', () => {
    const early = { starts: cronSchedule('30 1 * * *', { timeZone: 'Europe/Berlin' }), durationMs: HOUR };
    expect(at(early, '2026-03-29T00:45:00Z')).toBe('open until 2026-03-29T01:30:00Z');
  });

  it('agrees with its own answers', () => {
    const cron = fc.constantFrom('0 22 * * *', '*/30 1-4 * * *', '0 0 * * 1', '15 * * * *');
    const instant = fc.integer({ min: 0, max: 30 * 86_400 }).map((s) => Date.UTC(2026, 2, 15) + s * 1000);
    fc.assert(
      fc.property(cron, fc.integer({ min: 1, max: 600 }), instant, (expression, minutes, atMs) => {
        const windows = {
          starts: cronSchedule(expression, { timeZone: 'Europe/Berlin' }),
          durationMs: minutes * 60_000,
        };
        const { isOpen, untilMs } = windowAt(windows, atMs);
        expect(untilMs).toBeGreaterThan(atMs);
        expect(windowAt(windows, untilMs - 1).isOpen).toBe(isOpen);
        expect(windowAt(windows, untilMs).isOpen).toBe(isAlwaysOpen(windows) || !isOpen);
      }),
      { numRuns: 300 },
    );
  });
});

describe('a window that is always open', () => {
  it('is found', () => {
    expect(isAlwaysOpen({ starts: everySchedule(HOUR), durationMs: HOUR })).toBe(true);
    expect(isAlwaysOpen({ starts: everySchedule(HOUR), durationMs: HOUR - 1 })).toBe(false);
    expect(isAlwaysOpen({ starts: cronSchedule('0 0 * * 1-5'), durationMs: 24 * HOUR })).toBe(false);
  });

  it.each([
    ['* 9-17 * * 1-5', 1],
    ['* * * * 1-5', 1],
    ['* 0-22 * * *', 1],
    ['0-58 * * * *', 1],
    ['* * 1-30 * *', 1],
    ['* * * 1-11 *', 1],
    ['* * * * 1-6', 11 * 60],
    ['0-20 * * * * *', 1, true],
    ['*/2 * * * *', 1],
    ['*/2 * * * *', 2, true],
    ['0 * * * *', 59],
    ['0,20 * * * *', 40, true],
    ['0,20 * * * *', 39],
    ['0 */6 * * *', 13 * 60, true],
    ['0 0 * * 1-5', 71 * 60],
    ['0 0 * * 1-5', 72 * 60, true],
    ['0 0 * 1-11 *', 24 * 60],
    ['0 0 1 * *', 30 * 24 * 60],
    ['0 0 1 * *', 31 * 24 * 60, true],
    ['0 0 1 1 *', 31 * 24 * 60],
    ['* * * * * *', 1, true],
    ['* * * * * *', 12 * 60, true],
    ['* * * * * *', 31 * 24 * 60, true],
  ])('is told from one with gaps, with few questions: %s for %i minutes', (expression, minutes, isOpen = false) => {
    const starts = cronSchedule(expression);
    let asked = 0;
    const counted = { next: (afterMs: number) => ((asked += 1), starts.next(afterMs)) };
    expect(isAlwaysOpen({ starts: counted, durationMs: minutes * 60_000 })).toBe(isOpen);
    expect(asked).toBeLessThan(2000);
  });

  it('is not one that the end of summer time makes too short', () => {
    const starts = cronSchedule('0 0 * * *', { timeZone: 'Europe/Berlin' });
    expect(isAlwaysOpen({ starts, durationMs: 24 * HOUR })).toBe(false);
    expect(isAlwaysOpen({ starts, durationMs: 25 * HOUR })).toBe(true);
  });

  it('says a bounded time', () => {
    expect(windowAt({ starts: everySchedule(1000), durationMs: 1000 }, 500_000).untilMs).toBe(601_000);
  });
});
