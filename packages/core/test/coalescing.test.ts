import { describe, expect, it } from 'vitest';
import {
  type Filter,
  MemoryCheckpointStore,
  PASS,
  type TriggerEvent,
  TriggerError,
  type Verdict,
  type VirtualClock,
} from './support/core.js';
import { FakeQueue, FakeWorld } from './support/fake-world.js';
import { Harness, type Setup } from './support/harness.js';
import { DONE, Recorder } from './support/recorder.js';

const COALESCE = { quietMs: 1000, maxWaitMs: 5000 };

function setUp({ keys = 10, ...changed }: Partial<Setup> & { keys?: number } = {}) {
  const world = new FakeWorld();
  const action = new Recorder();
  for (let i = 0; i < keys; i += 1) world.set(`k${i}`, '0');
  const harness = new Harness({
    sources: [{ instance: world.source }],
    actions: [{ instance: action }],
    delivery: { coalesce: COALESCE },
    ...changed,
  });
  return { world, action, harness, clock: harness.clock };
}

const after = (clock: VirtualClock, ms: number) => () =>
  new Promise((resolve) => {
    clock.schedule(() => resolve(DONE), ms);
  });
const combined = (action: Recorder) => new Set(action.runs.map((run) => run.combined));

describe('changes that come together', () => {
  it('begin together, once the rule was quiet, with one combined revision', async () => {
    const { world, action, harness, clock } = setUp();
    await harness.start();
    const writes = harness.disk.writes;
    for (let i = 0; i < 5; i += 1) {
      world.set(`k${i}`, '1');
      await clock.advance(300);
    }
    await clock.advance(600);
    expect([action.runs.length, harness.disk.writes - writes]).toEqual([0, 0]);
    await clock.advance(5000);
    expect(action.said).toEqual(['k0@1', 'k1@1', 'k2@1', 'k3@1', 'k4@1']);
    expect(combined(action).size).toBe(1);
    world.set('k9', '1');
    await clock.advance(5000);
    expect(combined(action).size).toBe(2);
  });

  it('begin together however many they are and however few may be delivered at a time', async () => {
    const { world, action, harness, clock } = setUp({ keys: 2000, delivery: { coalesce: COALESCE, concurrency: 2 } });
    action.always = after(clock, 5);
    await harness.start();
    for (let i = 0; i < 2000; i += 1) world.set(`k${i}`, '1');
    await clock.advance(60_000);
    expect(action.runs).toHaveLength(2000);
    expect(combined(action).size).toBe(1);
  });

  it('begin together where a beginning is stored at once', async () => {
    const { world, action, harness, clock } = setUp({ checkpoints: new MemoryCheckpointStore() });
    await harness.start();
    for (let i = 0; i < 10; i += 1) world.set(`k${i}`, '1');
    await clock.advance(5000);
    expect([action.runs.length, combined(action).size]).toEqual([10, 1]);
  });

  it('begin together where filters look at objects, which takes a while for each, and one of them changes its mind', async () => {
    const world = new FakeWorld();
    const asked = new Map<string, number>();
    const filter = {
      needsObject: true,
      decide: (_: unknown, { key }: TriggerEvent): Verdict => {
        asked.set(key, (asked.get(key) ?? 0) + 1);
        return key === 'k3' && asked.get(key) === 2 ? { deferUntilMs: Infinity, because: 'closed' } : PASS;
      },
    };
    const source = { ...world.source, read: () => after(harness.clock, 200)() };
    const { action, harness, clock } = setUp({
      sources: [{ instance: source }],
      filters: [filter],
      delivery: { coalesce: COALESCE, concurrency: 2 },
    });
    for (let i = 0; i < 8; i += 1) world.set(`k${i}`, '0');
    await harness.start();
    for (let i = 0; i < 8; i += 1) world.set(`k${i}`, '1');
    await clock.advance(60_000);
    expect(action.runs.map(({ key }) => key)).toEqual(['k0', 'k1', 'k2', 'k4', 'k5', 'k6', 'k7']);
    expect(combined(action).size).toBe(1);
  });

  it('begin together also where some of them are woken while they wait for the others', async () => {
    const world = new FakeWorld();
    const filter = { needsObject: true, decide: () => PASS };
    const source = { ...world.source, read: () => after(harness.clock, 200)() };
    const action = new Recorder();
    let recover = () => {};
    const answers = [() => Promise.reject(new TriggerError('KT_X', 'x'))];
    const check = () => answers.shift()?.() ?? new Promise<void>((resolve) => (recover = resolve));
    const { harness, clock } = setUp({
      sources: [{ instance: source }],
      filters: [filter],
      actions: [{ instance: Object.assign(action, { check }), timeoutMs: 3_600_000 }],
      delivery: { coalesce: COALESCE, concurrency: 16 },
    });
    for (let i = 0; i < 64; i += 1) world.set(`k${i}`, '0');
    await harness.start();
    for (let i = 0; i < 64; i += 1) world.set(`k${i}`, '1');
    // Within the second look at objects, before its end.
    await clock.advance(2300);
    recover();
    await clock.advance(60_000);
    expect(action.runs).toHaveLength(64);
    expect(combined(action).size).toBe(1);
  });

  it('do not wait for one that went back to the state that is being delivered', async () => {
    const { world, action, harness, clock } = setUp();
    await harness.start();
    action.always = ({ event }) => (event.key === 'k1' ? Promise.reject(new TriggerError('KT_X', 'x')) : DONE);
    world.set('k1', '1');
    await clock.advance(3000);
    world.set('k1', '2');
    world.set('k2', '1');
    await clock.advance(300);
    world.set('k1', '1');
    await clock.advance(60_000);
    expect(action.said).toContain('k2@1');
  });

  it('begin together from several sources', async () => {
    const [other, queue] = [new FakeWorld(), new FakeQueue()];
    other.set('x', '0');
    const world = new FakeWorld();
    world.set('k', '0');
    const sources: Setup['sources'] = [
      { instance: world.source },
      { instance: other.source },
      { instance: queue.source, semantics: 'edge' },
    ];
    const { action, harness, clock } = setUp({ sources });
    await harness.start();
    queue.push('tick', 'at noon');
    world.set('k', '1');
    other.set('x', '1');
    await clock.advance(5000);
    expect(action.said.toSorted()).toEqual(['k@1', 'tick@at noon', 'x@1']);
    expect(combined(action).size).toBe(1);
    expect(queue.acks).toEqual([['at noon', 'done']]);
  });

  it('do not wait for longer than maxWaitMs, whatever else comes', async () => {
    const { world, action, harness, clock } = setUp();
    await harness.start();
    const startMs = clock.now();
    for (let i = 1; i <= 70; i += 1) {
      world.set(`k${i % 10}`, String(i));
      await clock.advance(130);
    }
    await clock.advance(10_000);
    const firstMs = (action.runs[0]?.atMs ?? 0) - startMs;
    expect(firstMs).toBeGreaterThanOrEqual(5000);
    expect(firstMs).toBeLessThan(5100);
    expect(combined(action).size).toBe(2);
    expect(action.runs).toHaveLength(20);
  });

  it('do not wait for longer than maxWaitMs where one key alone keeps changing', async () => {
    const { world, action, harness, clock } = setUp();
    await harness.start();
    const startMs = clock.now();
    for (let i = 1; i <= 13; i += 1) {
      world.set('k1', String(i));
      await clock.advance(510);
    }
    await clock.advance(10_000);
    expect(action.runs.map(({ revision, atMs }) => [revision, atMs - startMs])).toEqual([
      ['10', 5020],
      ['13', 7140],
    ]);
  });

  it('are each told once to wait, why, and until when', async () => {
    const { world, harness, clock } = setUp();
    await harness.start();
    const startMs = clock.now();
    world.set('k1', '1');
    await clock.advance(500);
    world.set('k1', '1');
    world.set('k2', '1');
    await clock.advance(10_000);
    expect(harness.of('verdict')).toMatchObject([
      { gate: 'coalesce', verdict: 'defer', event: { key: 'k1' }, untilMs: startMs + 1000 },
      { gate: 'coalesce', verdict: 'defer', event: { key: 'k2' }, untilMs: startMs + 1500 },
    ]);
    expect(harness.of('verdict')[0]).toMatchObject({
      because: 'begins with what else changes: after 1 s of quiet, or 5 s in all',
    });
  });

  it('fire nothing where they are undone meanwhile, and hold up nothing else', async () => {
    const { world, action, harness, clock } = setUp();
    await harness.start();
    const { writes } = harness.disk;
    world.set('k1', '1');
    await clock.advance(500);
    world.set('k1', '0');
    await clock.advance(10);
    expect(clock.pending).toBe(0);
    world.set('k2', '1');
    world.set('k3', '1');
    await clock.advance(100);
    world.set('k3', '0');
    await clock.advance(60_000);
    expect(action.said).toEqual(['k2@1']);
    expect(harness.disk.writes).toBeGreaterThan(writes);
  });

  it('begin with the last state of each', async () => {
    const { world, action, harness, clock } = setUp();
    await harness.start();
    for (const revision of ['1', '2', '3']) {
      world.set('k1', revision);
      world.set('k2', revision);
      await clock.advance(100);
    }
    await clock.advance(10_000);
    expect(action.said).toEqual(['k1@3', 'k2@3']);
  });

  it.each(['restart', 'kill'] as const)('are new after a %s', async (how) => {
    const { world, action, harness, clock } = setUp();
    await harness.start();
    world.set('k1', '1');
    world.set('k2', '1');
    await clock.advance(500);
    await harness[how]();
    await clock.advance(10_000);
    expect(action.runs.map(({ key, redelivered }) => [key, redelivered])).toEqual([
      ['k1', false],
      ['k2', false],
    ]);
    expect(combined(action).size).toBe(1);
  });

  it('are let go by a stop, and leave no timer', async () => {
    const { world, action, harness, clock } = setUp();
    await harness.start();
    world.set('k1', '1');
    await clock.advance(500);
    await harness.stop(10_000);
    expect([action.runs.length, clock.pending, harness.counts().underWay]).toEqual([0, 0, 0]);
  });

  it('are not held where a filter drops them', async () => {
    const filter: Filter = { decide: (_, { key }) => (key === 'k1' ? { drop: 'x' } : PASS) };
    const { world, action, harness, clock } = setUp({ filters: [filter] });
    await harness.start();
    world.set('k2', '1');
    for (let i = 0; i < 20; i += 1) {
      world.set('k1', String(i + 1));
      await clock.advance(100);
    }
    expect(action.said).toEqual(['k2@1']);
  });

  it('wait for the lease and for resume as others do', async () => {
    let leader = true;
    const { world, action, harness, clock } = setUp({ mayAct: () => leader });
    await harness.start();
    world.set('k1', '1');
    await clock.advance(500);
    leader = false;
    await clock.advance(60_000);
    expect(action.runs).toEqual([]);
    leader = true;
    await clock.advance(10_000);
    expect(action.said).toEqual(['k1@1']);
  });
});

