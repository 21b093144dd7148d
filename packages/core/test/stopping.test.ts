import { describe, expect, it } from 'vitest';
import { MemoryCheckpointStore, TriggerError, VirtualClock } from './support/core.js';
import { FakeWorld } from './support/fake-world.js';
import { Harness, type Setup } from './support/harness.js';
import { DONE, Recorder } from './support/recorder.js';

function setUp(changed: Partial<Setup> = {}) {
  const world = new FakeWorld();
  const action = new Recorder();
  const harness = new Harness({ sources: [{ instance: world.source }], actions: [{ instance: action }], ...changed });
  return { world, action, harness, clock: harness.clock };
}

function expectReleased({ world, harness }: { world: FakeWorld; harness: Harness }): void {
  expect(world.open).toBe(0);
  expect(harness.counts().underWay).toBe(0);
  expect(harness.clock.pending).toBe(0);
}

describe('stop', () => {
  it('lets running deliveries end within the drain time and records them', async () => {
    const all = setUp();
    const { world, action, harness, clock } = all;
    action.next.push(() => new Promise((resolve) => clock.schedule(() => resolve(DONE), 4000)));
    await harness.start();
    world.set('k', '1');
    await clock.advance(1500);
    await harness.stop(10_000);
    expect(harness.of('settled')).toMatchObject([{ outcome: 'done' }]);
    expectReleased(all);
    await harness.successor().start();
    expect(action.runs).toHaveLength(1);
  });

  it('aborts what runs longer, calls no further action, and the next start does it again with the same id', async () => {
    const second = new Recorder();
    const first = new Recorder();
    const all = setUp({ actions: [{ instance: first }, { instance: second }] });
    const { world, harness, clock } = all;
    let signal: AbortSignal | undefined;
    first.next.push((_, context) => {
      signal = context.signal;
      return new Promise(() => undefined);
    });
    await harness.start();
    world.set('k', '1');
    await clock.advance(1500);
    const startedAt = clock.now();
    await harness.stop(2000);
    expect(clock.now() - startedAt).toBeLessThan(2500);
    expect(signal?.aborted).toBe(true);
    expect(second.runs).toEqual([]);
    expectReleased(all);
    await harness.successor().start();
    expect(first.runs.map(({ redelivered }) => redelivered)).toEqual([false, true]);
    expect(new Set([...first.runs, ...second.runs].map(({ id }) => id)).size).toBe(1);
  });

  it('calls no second action after the abort, also when the first one ends well because of it', async () => {
    const [first, second] = [new Recorder(), new Recorder()];
    const { world, harness, clock } = setUp({ actions: [{ instance: first }, { instance: second }] });
    await harness.start();
    let stopping: Promise<void> | undefined;
    first.next.push(() => {
      stopping = harness.runner.stop();
      return DONE;
    });
    world.set('k', '1');
    await clock.advance(5000);
    await stopping;
    expect(first.runs).toHaveLength(1);
    expect(second.runs).toEqual([]);
  });

  it('ends lanes that wait for a place, a retry or a deferral', async () => {
    const all = setUp({
      delivery: { concurrency: 1 },
      filters: [
        {
          decide: (_config, { key }) =>
            key === 'deferred' ? { deferUntilMs: Number.POSITIVE_INFINITY, because: 'x' } : { pass: true },
        },
      ],
    });
    const { world, action, harness, clock } = all;
    action.always = ({ event }) =>
      event.key === 'failing' ? Promise.reject(new TriggerError('KT_X', 'x')) : new Promise(() => undefined);
    await harness.start();
    world.set('failing', '1');
    await clock.advance(1500);
    for (const key of ['deferred', 'a', 'b', 'c']) world.set(key, '1');
    await clock.advance(3000);
    expect(harness.counts().underWay).toBe(5);
    await harness.stop();
    expectReleased(all);
  });

  it('does not hang while the checkpoint cannot be written', async () => {
    const all = setUp();
    const { world, action, harness, clock } = all;
    await harness.start();
    for (let i = 0; i < 100; i += 1) harness.disk.failures.push(new TriggerError('KT_CHECKPOINT_UNAVAILABLE', 'down'));
    world.set('k', '1');
    await clock.advance(20_000);
    expect(action.runs).toEqual([]);
    await harness.stop();
    expect(harness.of('checkpoint').at(-1)?.error?.code).toBe('KT_CHECKPOINT_UNAVAILABLE');
    expectReleased(all);
  });

  it('is one and the same however often it is called, and completes the reports', async () => {
    const all = setUp();
    const { world, action, harness, clock } = all;
    action.next.push(() => new Promise(() => undefined));
    await harness.start();
    world.set('k', '1');
    await clock.advance(1500);
    let completed = false;
    harness.runner.reports.subscribe({ complete: () => (completed = true) });
    const ended: number[] = [];
    const stops = [1, 2, 3].map(async (i) => {
      await harness.runner.stop(1000);
      ended.push(i);
    });
    await clock.advance(0);
    expect(ended).toEqual([]);
    await clock.advance(5000);
    await Promise.all(stops);
    expect(completed).toBe(true);
    expectReleased(all);
  });

  it('during start closes the journal that was being opened', async () => {
    const clock = new VirtualClock();
    const store = new MemoryCheckpointStore();
    let closed = 0;
    const all = setUp({
      clock,
      checkpoints: {
        open: async (rule) => {
          await new Promise<void>((resolve) => {
            clock.schedule(() => resolve(), 1000);
          });
          const journal = await store.open(rule);
          return { ...journal, close: () => ((closed += 1), journal.close()) };
        },
      },
    });
    const starting = all.harness.runner.start();
    await all.harness.runner.stop();
    await clock.advance(2000);
    await starting;
    expect(closed).toBe(1);
    expect(all.world.opened).toBe(0);
    expectReleased(all);
  });

  it('before start, and without anything going on, releases at once', async () => {
    const idle = setUp();
    await idle.harness.runner.stop();
    await idle.harness.runner.start();
    expect(idle.world.opened).toBe(0);
    expectReleased(idle);
  });

  it('leaves no listener on the signals: a thousand attempts, one more abort', async () => {
    const { world, action, harness, clock } = setUp();
    const signals = new Set<AbortSignal>();
    action.always = (_, context) => {
      signals.add(context.signal);
      return DONE;
    };
    await harness.start();
    for (let i = 0; i < 1000; i += 1) world.set(`k${i}`, '1');
    await clock.advance(10_000);
    expect(signals.size).toBe(1000);
    await harness.stop();
    expect([...signals].filter((signal) => signal.aborted)).toEqual([]);
  });
});

