import { VirtualClock } from '@kube-trigger/core/testing';
import { describe, expect, it } from 'vitest';
import { Outside, Process } from './support/process.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** Instants of one day, from `HH:MM:SS`. */
const at = (...times: string[]) => times.map((time) => `2026-01-01T${time}Z`);

describe('a timer', () => {
  it('fires at each instant, with the instant as revision and data', async () => {
    const clock = new VirtualClock();
    const process = new Process({ schedule: '*/10 * * * *' }, { scheduler: clock, answers: false });
    const [beginning] = process.waiting;
    expect(beginning).toMatchObject({ key: 'Timer/shop/nightly/*/10_*_*_*_*', revision: 'since 2026-01-01T00:00:00Z' });
    process.answer();
    await clock.advance(10 * MINUTE);
    expect(process.waiting).toEqual([
      {
        change: 'occurred',
        key: 'Timer/shop/nightly/*/10_*_*_*_*',
        revision: '2026-01-01T00:10:00Z',
        data: { scheduledAt: '2026-01-01T00:10:00Z' },
        settled: expect.any(Function),
      },
    ]);
    process.answerFromNowOn();
    await clock.advance(20 * MINUTE);
    expect(process.acted).toEqual(at('00:10:00', '00:20:00', '00:30:00'));
  });

  it('fires nothing of the past at first sight, not even the present second', async () => {
    const clock = new VirtualClock();
    const process = new Process({ every: '1h', missed: 'all' }, { scheduler: clock });
    await clock.advance(HOUR - 1);
    expect(process.acted).toEqual([]);
    await clock.advance(1);
    expect(process.acted).toEqual(at('01:00:00'));
  });

  it('counts what passes during a first outage as missed', async () => {
    const clock = new VirtualClock();
    const outside = new Outside();
    new Process({ every: '1h' }, { scheduler: clock, outside }).kill();
    await clock.advance(90 * MINUTE);
    expect(new Process({ every: '1h' }, { scheduler: clock, outside }).acted).toEqual(at('01:00:00'));
  });

  it('is not shifted by restarts', async () => {
    const clock = new VirtualClock();
    const outside = new Outside();
    for (let i = 0; i < 20; i += 1) {
      const process = new Process({ every: '90s' }, { scheduler: clock, outside });
      await clock.advance(37_000);
      process.kill();
    }
    expect(outside.acted).toEqual(
      at('00:01:30', '00:03:00', '00:04:30', '00:06:00', '00:07:30', '00:09:00', '00:10:30', '00:12:00'),
    );
  });

  it('begins anew where its record cannot be read', async () => {
    const clock = new VirtualClock();
    const outside = new Outside();
    outside.settled.set('Timer/shop/nightly/every-1h', 'of another version');
    const process = new Process({ every: '1h', missed: 'all' }, { scheduler: clock, outside });
    await clock.advance(2 * HOUR);
    expect(process.acted).toEqual(at('01:00:00', '02:00:00'));
  });

  it('that is suspended says synced, holds nothing, and forgets what passed', async () => {
    const clock = new VirtualClock();
    const outside = new Outside();
    const suspended = new Process({ every: '1h', suspend: true }, { scheduler: clock, outside });
    expect([clock.pending, suspended.isSynced]).toEqual([0, true]);
    await clock.advance(3 * HOUR);
    const resumed = new Process({ every: '1h' }, { scheduler: clock, outside });
    expect(resumed.acted).toEqual([]);
  });

  it('takes H from its rule, the same after a restart', async () => {
    const first = async (name: string) => {
      const clock = new VirtualClock();
      const process = new Process({ schedule: 'H H * * *' }, { scheduler: clock, rule: { namespace: 'shop', name } });
      await clock.advance(24 * HOUR);
      return process.acted[0];
    };
    const names = ['a', 'b', 'c', 'd', 'e'];
    const [once, again] = [await Promise.all(names.map(first)), await Promise.all(names.map(first))];
    expect(once).toEqual(again);
    expect(new Set(once).size).toBe(5);
  });
});