describe('what is not held', () => {
  it('is anything, with a quiet of 0', async () => {
    const { world, action, harness, clock } = setUp({ delivery: {} });
    await harness.start();
    const startMs = clock.now();
    world.set('k1', '1');
    await clock.advance(100);
    expect(action.runs.map(({ atMs }) => atMs - startMs)).toEqual([20]);
    expect(harness.of('verdict')).toEqual([]);
  });

  it('is a delivery that began in another process', async () => {
    const { world, action, harness, clock } = setUp();
    action.next.push(() => new Promise(() => undefined));
    await harness.start();
    world.set('k1', '1');
    await clock.advance(3000);
    const next = harness.successor();
    harness.process.alive = false;
    const startMs = clock.now();
    await next.runner.start();
    await clock.advance(500);
    expect(action.runs).toMatchObject([{ redelivered: false }, { redelivered: true }]);
    expect((action.runs[1]?.atMs ?? 0) - startMs).toBeLessThan(500);
  });

  it('is a run by hand', async () => {
    const { action, harness, clock } = setUp();
    await harness.start();
    harness.runner.fire({ id: 'one', by: 'anna' });
    await clock.advance(500);
    expect(action.runs).toHaveLength(1);
  });

  it('is a dead letter that is delivered again', async () => {
    const { world, action, harness, clock } = setUp();
    action.next.push(() => Promise.reject(new TriggerError('KT_X', 'x', { retry: 'never' })));
    await harness.start();
    world.set('k1', '1');
    await clock.advance(10_000);
    harness.runner.retry();
    await clock.advance(500);
    expect(action.runs).toHaveLength(2);
  });
});

