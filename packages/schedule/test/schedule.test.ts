import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cronSchedule, everySchedule, instantText, lastInstant, lastInstants } from '../src/index.js';

const START = Date.UTC(2026, 0, 1);
const ZONES = ['UTC', 'America/New_York', 'Europe/Berlin', 'Australia/Lord_Howe', 'Asia/Kathmandu', 'Africa/Cairo'];
const CRONS = [
  '30 1 * * *',
  '30 2 * * *',
  '*/15 * * * *',
  '10,50 1-3 * * *',
  '0 */2 * * 0',
  '*/20 59 1,2 * * *',
  '0 0 L * *',
];

function next(expression: string, after: string, timeZone = 'UTC'): string {
  return instantText(cronSchedule(expression, { timeZone }).next(Date.parse(after)));
}

describe('cron', () => {
  it.each([
    ['30 3 * * 1-5', '2026-01-02T03:30:00Z', '2026-01-05T03:30:00Z'],
    ['30 3 * * MON-fri', '2026-01-02T03:30:00Z', '2026-01-05T03:30:00Z'],
    ['0 0 * * 7', '2026-01-01T00:00:00Z', '2026-01-04T00:00:00Z'],
    ['0 0 * * 5-7', '2026-01-03T00:00:00Z', '2026-01-04T00:00:00Z'],
    ['0 0 ? * ?', '2026-01-01T00:00:00Z', '2026-01-02T00:00:00Z'],
    ['*/20 * * * * *', '2026-01-01T00:00:05Z', '2026-01-01T00:00:20Z'],
    ['5/20 * * * *', '2026-01-01T00:00:00Z', '2026-01-01T00:05:00Z'],
    ['5/20 * * * *', '2026-01-01T00:25:00Z', '2026-01-01T00:45:00Z'],
    ['0 0 29 2 *', '2026-01-01T00:00:00Z', '2028-02-29T00:00:00Z'],
    ['0 0 29 2 *', '2096-03-01T00:00:00Z', '2104-02-29T00:00:00Z'],
    ['0 0 L * *', '2026-02-01T00:00:00Z', '2026-02-28T00:00:00Z'],
    ['0 0 * * FRIL', '2026-01-01T00:00:00Z', '2026-01-30T00:00:00Z'],
    ['0 0 * * 1#2', '2026-01-01T00:00:00Z', '2026-01-12T00:00:00Z'],
    ['0 0 13 * 5', '2026-01-01T00:00:00Z', '2026-01-02T00:00:00Z'],
    ['0 12 1 jan,JUL *', '2026-01-02T00:00:00Z', '2026-07-01T12:00:00Z'],
    ['@daily', '2026-01-01T00:00:00Z', '2026-01-02T00:00:00Z'],
    ['@Weekly', '2026-01-01T00:00:00Z', '2026-01-04T00:00:00Z'],
    ['  30   3 * * * ', '2026-01-01T00:00:00Z', '2026-01-01T03:30:00Z'],
    ['3,3,5-7,6 0 * * *', '2026-01-01T00:06:00Z', '2026-01-01T00:07:00Z'],
  ])('%s after %s is %s', (expression, after, expected) => {
    expect(next(expression, after)).toBe(expected);
  });

  it('takes zones by any case, and finds changes of clocks years ahead', () => {
    expect(next('0 12 1 7 *', '2026-07-02T00:00:00Z', 'europe/berlin')).toBe('2027-07-01T10:00:00Z');
    expect(next('30 2 29 3 *', '2026-03-29T01:30:00Z', 'Europe/Berlin')).toBe('2027-03-29T00:30:00Z');
  });

  it('is strictly later, whatever the milliseconds', () => {
    expect(next('* * * * * *', '2026-01-01T00:00:00.999Z')).toBe('2026-01-01T00:00:01Z');
    expect(next('* * * * * *', '2026-01-01T00:00:01Z')).toBe('2026-01-01T00:00:02Z');
  });

  it('gives the same instants from wherever one starts', () => {
    const around = [
      Date.UTC(2026, 2, 8),
      Date.UTC(2026, 2, 29),
      Date.UTC(2026, 9, 25),
      Date.UTC(2026, 10, 1),
      Date.UTC(2026, 3, 4),
      Date.UTC(2026, 9, 3),
      Date.UTC(2026, 3, 24),
    ];
    const from = fc
      .tuple(fc.constantFrom(...around), fc.integer({ min: -100_000, max: 100_000 }))
      .map(([day, s]) => day + s * 1000);
    fc.assert(
      fc.property(
        fc.constantFrom(...CRONS),
        fc.constantFrom(...ZONES),
        from,
        fc.double({ min: 0, max: 1, noNaN: true }),
        (cron, timeZone, fromMs, where) => {
          const schedule = cronSchedule(cron, { timeZone });
          const found = schedule.next(fromMs);
          expect(found).toBeGreaterThan(fromMs);
          // From anywhere before it the answer is the same; just before it, too.
          expect(schedule.next(fromMs + Math.floor((found - fromMs - 1) * where))).toBe(found);
          expect(schedule.next(found - 1)).toBe(found);
        },
      ),
      { numRuns: 500 },
    );
  });

  it('fires a time of day once for each date, in every zone', () => {
    for (const timeZone of ZONES) {
      for (const hour of [0, 1, 2, 3]) {
        const found = lastInstants(
          cronSchedule(`30 ${hour} * * *`, { timeZone }),
          { afterMs: Date.UTC(2026, 0, 1, 12), untilMs: Date.UTC(2027, 0, 1, 12) },
          1000,
        );
        expect(found).toHaveLength(365);
      }
    }
  });
});