describe('start', () => {
  it('rejects with KT_CHECKPOINT_UNAVAILABLE when the checkpoint cannot be read, and may be tried again', async () => {
    const store = new MemoryCheckpointStore();
    let broken = true;
    const { world, harness } = setUp({
      checkpoints: { open: (rule) => (broken ? Promise.reject(new Error('down')) : store.open(rule)) },
    });
    await expect(harness.runner.start()).rejects.toMatchObject({ code: 'KT_CHECKPOINT_UNAVAILABLE' });
    expect(world.opened).toBe(0);
    broken = false;
    await harness.start();
    expect(world.opened).toBe(1);
    await expect(harness.runner.start()).rejects.toThrow('starts once');
  });
});

describe('a checkpoint that another process owns', () => {
  it('ends all work of the rule at once', async () => {
    const { world, action, harness, clock } = setUp();
    action.next.push(() => new Promise(() => undefined));
    await harness.start();
    world.set('running', '1');
    await clock.advance(2000);
    harness.disk.failures.push(new TriggerError('KT_CHECKPOINT_CONFLICT', 'fenced', { retry: 'never' }));
    world.set('k', '1');
    await clock.advance(5000);
    expect(harness.of('checkpoint')).toMatchObject([{ error: { code: 'KT_CHECKPOINT_CONFLICT' } }]);
    world.set('later', '1');
    await clock.advance(60_000);
    expect(action.said).toEqual(['running@1']);
    expect(harness.counts().underWay).toBe(0);
    await harness.stop();
    expect(clock.pending).toBe(0);
  });
});
