import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { throttle } from '../src/index.js';
import { Slots } from '../src/slots.js';
import { Bench } from './support/bench.js';
import { wrongWith } from './support/wrong-with.js';

describe('a bad throttle', () => {
  it.each([
    [{ limit: 1 }, 'throttle.periodSeconds: is required'],
    [{ limit: 0, periodSeconds: 60 }, 'throttle.limit: 0 must be >= 1'],
    [{ limit: 1, periodSeconds: 0 }, 'throttle.periodSeconds: 0 must be >= 1'],
    [{ limit: 1001, periodSeconds: 60 }, 'throttle.limit: 1001 must be <= 1000'],
  ])('%j', (config, expected) => {
    expect(wrongWith(throttle, config)).toEqual([expect.stringContaining(expected)]);
  });
});

describe('slots', () => {
  it('let at most `limit` pass in any period, all of them in the end, first come first served', () => {
    const arrivals = fc.array(fc.integer({ min: 0, max: 30_000 }), { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(
        arrivals,
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 1, max: 10_000 }),
        (times, limit, periodMs) => {
          const slots = new Slots({ limit, periodMs });
          const asking = times
            .toSorted((a, b) => a - b)
            .map((atMs, i) => ({ atMs, i, waiter: `w${i}`, delivery: `d${i}` }));
          const passed: { atMs: number; waiter: string }[] = [];
          const laterBy: number[] = [];
          while (asking.length > 0) {
            // Whose slots are at the same instant ask in the order of their coming, as timers do.
            asking.sort((a, b) => a.atMs - b.atMs || a.i - b.i);
            const [first] = asking;
            if (first === undefined) break;
            const againMs = slots.ask(first, first.atMs);
            if (againMs === undefined) passed.push(...asking.splice(0, 1));
            else {
              laterBy.push(againMs - first.atMs);
              first.atMs = againMs;
            }
          }
          for (const [i, { atMs }] of passed.entries())
            expect(atMs - (passed[i - limit]?.atMs ?? -Infinity)).toBeGreaterThanOrEqual(periodMs);
          expect(passed.map(({ waiter }) => waiter)).toEqual(times.map((_, i) => `w${i}`));
          expect(slots.size).toBeLessThanOrEqual(limit);
          expect(laterBy.filter((ms) => ms <= 0)).toEqual([]);
        },
      ),
    );
  });

  it('keep to the rate also when those that wait come late', () => {
    const lateness = fc.array(fc.integer({ min: 0, max: 2000 }), { minLength: 200, maxLength: 200 });
    fc.assert(
      fc.property(
        lateness,
        fc.integer({ min: 1, max: 3 }),
        fc.integer({ min: 500, max: 3000 }),
        (lateMs, limit, periodMs) => {
          const slots = new Slots({ limit, periodMs });
          const asking = Array.from({ length: 12 }, (_, i) => ({ atMs: 0, waiter: `w${i}`, delivery: `d${i}` }));
          const passed: number[] = [];
          for (const late of lateMs) {
            asking.sort((a, b) => a.atMs - b.atMs);
            const [first] = asking;
            if (first === undefined) break;
            const againMs = slots.ask(first, first.atMs);
            if (againMs === undefined) passed.push(...asking.splice(0, 1).map(({ atMs }) => atMs));
            else first.atMs = againMs + late;
          }
          expect(passed).toHaveLength(12);
          const gaps = passed.slice(limit).map((atMs, i) => atMs - (passed[i] ?? 0));
          expect(Math.min(...gaps)).toBeGreaterThanOrEqual(periodMs);
        },
      ),
    );
  });

  it('count a delivery once, however often it is asked about', () => {
    const slots = new Slots({ limit: 1, periodMs: 1000 });
    const asking = { waiter: 'w', delivery: 'd' };
    expect([slots.ask(asking, 0), slots.ask(asking, 1), slots.ask({ waiter: 'x', delivery: 'x' }, 2)]).toEqual([
      undefined,
      undefined,
      1000,
    ]);
  });

  it('keep the turn of a waiter that asks early, and give it free when it does not come', () => {
    const slots = new Slots({ limit: 1, periodMs: 1000 });
    slots.ask({ waiter: 'a', delivery: 'a' }, 0);
    expect(slots.ask({ waiter: 'b', delivery: 'b1' }, 10)).toBe(1000);
    expect(slots.ask({ waiter: 'c', delivery: 'c' }, 20)).toBe(2000);
    expect(slots.ask({ waiter: 'b', delivery: 'b2' }, 30)).toBe(1000);
    expect(slots.ask({ waiter: 'd', delivery: 'd' }, 100_000)).toBeUndefined();
    expect(slots.size).toBe(1);
  });

  it('hold a bounded number', () => {
    const slots = new Slots({ limit: 1, periodMs: 1000 });
    for (let i = 0; i < 12_000; i += 1) slots.ask({ waiter: `${i}`, delivery: `${i}` }, 0);
    expect(slots.size).toBe(10_001);
    expect(slots.ask({ waiter: 'last', delivery: 'last' }, 0)).toBe(10_000_000);
  });

  it('do not wait for a clock that was set back', () => {
    const slots = new Slots({ limit: 1, periodMs: 1000 });
    slots.ask({ waiter: 'a', delivery: 'a' }, 1_000_000_000);
    expect(slots.ask({ waiter: 'b', delivery: 'b' }, 0)).toBeUndefined();
  });
});

