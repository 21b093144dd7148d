import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AlarmClock, alarmClockOf } from '../src/alarm-clock.js';
import { AlarmHeap, type Alarm } from '../src/alarm-heap.js';
import { Outside, Process } from './support/process.js';
import { WallClock } from './support/wall-clock.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

describe('the alarm clock', () => {
  it('needs one timer for ten thousand timers, and none without', async () => {
    const clock = new WallClock();
    const processes = Array.from({ length: 10_000 }, (_, i) => {
      const rule = { namespace: 'shop', name: `rule-${i}` };
      return new Process({ every: `${i + 1}s` }, { scheduler: clock, rule });
    });
    expect(clock.ticks.pending).toBe(1);
    await clock.ticks.advance(3000);
    expect(processes.slice(0, 4).map(({ acted }) => acted.length)).toEqual([3, 1, 1, 0]);
    expect(clock.ticks.pending).toBe(1);
    for (const process of processes) process.kill();
    expect([clock.ticks.pending, alarmClockOf(clock).size]).toEqual([0, 0]);
  });

  it('starts no timer that is longer than a minute, however far the alarm is', async () => {
    const clock = new WallClock();
    let rung = 0;
    alarmClockOf(clock).set(clock.now() + 400 * DAY, () => (rung += 1));
    await clock.ticks.advance(HOUR);
    expect(clock.started).toBe(61);
    await clock.ticks.advance(400 * DAY - HOUR - 1);
    expect(rung).toBe(0);
    await clock.ticks.advance(1);
    expect([rung, clock.ticks.pending]).toEqual([1, 0]);
  });

  it('is shared by scheduler', () => {
    const [one, other] = [new WallClock(), new WallClock()];
    expect(alarmClockOf(one)).toBe(alarmClockOf(one));
    expect(alarmClockOf(one)).not.toBe(alarmClockOf(other));
  });

  it('rings in order, and not those that were cancelled', async () => {
    const clock = new WallClock();
    const alarms = new AlarmClock(clock);
    const rung: number[] = [];
    const cancels = [5, 3, 9, 1, 7].map((s) => alarms.set(clock.now() + s * 1000, () => rung.push(s)));
    cancels[2]?.();
    cancels[2]?.();
    await clock.ticks.advance(10_000);
    expect(rung).toEqual([1, 3, 5, 7]);
  });

  it('rings what is due already, but not at once', async () => {
    const clock = new WallClock();
    const alarms = new AlarmClock(clock);
    let rung = 0;
    alarms.set(clock.now() - HOUR, () => (rung += 1));
    expect(rung).toBe(0);
    await clock.ticks.advance(0);
    expect(rung).toBe(1);
  });

  it('rings the others when one of them throws', async () => {
    const clock = new WallClock();
    const alarms = new AlarmClock(clock);
    let rung = 0;
    alarms.set(clock.now() + 1000, () => {
      throw new Error('boom');
    });
    alarms.set(clock.now() + 1000, () => (rung += 1));
    alarms.set(clock.now() + 2000, () => (rung += 1));
    await expect(clock.ticks.advance(1500)).rejects.toThrow('boom');
    await clock.ticks.advance(1500);
    expect(rung).toBe(2);
  });
});

describe('the heap', () => {
  it('gives alarms in order, whatever was added and removed', () => {
    const steps = fc.array(fc.record({ dueMs: fc.integer({ min: 0, max: 50 }), isRemoved: fc.boolean() }), {
      maxLength: 60,
    });
    fc.assert(
      fc.property(steps, fc.integer({ min: 0, max: 50 }), (added, untilMs) => {
        const heap = new AlarmHeap();
        const alarms = added.map(
          ({ dueMs, isRemoved }) =>
            ({ dueMs, isRemoved, ring: () => undefined, index: -1 }) satisfies Alarm & { isRemoved: boolean },
        );
        for (const alarm of alarms) heap.add(alarm);
        for (const alarm of alarms) if (alarm.isRemoved) heap.remove(alarm);
        const kept = alarms
          .filter(({ isRemoved }) => !isRemoved)
          .map(({ dueMs }) => dueMs)
          .toSorted((a, b) => a - b);
        expect(heap.size).toBe(kept.length);
        expect(heap.takeUntil(untilMs).map(({ dueMs }) => dueMs)).toEqual(kept.filter((dueMs) => dueMs <= untilMs));
        expect(heap.takeUntil(Infinity).map(({ dueMs }) => dueMs)).toEqual(kept.filter((dueMs) => dueMs > untilMs));
      }),
    );
  });
});

describe('a clock that is set', () => {
  const at = (...times: string[]) => times.map((time) => `2026-01-01T${time}Z`);

  it('forward, as by a suspend: what passed is missed, within a minute', async () => {
    const clock = new WallClock();
    const process = new Process({ every: '1h' }, { scheduler: clock });
    await clock.ticks.advance(HOUR);
    clock.jump(5 * HOUR + 10 * MINUTE);
    await clock.ticks.advance(MINUTE);
    expect(process.acted).toEqual(at('01:00:00', '06:00:00'));
  });

  it('back: nothing is repeated', async () => {
    const clock = new WallClock();
    const process = new Process({ every: '1h', missed: 'all' }, { scheduler: clock });
    await clock.ticks.advance(2 * HOUR);
    clock.jump(-90 * MINUTE);
    await clock.ticks.advance(3 * HOUR);
    expect(process.acted).toEqual(at('01:00:00', '02:00:00', '03:00:00'));
  });

  it('back to the right year: goes on from there within a minute, and says so', async () => {
    const clock = new WallClock(Date.UTC(2050, 0, 1));
    const outside = new Outside();
    const process = new Process({ every: '1h' }, { scheduler: clock, outside });
    await clock.ticks.advance(HOUR);
    clock.jump(Date.UTC(2026, 0, 1) - clock.now());
    await clock.ticks.advance(2 * HOUR);
    expect(process.acted).toEqual(['2050-01-01T01:00:00Z', ...at('01:00:00', '02:00:00')]);
    expect(process.logger.lines).toMatchObject([{ level: 'warn', facts: { recorded: '2050-01-01T01:00:00Z' } }]);
    expect(outside.settled.get('Timer/shop/nightly/every-1h')).toBe('2026-01-01T02:00:00Z');
  });

  it('back to the right year while nobody ran: the same', async () => {
    const clock = new WallClock();
    const outside = new Outside();
    outside.settled.set('Timer/shop/nightly/every-1h', '2050-01-01T01:00:00Z');
    const process = new Process({ every: '1h', missed: 'all' }, { scheduler: clock, outside });
    await clock.ticks.advance(HOUR);
    expect(process.acted).toEqual(at('01:00:00'));
  });
});