describe('missed instants', () => {
  /** What is fired after an outage from 00:30 to 05:30:20, with an instant every hour. */
  async function afterOutage(config: object) {
    const clock = new VirtualClock();
    const outside = new Outside();
    const before = new Process({ every: '1h', ...config }, { scheduler: clock, outside });
    await clock.advance(30 * MINUTE);
    before.kill();
    await clock.advance(5 * HOUR + 20_000);
    const process = new Process({ every: '1h', ...config }, { scheduler: clock, outside });
    await clock.settle();
    return { process, clock };
  }

  it('latest: the last one, once', async () => {
    const { process, clock } = await afterOutage({ missed: 'latest' });
    expect(process.acted).toEqual(at('05:00:00'));
    await clock.advance(HOUR);
    expect(process.acted).toEqual(at('05:00:00', '06:00:00'));
    expect(process.logger.lines).toEqual([]);
  });

  it('all: each, in order', async () => {
    const { process } = await afterOutage({ missed: 'all' });
    expect(process.acted).toEqual(at('01:00:00', '02:00:00', '03:00:00', '04:00:00', '05:00:00'));
  });

  it('none: nothing, and says so', async () => {
    const { process, clock } = await afterOutage({ missed: 'none' });
    expect(process.acted).toEqual([]);
    expect(process.logger.lines).toMatchObject([
      { level: 'warn', message: 'missed instants were left out', facts: { key: 'Timer/shop/nightly/every-1h' } },
    ]);
    await clock.advance(HOUR);
    expect(process.acted).toEqual(at('06:00:00'));
  });

  it('none, but fired all the same within a minute: a restart at the very second', async () => {
    const clock = new VirtualClock();
    const outside = new Outside();
    const before = new Process({ every: '1h', missed: 'none' }, { scheduler: clock, outside });
    await clock.advance(HOUR - 1);
    before.kill();
    await clock.advance(MINUTE + 1);
    expect(new Process({ every: '1h', missed: 'none' }, { scheduler: clock, outside }).acted).toEqual(at('01:00:00'));
  });

  it('older than the deadline are left out', async () => {
    expect((await afterOutage({ missed: 'all', startingDeadlineSeconds: 2 * 3600 })).process.acted).toEqual(
      at('04:00:00', '05:00:00'),
    );
    expect((await afterOutage({ missed: 'latest', startingDeadlineSeconds: 1819 })).process.acted).toEqual([]);
    expect((await afterOutage({ missed: 'latest', startingDeadlineSeconds: 1820 })).process.acted).toEqual(
      at('05:00:00'),
    );
  });

  it('all: the last hundred at most, said', async () => {
    const { process } = await afterOutage({ every: '1m', missed: 'all' });
    expect(process.acted.slice(29)).toHaveLength(101);
    expect(process.acted.at(30)).toBe('2026-01-01T03:51:00Z');
    expect(process.acted.at(-1)).toBe('2026-01-01T05:30:00Z');
    expect(process.logger.lines).toMatchObject([{ facts: { before: '2026-01-01T03:51:00Z' } }]);
  });

  it('are found at once after years', async () => {
    const clock = new VirtualClock();
    const outside = new Outside();
    outside.settled.set('Timer/shop/nightly/*_*_*_*_*_*', '2006-01-01T00:00:00Z');
    const process = new Process(
      { schedule: '* * * * * *', timeZone: 'America/New_York' },
      { scheduler: clock, outside },
    );
    expect(process.acted).toEqual(at('00:00:00'));
  });
});

describe('while an occurrence is under way', () => {
  it('latest: the others are missed ones', async () => {
    const clock = new VirtualClock();
    const process = new Process({ every: '10m' }, { scheduler: clock, answers: false });
    process.answer();
    await clock.advance(HOUR);
    expect(process.waiting.map(({ revision }) => revision)).toEqual(at('00:10:00'));
    process.answer();
    expect(process.waiting.map(({ revision }) => revision)).toEqual(at('01:00:00'));
  });

  it('none: the others are left out', async () => {
    const clock = new VirtualClock();
    const process = new Process({ every: '10m', missed: 'none' }, { scheduler: clock, answers: false });
    process.answer();
    await clock.advance(HOUR + 2 * MINUTE);
    process.answerFromNowOn();
    await clock.advance(10 * MINUTE);
    expect(process.acted).toEqual(at('00:10:00', '01:10:00'));
  });

  it('all: a hundred go on, none is lost', async () => {
    const clock = new VirtualClock();
    const process = new Process({ every: '1m', missed: 'all' }, { scheduler: clock, answers: false });
    process.answer();
    await clock.advance(150 * MINUTE);
    expect(process.waiting).toHaveLength(100);
    process.answerFromNowOn();
    await clock.settle();
    process.answer();
    expect(process.acted).toHaveLength(150);
    expect(new Set(process.acted).size).toBe(150);
    expect(process.acted).toEqual(process.acted.toSorted());
  });
});

describe('jitter', () => {
  const config = { every: '1h', jitterSeconds: 600 };
  /** How late each instant of a day was fired, in milliseconds. */
  async function delays(name: string, changed: object = {}): Promise<number[]> {
    const clock = new VirtualClock();
    const process = new Process(
      { ...config, ...changed },
      { scheduler: clock, rule: { namespace: 'shop', name }, answers: false },
    );
    process.answer();
    const found: number[] = [];
    for (let i = 0; i < 24; i += 1) {
      await clock.advanceUntil(() => process.waiting.length > 0, 'fired', 3 * HOUR);
      found.push(clock.now() - Date.parse(process.waiting[0]?.revision ?? ''));
      process.answer();
    }
    return found;
  }

  it('is the same for all replicas, differs by rule and by instant, and stays below its bound', async () => {
    const [one, again, other] = [await delays('a'), await delays('a'), await delays('b')];
    expect(one).toEqual(again);
    expect(one).not.toEqual(other);
    expect(new Set(one).size).toBe(24);
    expect(Math.max(...one)).toBeLessThan(600_000);
    expect(Math.min(...one)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...one) - Math.min(...one)).toBeGreaterThan(300_000);
  });

  it('never reaches the next instant', async () => {
    const late = await delays('a', { every: '1m', jitterSeconds: 3600 });
    expect(Math.max(...late)).toBeLessThan(60_000);
  });

  it('keeps an instant that a restart falls upon', async () => {
    const clock = new VirtualClock();
    const outside = new Outside();
    const before = new Process(config, { scheduler: clock, outside });
    await clock.advance(HOUR);
    expect(outside.acted).toEqual([]);
    before.kill();
    const after = new Process(config, { scheduler: clock, outside });
    await clock.advance(10 * MINUTE);
    expect(after.acted).toEqual(at('01:00:00'));
  });
});