describe('throttle in a rule', () => {
  async function started(...more: object[]) {
    const bench = new Bench([{ throttle: { limit: 2, periodSeconds: 60 } }, ...more]);
    for (const key of ['a', 'b', 'c', 'd', 'e']) bench.set(key, 'r0');
    await bench.start();
    return bench;
  }

  it('delays what is too much, over all objects of the rule, and loses nothing', async () => {
    const bench = await started();
    for (const key of ['a', 'b', 'c', 'd', 'e']) bench.set(key, 'r1');
    await bench.clock.advance(10_000);
    bench.set('c', 'r2');
    await bench.clock.advance(600_000);
    expect(bench.runs.toSorted()).toEqual([
      'a@r1 after 0 s',
      'b@r1 after 0 s',
      'c@r2 after 60 s',
      'd@r1 after 60 s',
      'e@r1 after 120 s',
    ]);
    expect(bench.of('verdict')[0]).toMatchObject({
      gate: 'throttle[0]',
      verdict: 'defer',
      because: 'at most 2 in 60 s',
    });
  });

  it('fires nothing for a change that is undone while it waits', async () => {
    const bench = await started();
    for (const key of ['a', 'b', 'c']) bench.set(key, 'r1');
    await bench.clock.advance(10_000);
    bench.set('c', 'r0');
    await bench.clock.advance(600_000);
    expect(bench.runs).toEqual(['a@r1 after 0 s', 'b@r1 after 0 s']);
  });

  it('counts once what a filter after it holds back', async () => {
    const bench = await started({ debounce: { quietSeconds: 5 } });
    for (const key of ['a', 'b', 'c']) bench.set(key, 'r1');
    await bench.clock.advance(200_000);
    expect(bench.runs).toEqual(['a@r1 after 5 s', 'b@r1 after 5 s', 'c@r1 after 60 s']);
  });

  it('forgets by a restart what passed, and loses nothing of what waits', async () => {
    const bench = await started();
    for (const key of ['a', 'b', 'c', 'd']) bench.set(key, 'r1');
    await bench.clock.advance(9999);
    await bench.stop();
    await bench.start();
    await bench.clock.advance(1000);
    expect(bench.runs).toEqual(['a@r1 after 0 s', 'b@r1 after 0 s', 'c@r1 after 10 s', 'd@r1 after 10 s']);
  });
});