describe('a filter', () => {
  const asks = (coalesce: unknown): Filter => ({ decide: () => ({ pass: true, coalesce }) as never });

  it('may ask for it, and for longer than the rule does', async () => {
    for (const delivery of [{}, { coalesce: COALESCE }]) {
      const { world, action, harness, clock } = setUp({
        delivery,
        filters: [asks({ quietMs: 3000, maxWaitMs: 7000 }), { decide: () => PASS }],
      });
      await harness.start();
      const startMs = clock.now();
      for (let i = 0; i < 60; i += 1) {
        world.set(`k${i % 2}`, String(i + 1));
        await clock.advance(170);
      }
      const firstMs = (action.runs[0]?.atMs ?? 0) - startMs;
      expect([firstMs, combined(action).size, action.runs.length]).toEqual([7020, 1, 2]);
      await harness.stop();
    }
  });

  it('that asks for less does not shorten what the rule asks for', async () => {
    const { world, action, harness, clock } = setUp({ filters: [asks({ quietMs: 1, maxWaitMs: 1 })] });
    await harness.start();
    const startMs = clock.now();
    world.set('k1', '1');
    await clock.advance(3000);
    expect(action.runs.map(({ atMs }) => atMs - startMs)).toEqual([1020]);
  });

  it.each([null, {}, { quietMs: 1 }, { quietMs: '1', maxWaitMs: 1 }, { quietMs: NaN, maxWaitMs: 1 }])(
    'that asks for %j is at fault, and nothing passes',
    async (wrong) => {
      const { world, action, harness, clock } = setUp({ filters: [asks(wrong)] });
      await harness.start();
      world.set('k1', '1');
      await clock.advance(10_000);
      expect(action.runs).toEqual([]);
      expect(harness.of('fault')[0]?.error.code).toBe('KT_PLUGIN_FAULT');
    },
  );
});

describe('a change that is undone after it was recorded as begun', () => {
  it('is delivered as the present state where another delivery may have brought it to the target', async () => {
    const { world, action, harness, clock } = setUp({ delivery: { coalesce: COALESCE, concurrency: 1 } });
    action.next.push(after(clock, 10_000));
    await harness.start();
    world.set('k1', '1');
    world.set('k2', '1');
    await clock.advance(3000);
    world.set('k2', '0');
    await clock.advance(30_000);
    expect(action.said).toEqual(['k1@1', 'k2@0']);
    expect(action.runs[1]).toMatchObject({ redelivered: true });
    expect(combined(action).size).toBe(2);
  });

  it('fires nothing where actions tell each change by itself', async () => {
    const action = new Recorder();
    const { world, harness, clock } = setUp({
      delivery: { concurrency: 1 },
      actions: [{ instance: action, semantics: 'edge' }],
    });
    action.next.push(after(clock, 10_000));
    await harness.start();
    world.set('k1', '1');
    world.set('k2', '1');
    await clock.advance(3000);
    world.set('k2', '0');
    await clock.advance(30_000);
    expect(action.said).toEqual(['k1@1']);
  });
});