describe('H', () => {
  const minutes = (expression: string, hashSeed: string) => {
    const at = new Date(cronSchedule(expression, { hashSeed }).next(START));
    return `${at.getUTCHours()}:${at.getUTCMinutes()}:${at.getUTCSeconds()}`;
  };

  it('is decided by the seed and stays', () => {
    // Changing these moves the timers of everyone who upgrades.
    expect(['shop/a', 'shop/b', 'shop/c'].map((seed) => minutes('H H * * *', seed))).toMatchInlineSnapshot(`
      [
        "21:43:0",
        "3:53:0",
        "9:45:0",
      ]
    `);
  });

  it('spreads over its range, and only there', () => {
    const found = Array.from({ length: 400 }, (_, i) => Number(minutes('H(10-19) 3 * * *', `rule-${i}`).split(':')[1]));
    expect(new Set(found)).toEqual(new Set([10, 11, 12, 13, 14, 15, 16, 17, 18, 19]));
  });

  it('shifts steps', () => {
    const schedule = cronSchedule('H/20 * * * *', { hashSeed: 'shop/a' });
    const [one = 0, two = 0, three = 0] = lastInstants(schedule, { afterMs: START, untilMs: START + 3_600_000 }, 3);
    expect([two - one, three - two]).toEqual([1_200_000, 1_200_000]);
  });

  it('comes in every month', () => {
    for (let i = 0; i < 100; i += 1) {
      const found = lastInstants(
        cronSchedule('0 0 H * *', { hashSeed: `${i}` }),
        { afterMs: START - 1, untilMs: Date.UTC(2027, 0, 1) - 1 },
        13,
      );
      expect(found).toHaveLength(12);
    }
  });
});

describe('intervals', () => {
  it('count from the epoch', () => {
    expect(everySchedule(90_000).next(START)).toBe(Math.floor(START / 90_000) * 90_000 + 90_000);
    expect(everySchedule(90_000).next(179_999)).toBe(180_000);
    expect(everySchedule(90_000).next(180_000)).toBe(270_000);
  });

  it.each([0, -1, 0.5, Number.NaN, Infinity])('cannot be %s', (ms) => {
    expect(() => everySchedule(ms)).toThrow('is no interval');
  });
});

describe('the last instants', () => {
  it('are those that stepping finds', () => {
    const seconds = fc.integer({ min: 0, max: 200_000 }).map((s) => START + s * 1000 + 250);
    fc.assert(
      fc.property(
        fc.constantFrom(...CRONS),
        fc.constantFrom(...ZONES),
        seconds,
        seconds,
        fc.integer({ min: 1, max: 5 }),
        (cron, timeZone, a, b, count) => {
          const schedule = cronSchedule(cron, { timeZone });
          const range = { afterMs: Math.min(a, b), untilMs: Math.max(a, b) };
          const all: number[] = [];
          for (let at = schedule.next(range.afterMs); at <= range.untilMs; at = schedule.next(at)) all.push(at);
          expect(lastInstants(schedule, range, count)).toEqual(all.slice(-count));
          expect(lastInstant(schedule, range.afterMs, range.untilMs)).toBe(all.at(-1));
        },
      ),
      { numRuns: 100 },
    );
  });

  it('take few questions, also for a year of seconds', () => {
    const seconds = cronSchedule('* * * * * *');
    let asked = 0;
    const counting = { next: (after: number) => ((asked += 1), seconds.next(after)) };
    expect(lastInstant(counting, START, START + 31_536_000_000)).toBe(START + 31_536_000_000);
    expect(asked).toBeLessThan(40);
  });
});
