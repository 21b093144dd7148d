import { fakeContext, fakeEvent } from '@kube-trigger/testing/contracts';
import { VirtualClock } from '@kube-trigger/core/testing';
import { describe, expect, it } from 'vitest';
import { blackout, BlackoutFilter, window, WindowFilter } from '../src/index.js';
import { Bench } from './support/bench.js';
import { wrongWith } from './support/wrong-with.js';

const HOUR = 3_600_000;
const NIGHTLY = { schedule: '0 22 * * *', durationMinutes: 120, timeZone: 'Europe/Berlin' };

function at(instant: string) {
  return fakeContext({ scheduler: new VirtualClock(Date.parse(instant)) });
}

describe('window', () => {
  it('passes while it is open and defers to the next opening, by name', () => {
    const filter = new WindowFilter();
    expect(filter.decide(NIGHTLY, fakeEvent(), at('2026-01-01T21:30:00Z'))).toEqual({ pass: true });
    expect(filter.decide(NIGHTLY, fakeEvent(), at('2026-01-01T23:00:00Z'))).toEqual({
      deferUntilMs: Date.parse('2026-01-02T21:00:00Z'),
      because: 'the window opens at 2026-01-02T21:00:00Z (22:00 Europe/Berlin)',
    });
    const utc = { schedule: '0 22 * * *', durationMinutes: 120 };
    expect(filter.decide(utc, fakeEvent(), at('2026-01-01T12:00:00Z'))).toMatchObject({
      because: 'the window opens at 2026-01-01T22:00:00Z',
    });
  });

  it('follows the clocks of its zone', () => {
    const decided = new WindowFilter().decide(NIGHTLY, fakeEvent(), at('2026-03-29T12:00:00Z'));
    expect(decided).toMatchObject({ deferUntilMs: Date.parse('2026-03-29T20:00:00Z') });
  });

  it('takes H from its rule', () => {
    const config = { schedule: 'H H * * *', durationMinutes: 1 };
    const opening = (name: string) => new WindowFilter().decide(config, fakeEvent(), fakeContext({ rule: { name } }));
    expect(opening('a')).toEqual(opening('a'));
    expect(opening('a')).not.toEqual(opening('b'));
  });
});

describe('blackout', () => {
  it('passes until it begins and defers to its end, by name', () => {
    const filter = new BlackoutFilter();
    expect(filter.decide(NIGHTLY, fakeEvent(), at('2026-01-01T20:59:59Z'))).toEqual({ pass: true });
    expect(filter.decide(NIGHTLY, fakeEvent(), at('2026-01-01T21:00:00Z'))).toEqual({
      deferUntilMs: Date.parse('2026-01-01T23:00:00Z'),
      because: 'the blackout ends at 2026-01-01T23:00:00Z (00:00 Europe/Berlin)',
    });
  });
});

describe('bad windows and blackouts', () => {
  it.each([
    [{ schedule: '0 22 * * *' }, 'durationMinutes: is required'],
    [{ schedule: '* *', durationMinutes: 1 }, 'schedule: "* *" has 2 fields'],
    [{ schedule: '0 0 30 2 *', durationMinutes: 1 }, 'schedule: "0 0 30 2 *" names a day that never comes'],
    [{ schedule: '0 22 * * *', durationMinutes: 0 }, 'durationMinutes: 0 must be >= 1'],
    [
      { schedule: '0 22 * * *', durationMinutes: 60, timeZone: 'Berlin' },
      'timeZone: "Berlin" is no time zone; did you mean',
    ],
  ])('%j', (config, expected) => {
    expect(wrongWith(window, config)).toEqual([`window.${expected}`].map((text) => expect.stringContaining(text)));
    expect(wrongWith(blackout, config)).toEqual([`blackout.${expected}`].map((text) => expect.stringContaining(text)));
  });

  it('that are always open', () => {
    const config = { schedule: '0 * * * *', durationMinutes: 60 };
    expect(wrongWith(window, config)).toEqual([
      'window.durationMinutes: 60 reaches from each beginning ("0 * * * *") to the next: it would always be open and the filter do nothing; shorten it, or remove the filter',
    ]);
    expect(wrongWith(blackout, config)).toEqual([
      'blackout.durationMinutes: 60 reaches from each beginning ("0 * * * *") to the next: it would never end and nothing could pass; shorten it',
    ]);
  });
});

describe('good windows and blackouts', () => {
  it('may have hundreds of beginnings that follow one another', () => {
    const config = { schedule: '* 9-17 * * 1-5', durationMinutes: 1 };
    expect(wrongWith(window, config)).toEqual([]);
    expect(wrongWith(blackout, config)).toEqual([]);
  });
});

describe('a closed window in a rule', () => {
  async function started(filters: object[] = [{ window: { schedule: '0 22 * * *', durationMinutes: 60 } }]) {
    const bench = new Bench(filters, Date.parse('2026-01-01T12:00:00Z'));
    bench.set('x', 'r0');
    await bench.start();
    return bench;
  }

  it('holds the last state until it opens, and lets it pass once', async () => {
    const bench = await started();
    bench.set('x', 'r1');
    await bench.clock.advance(HOUR);
    bench.set('x', 'r2');
    await bench.clock.advance(24 * HOUR);
    expect(bench.runs).toEqual(['x@r2 after 36000 s']);
    expect(bench.of('verdict')[0]).toMatchObject({
      gate: 'window[0]',
      verdict: 'defer',
      because: 'the window opens at 2026-01-01T22:00:00Z',
      untilMs: Date.parse('2026-01-01T22:00:00Z'),
    });
  });

  it('does so too when the operator was restarted in between', async () => {
    const bench = await started();
    bench.set('x', 'r1');
    await bench.clock.advance(HOUR);
    await bench.stop();
    await bench.clock.advance(HOUR);
    await bench.start();
    await bench.clock.advance(48 * HOUR);
    expect(bench.runs).toEqual(['x@r1 after 36000 s']);
  });

  it('does so at once when the operator comes back while it is open', async () => {
    const bench = await started();
    bench.set('x', 'r1');
    await bench.clock.advance(HOUR);
    await bench.stop();
    await bench.clock.advance(9.5 * HOUR - 1);
    await bench.start();
    expect(bench.runs).toEqual(['x@r1 after 37800 s']);
  });

  it('fires nothing for a change that is undone before it opens', async () => {
    const bench = await started();
    bench.set('x', 'r1');
    await bench.clock.advance(HOUR);
    bench.set('x', 'r0');
    await bench.clock.advance(48 * HOUR);
    expect(bench.runs).toEqual([]);
  });

  it('may be weeks away', async () => {
    const bench = await started([{ window: { schedule: '0 0 1 3 *', durationMinutes: 60 } }]);
    bench.set('x', 'r1');
    await bench.clock.advance(90 * 24 * HOUR);
    expect(bench.runs).toEqual([`x@r1 after ${58.5 * 24 * 3600} s`]);
  });

  it('and a blackout inside it both hold', async () => {
    const night = { window: { schedule: '0 22 * * *', durationMinutes: 180 } };
    const backup = { blackout: { schedule: '30 21 * * *', durationMinutes: 60 } };
    const bench = await started([night, backup]);
    bench.set('x', 'r1');
    await bench.clock.advance(24 * HOUR);
    expect(bench.runs).toEqual(['x@r1 after 37800 s']);
    expect(bench.of('verdict').map(({ gate }) => gate)).toEqual(['window[0]', 'blackout[1]']);
  });
});
