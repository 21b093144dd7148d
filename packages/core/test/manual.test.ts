import { describe, expect, it } from 'vitest';
import { TriggerError } from './support/core.js';
import { FakeWorld } from './support/fake-world.js';
import { Harness, type Setup } from './support/harness.js';
import { Recorder } from './support/recorder.js';

function setUp(changed: Partial<Setup> = {}) {
  const world = new FakeWorld();
  for (const key of ['a', 'b']) world.set(key, '0');
  const action = new Recorder();
  const harness = new Harness({ sources: [{ instance: world.source }], actions: [{ instance: action }], ...changed });
  return { world, action, harness, clock: harness.clock };
}

describe('a manual run', () => {
  it('acts under a combined revision of its own, and says whose it is', async () => {
    const { harness, action, clock } = setUp();
    await harness.start();
    expect(harness.runner.fire({ id: 'one', by: 'anna' })).toBe(true);
    await clock.advance(5000);
    expect(harness.runner.fire({ id: 'two', by: 'anna', source: 'fake[0]', key: 'a' })).toBe(true);
    await clock.advance(5000);
    expect(action.runs).toHaveLength(2);
    expect(new Set(action.runs.map(({ combined }) => combined)).size).toBe(2);
    const [one, two] = harness.of('settled');
    expect(one?.event).toMatchObject({ source: 'manual', key: 'manual', change: 'occurred', manual: { by: 'anna' } });
    expect(two?.event).toMatchObject({ source: 'fake[0]', key: 'a', revision: 'two' });
  });

  it('asks no filter', async () => {
    const { harness, action, clock } = setUp({ filters: [{ decide: () => ({ drop: 'never' }) }] });
    await harness.start();
    harness.runner.fire({ id: 'one', by: 'anna' });
    await clock.advance(5000);
    expect(action.runs).toHaveLength(1);
  });

  it('is run once however often it is asked for, also after a restart', async () => {
    const { harness, action, clock } = setUp();
    await harness.start();
    harness.runner.fire({ id: 'one', by: 'anna' });
    harness.runner.fire({ id: 'one', by: 'anna' });
    await clock.advance(5000);
    const next = await harness.restart();
    next.runner.fire({ id: 'one', by: 'anna' });
    await clock.advance(5000);
    expect(action.runs).toHaveLength(1);
  });

  it('leaves what the sources are known to say alone: the next change of the key fires as ever', async () => {
    const { world, harness, action, clock } = setUp();
    await harness.start();
    harness.runner.fire({ id: 'one', by: 'anna', source: 'fake[0]', key: 'a' });
    await clock.advance(5000);
    const next = await harness.restart();
    expect(action.runs).toHaveLength(1);
    world.set('a', '1');
    await clock.advance(5000);
    expect(action.runs.map(({ revision }) => revision)).toEqual(['one', '1']);
    await next.stop();
  });

  it('that was given up is a dead letter, and retried', async () => {
    const { harness, action, clock } = setUp();
    await harness.start();
    action.next.push(() => Promise.reject(new TriggerError('KT_X', 'x', { retry: 'never' })));
    harness.runner.fire({ id: 'one', by: 'anna' });
    await clock.advance(5000);
    expect(harness.runner.deadLetters()).toEqual([{ source: 'manual', key: 'manual', revision: 'one', code: 'KT_X' }]);
    expect(harness.runner.retry()).toBe(1);
    await clock.advance(5000);
    expect(harness.runner.deadLetters()).toEqual([]);
    expect(harness.of('settled').map(({ outcome, event }) => [outcome, event.id])).toEqual([
      ['failed', expect.any(String)],
      ['done', harness.of('settled')[0]?.event.id],
    ]);
  });

  it('whose retry a restart ends is a dead letter again', async () => {
    const { harness, action, clock } = setUp();
    await harness.start();
    action.next.push(
      () => Promise.reject(new TriggerError('KT_X', 'x', { retry: 'never' })),
      () => new Promise(() => undefined),
    );
    harness.runner.fire({ id: 'one', by: 'anna' });
    await clock.advance(5000);
    expect(harness.runner.retry()).toBe(1);
    await clock.advance(5000);
    const next = await harness.restart();
    expect(next.runner.deadLetters()).toEqual([{ source: 'manual', key: 'manual', revision: 'one', code: 'KT_X' }]);
    expect(next.runner.retry()).toBe(1);
    await clock.advance(5000);
    expect(next.of('settled')).toMatchObject([{ outcome: 'done', event: { id: action.runs[0]?.id } }]);
  });

  it('is refused by a rule that ends', async () => {
    const { harness } = setUp();
    expect(harness.runner.fire({ id: 'one', by: 'anna' })).toBe(false);
    await harness.start();
    await harness.stop();
    expect(harness.runner.fire({ id: 'one', by: 'anna' })).toBe(false);
  });
});

describe('what a runner tells of itself', () => {
  it('is how many keys a source has, through all that comes and goes', async () => {
    const { world, harness, clock } = setUp();
    await harness.start();
    expect(harness.runner.keysOf('fake[0]')).toBe(2);
    world.set('c', '0');
    for (const key of ['a', 'b']) world.delete(key);
    await clock.advance(5000);
    expect(harness.runner.keysOf('fake[0]')).toBe(1);
    const next = await harness.restart();
    expect(next.runner.keysOf('fake[0]')).toBe(1);
    expect(next.runner.keysOf('other')).toBeUndefined();
  });

  it('is what waits, until it is delivered or undone', async () => {
    const untilMs = 3_600_000;
    const { world, harness, clock } = setUp({
      filters: [{ decide: () => ({ deferUntilMs: untilMs, because: 'night' }) }],
    });
    await harness.start();
    world.set('a', '1');
    await clock.advance(100);
    expect(harness.runner.underWay()).toMatchObject([{ source: 'fake[0]', key: 'a' }]);
    world.set('b', '1');
    await clock.advance(100);
    expect(harness.runner.underWay(1)).toHaveLength(1);
    for (const key of ['a', 'b']) world.set(key, '0');
    await clock.advance(100);
    expect(harness.runner.underWay()).toEqual([]);
    expect(harness.of('undone').map(({ source, key }) => `${source} ${key}`)).toEqual(['fake[0] a', 'fake[0] b']);
  });

  it('is each attempt with its time and outcome', async () => {
    const { world, harness, action, clock } = setUp();
    await harness.start();
    action.next.push(() => Promise.reject(new TriggerError('KT_X', 'x')));
    world.set('a', '1');
    await clock.advance(10_000);
    expect(harness.of('attempted')).toMatchObject([
      { action: 'action[0]', attempt: 1, outcome: 'failed', error: { code: 'KT_X' } },
      { action: 'action[0]', attempt: 2, outcome: 'done' },
    ]);
    for (const { startedAtMs, endedAtMs } of harness.of('attempted'))
      expect(endedAtMs).toBeGreaterThanOrEqual(startedAtMs);
  });
});
