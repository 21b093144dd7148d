import { describe, expect, it } from 'vitest';
import { type RuleRunner, TriggerError, type VirtualClock } from './support/core.js';
import { FakeWorld } from './support/fake-world.js';
import { Harness, type Setup } from './support/harness.js';
import { DONE, Recorder } from './support/recorder.js';

function setUp(changed: Partial<Setup> = {}) {
  const world = new FakeWorld();
  const action = new Recorder();
  for (let i = 0; i < 50; i += 1) world.set(`k${i}`, '0');
  const harness = new Harness({ sources: [{ instance: world.source }], actions: [{ instance: action }], ...changed });
  return { world, action, harness, clock: harness.clock };
}

const after = (clock: VirtualClock, ms: number) => () =>
  new Promise((resolve) => {
    clock.schedule(() => resolve(DONE), ms);
  });
const fail = (retry?: TriggerError['retry']) => () =>
  Promise.reject(new TriggerError('KT_X', 'x', retry ? { retry } : {}));

describe('one key', () => {
  it('is in order: never two runs at a time, the last one sees the last state', async () => {
    const { world, action, harness, clock } = setUp();
    action.always = after(clock, 700);
    await harness.start();
    for (let i = 1; i <= 20; i += 1) {
      world.set('k1', String(i));
      await clock.advance(100);
    }
    await clock.advance(10_000);
    expect(action.peak).toBe(1);
    expect(action.runs.at(-1)?.revision).toBe('20');
    const revisions = action.runs.map(({ revision }) => Number(revision));
    expect(revisions).toEqual(revisions.toSorted((x, y) => x - y));
  });

  it('changed 100 times while its action takes 5 s is run at most 3 times', async () => {
    const { world, action, harness, clock } = setUp();
    action.always = after(clock, 5000);
    await harness.start();
    for (let i = 1; i <= 100; i += 1) {
      world.set('k1', String(i));
      await clock.advance(45);
    }
    await clock.advance(60_000);
    expect(action.runs.length).toBeLessThanOrEqual(3);
    expect(action.runs.at(-1)?.revision).toBe('100');
  });

  it('that is said again in the same state keeps its backoff, its attempts and its place among the actions', async () => {
    const first = new Recorder();
    const { world, action, harness, clock } = setUp({ random: () => 1 });
    const both = new Harness({ ...harness.setup, actions: [{ instance: first }, { instance: action }] });
    action.always = fail();
    await both.start();
    world.set('k1', '1');
    for (let i = 0; i < 100; i += 1) {
      await both.clock.advance(100);
      world.set('k1', '1');
    }
    expect(first.runs).toHaveLength(1);
    expect(action.runs.map(({ attempt }) => attempt)).toEqual([1, 2, 3, 4]);
    expect(clock.pending).toBe(0);
  });

  it('tells since when it waits: from the first change that was not delivered', async () => {
    const { world, action, harness, clock } = setUp();
    action.always = after(clock, 5000);
    await harness.start();
    const startMs = clock.now();
    world.set('k1', '1');
    await clock.advance(2000);
    world.set('k1', '2');
    await clock.advance(1000);
    world.set('k1', '3');
    await clock.advance(20_000);
    const waited = action.runs.map(({ delivery }) => delivery.event.waitingSinceMs - startMs);
    expect(waited).toEqual([0, 2000]);
  });
});

describe('keys', () => {
  it('are parallel up to concurrency and never above it', async () => {
    const { world, action, harness, clock } = setUp({ delivery: { concurrency: 7 } });
    action.always = after(clock, 1000);
    await harness.start();
    for (let i = 0; i < 50; i += 1) world.set(`k${i}`, '1');
    await clock.advance(500);
    expect(action.active).toBe(7);
    await clock.advance(60_000);
    expect(action.peak).toBe(7);
    expect(action.runs).toHaveLength(50);
  });

  it('are not held up by one that hangs', async () => {
    const { world, action, harness, clock } = setUp({ delivery: { concurrency: 2 } });
    action.always = ({ event }) => (event.key === 'k0' ? new Promise(() => undefined) : DONE);
    await harness.start();
    for (let i = 0; i < 50; i += 1) world.set(`k${i}`, '1');
    await clock.advance(5000);
    expect(harness.of('settled')).toHaveLength(49);
  });

  it('in backoff leave their places to others', async () => {
    const { world, action, harness, clock } = setUp({ delivery: { concurrency: 1 } });
    action.always = ({ event }) => (event.key === 'k0' ? fail({ afterMs: 3_600_000 })() : DONE);
    await harness.start();
    for (let i = 0; i < 50; i += 1) world.set(`k${i}`, '1');
    await clock.advance(5000);
    expect(harness.of('settled')).toHaveLength(49);
  });
});

