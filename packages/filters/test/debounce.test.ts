import { fakeContext, fakeEvent } from '@kube-trigger/testing/contracts';
import { describe, expect, it } from 'vitest';
import { debounce, DebounceFilter } from '../src/index.js';
import { Bench } from './support/bench.js';
import { wrongWith } from './support/wrong-with.js';

describe('a good debounce', () => {
  it.each([
    { quietSeconds: 5 },
    { quietSeconds: 5, maxWaitSeconds: 5 },
    { quietSeconds: 5, maxWaitSeconds: 60, by: 'key' },
    { quietSeconds: 5, by: 'rule' },
  ])('%j', (config) => {
    expect(wrongWith(debounce, config)).toEqual([]);
  });
});

describe('a bad debounce', () => {
  it.each([
    [{}, 'debounce.quietSeconds: is required'],
    [{ quietSeconds: 0 }, 'debounce.quietSeconds: 0 must be >= 1'],
    [{ quietSeconds: '5s' }, 'debounce.quietSeconds: "5s" must be integer'],
    [{ quietSeconds: 5, maxWaitSeconds: 4 }, 'debounce.maxWaitSeconds: 4 is shorter than quietSeconds (5); raise it'],
    [{ quietSeconds: 5, by: 'source' }, 'debounce.by: "source" is not one of key, rule'],
  ])('%j', (config, expected) => {
    expect(wrongWith(debounce, config)).toEqual([expect.stringContaining(expected)]);
  });
});

describe('debounce in a rule', () => {
  async function started(config: object = { quietSeconds: 5, maxWaitSeconds: 12 }) {
    const bench = new Bench([{ debounce: config }]);
    for (const key of ['x', 'y']) bench.set(key, 'r0');
    await bench.start();
    return bench;
  }

  it('passes the last state of a burst once it has been quiet; keys do not delay one another', async () => {
    const bench = await started();
    bench.set('x', 'r1');
    await bench.clock.advance(3000);
    bench.set('x', 'r2');
    bench.set('y', 'r1');
    await bench.clock.advance(60_000);
    expect(bench.runs.toSorted()).toEqual(['x@r2 after 8 s', 'y@r1 after 8 s']);
    expect(bench.of('verdict')[0]).toMatchObject({
      gate: 'debounce[0]',
      verdict: 'defer',
      because: 'quiet for 5 s first',
      untilMs: Date.UTC(2026, 0, 1, 0, 0, 5),
    });
  });

  it('waits no longer than maxWaitSeconds', async () => {
    const bench = await started();
    for (let i = 1; i <= 10; i += 1) {
      bench.set('x', `r${i}`);
      await bench.clock.advance(3000);
    }
    await bench.clock.advance(60_000);
    expect(bench.runs).toEqual(['x@r4 after 12 s', 'x@r8 after 24 s', 'x@r10 after 32 s']);
  });

  it('waits no longer than ten times quietSeconds by default', async () => {
    const bench = await started({ quietSeconds: 5 });
    for (let i = 1; i <= 20; i += 1) {
      bench.set('x', `r${i}`);
      await bench.clock.advance(4000);
    }
    expect(bench.runs).toEqual(['x@r13 after 50 s']);
  });

  it('fires nothing for a change that is undone while it waits', async () => {
    const bench = await started();
    bench.set('x', 'r1');
    await bench.clock.advance(2000);
    bench.set('x', 'r0');
    await bench.clock.advance(60_000);
    expect(bench.runs).toEqual([]);
  });

  it('loses nothing by a restart, which begins the wait anew', async () => {
    const bench = await started();
    bench.set('x', 'r1');
    await bench.clock.advance(3999);
    await bench.stop();
    await bench.start();
    await bench.clock.advance(60_000);
    expect(bench.runs).toEqual(['x@r1 after 9 s']);
  });

  it('by rule passes the burst of all keys once all have been quiet, at the latest after maxWaitSeconds', async () => {
    const bench = await started({ quietSeconds: 5, maxWaitSeconds: 12, by: 'rule' });
    bench.set('x', 'r1');
    await bench.clock.advance(3000);
    bench.set('y', 'r1');
    await bench.clock.advance(60_000);
    expect(bench.runs).toEqual(['x@r1 after 8 s', 'y@r1 after 8 s']);
    for (let i = 2; i <= 6; i += 1) {
      bench.set(i % 2 === 0 ? 'x' : 'y', `r${i}`);
      await bench.clock.advance(4000);
    }
    expect(bench.runs.slice(2).toSorted()).toEqual(['x@r4 after 75 s', 'y@r3 after 75 s']);
  });

  it('by rule fires nothing for a change that is undone while it waits', async () => {
    const bench = await started({ quietSeconds: 5, by: 'rule' });
    bench.set('x', 'r1');
    bench.set('y', 'r1');
    await bench.clock.advance(2000);
    bench.set('x', 'r0');
    await bench.clock.advance(60_000);
    expect(bench.runs).toEqual(['y@r1 after 5 s']);
  });

  it('lets occurrences pass: each counts', () => {
    const event = fakeEvent({ change: 'occurred' });
    const config = { quietSeconds: 5, by: 'key' as const };
    const byRule = new DebounceFilter().decide({ quietSeconds: 5, by: 'rule' }, event, fakeContext());
    expect(byRule).toEqual({ pass: true, coalesce: { quietMs: 5000, maxWaitMs: 50_000 } });
    expect(new DebounceFilter().decide(config, event, fakeContext())).toEqual({ pass: true });
    expect(new DebounceFilter().decide(config, fakeEvent(), fakeContext())).not.toEqual({ pass: true });
  });
});