describe('a failed attempt', () => {
  it('is repeated with exponential backoff, full jitter and a cap', async () => {
    for (const [random, expected] of [
      [0, [100, 100, 100, 100, 100]],
      [0.5, [500, 1000, 2000, 4000, 4000]],
      [0.999_999, [1000, 2000, 4000, 8000, 8000]],
    ] as const) {
      const retry = { limit: 5, initialDelayMs: 1000, maxDelayMs: 8000 };
      const action = new Recorder();
      const { world, harness, clock } = setUp({ random: () => random, actions: [{ instance: action, retry }] });
      action.always = fail();
      await harness.start();
      world.set('k1', '1');
      await clock.advance(120_000);
      const gaps = action.runs.slice(1).map(({ atMs }, i) => Math.round(atMs - (action.runs[i]?.atMs ?? 0)));
      expect(gaps).toEqual(expected);
      expect(action.runs.map(({ attempt, redelivered }) => [attempt, redelivered])).toEqual(
        [1, 2, 3, 4, 5, 6].map((attempt) => [attempt, attempt > 1]),
      );
    }
  });

  it('is repeated after exactly afterMs, and not in a loop when that is 0', async () => {
    const { world, action, harness, clock } = setUp();
    action.next.push(fail({ afterMs: 123_456 }), fail({ afterMs: 0 }));
    await harness.start();
    world.set('k1', '1');
    await clock.advance(200_000);
    const at = action.runs.map(({ atMs }) => atMs - (action.runs[0]?.atMs ?? 0));
    expect(at).toEqual([0, 123_456, 123_556]);
  });

  it('that says afterMs of a hundred years waits as long as a timer can, not at all', async () => {
    const { world, action, harness, clock } = setUp();
    action.next.push(fail({ afterMs: 100 * 365 * 86_400_000 }));
    await harness.start();
    world.set('k1', '1');
    await clock.advance(20 * 86_400_000);
    expect(action.runs).toHaveLength(1);
    await clock.advance(5 * 86_400_000);
    expect(action.runs).toHaveLength(2);
  });

  it('of a level action is repeated without end', async () => {
    const { world, action, harness, clock } = setUp();
    action.always = fail();
    await harness.start();
    world.set('k1', '1');
    await clock.advance(3_600_000);
    expect(action.runs.length).toBeGreaterThan(50);
    expect(harness.of('settled')).toEqual([]);
  });

  it('of an edge action is given up after 10 repetitions, into a dead letter', async () => {
    const action = new Recorder();
    const { world, harness, clock } = setUp({ actions: [{ instance: action, semantics: 'edge' }] });
    action.always = fail();
    await harness.start();
    world.set('k1', '1');
    await clock.advance(3_600_000);
    expect(action.runs).toHaveLength(11);
    expect(harness.of('settled')).toMatchObject([
      { outcome: 'failed', actions: [{ outcome: 'failed', attempts: 11 }] },
    ]);
    expect(harness.runner.deadLetters()).toEqual([{ source: 'fake[0]', key: 'k1', revision: '1', code: 'KT_X' }]);
  });

  it('is not repeated where the error says never; retry() delivers it again with the same id, also after a restart', async () => {
    const { world, action, harness, clock } = setUp();
    action.next.push(fail('never'), fail('never'));
    await harness.start();
    world.set('k1', '1');
    await clock.advance(60_000);
    expect(action.runs).toHaveLength(1);
    expect(harness.runner.retry()).toBe(1);
    await clock.advance(60_000);
    expect(action.runs).toHaveLength(2);
    const next = await harness.restart();
    expect(action.runs).toHaveLength(2);
    expect(next.runner.deadLetters()).toHaveLength(1);
    expect(next.runner.retry()).toBe(1);
    await clock.advance(60_000);
    expect(action.runs).toHaveLength(3);
    expect(new Set(action.runs.map(({ id }) => id)).size).toBe(1);
    expect(next.of('settled')).toMatchObject([{ outcome: 'done' }]);
    expect(next.runner.deadLetters()).toEqual([]);
    expect(next.runner.retry()).toBe(0);
  });

  it('is told of with the latest ones, whatever was there before', async () => {
    const { world, action, harness, clock } = setUp();
    action.always = fail('never');
    await harness.start();
    for (const key of ['k1', 'k2', 'k3', 'k1']) {
      world.set(key, String(clock.now()));
      await clock.advance(10_000);
    }
    const keys = (runner: RuleRunner) => runner.deadLetters(2).map(({ key }) => key);
    expect(keys(harness.runner)).toEqual(['k1', 'k3']);
    expect(harness.runner.deadLetters()).toHaveLength(3);
  });

  it('is superseded by a newer state, which does not wait for the backoff', async () => {
    const { world, action, harness, clock } = setUp();
    action.next.push(fail({ afterMs: 3_600_000 }));
    await harness.start();
    world.set('k1', '1');
    await clock.advance(10_000);
    world.set('k1', '2');
    await clock.advance(5000);
    expect(action.said).toEqual(['k1@1', 'k1@2']);
    expect(action.runs[1]).toMatchObject({ attempt: 1, redelivered: true });
    await clock.advance(7_200_000);
    expect(action.runs).toHaveLength(2);
  });

  it('is superseded by a state that came while it was running', async () => {
    const { world, action, harness, clock } = setUp();
    action.next.push(async () => {
      await after(clock, 2000)();
      return fail({ afterMs: 3_600_000 })();
    });
    await harness.start();
    world.set('k1', '1');
    await clock.advance(1000);
    world.set('k1', '2');
    await clock.advance(10_000);
    expect(action.said).toEqual(['k1@1', 'k1@2']);
  });

  it('of a newer state does not bring an older dead letter back', async () => {
    const { world, action, harness, clock } = setUp();
    action.next.push(fail('never'), fail({ afterMs: 60_000 }));
    await harness.start();
    world.set('k1', '1');
    await clock.advance(10_000);
    world.set('k1', '2');
    await clock.advance(10_000);
    expect(harness.runner.retry()).toBe(0);
    await clock.advance(120_000);
    expect(action.said).toEqual(['k1@1', 'k1@2', 'k1@2']);
    expect(harness.runner.deadLetters()).toEqual([]);
  });
});

describe('without the lease', () => {
  it('nothing begins, and waiting for it uses up no attempt', async () => {
    let leader = false;
    const action = new Recorder();
    const { world, harness, clock } = setUp({
      mayAct: () => leader,
      actions: [{ instance: action, semantics: 'edge' }],
    });
    await harness.start();
    const writes = harness.disk.writes;
    world.set('k1', '1');
    await clock.advance(60_000);
    expect(action.runs).toEqual([]);
    expect(harness.disk.writes).toBe(writes);
    leader = true;
    action.next.push(fail());
    await clock.advance(10_000);
    expect(action.runs.map(({ attempt }) => attempt)).toEqual([1, 2]);
  });

  it('an action that itself finds it lost is repeated without counting', async () => {
    const action = new Recorder();
    const { world, harness, clock } = setUp({ actions: [{ instance: action, semantics: 'edge' }] });
    action.always = () => Promise.reject(new TriggerError('KT_NOT_LEADER', 'fenced'));
    await harness.start();
    world.set('k1', '1');
    await clock.advance(60_000);
    expect(action.runs.length).toBeGreaterThan(30);
    expect(action.runs.at(-1)?.attempt).toBe(1);
  });
});
