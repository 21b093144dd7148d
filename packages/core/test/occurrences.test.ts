import { describe, expect, it } from 'vitest';
import { TriggerError } from './support/core.js';
import { FakeQueue } from './support/fake-world.js';
import { Harness, type Setup } from './support/harness.js';
import { DONE, Recorder } from './support/recorder.js';

function setUp(changed: Partial<Setup> = {}) {
  const queue = new FakeQueue();
  const action = new Recorder();
  const harness = new Harness({
    sources: [{ instance: queue.source, semantics: 'edge' }],
    actions: [{ instance: action, semantics: 'edge' }],
    ...changed,
  });
  return { queue, action, harness, clock: harness.clock };
}

describe('occurrences', () => {
  it('are delivered each, in order by key, with their data, and acknowledged once', async () => {
    const { queue, action, harness, clock } = setUp();
    action.always = () => new Promise((resolve) => clock.schedule(() => resolve(DONE), 300));
    await harness.start();
    for (let i = 0; i < 20; i += 1) queue.push(i % 2 === 0 ? 'even' : 'odd', `r${i}`, { i });
    await clock.advance(60_000);
    const evens = action.runs.filter(({ key }) => key === 'even');
    expect(evens.map(({ revision }) => revision)).toEqual(Array.from({ length: 10 }, (_, i) => `r${2 * i}`));
    expect(evens[3]?.delivery.event).toMatchObject({ change: 'occurred', data: { i: 6 } });
    expect(action.runs).toHaveLength(20);
    expect(queue.acks.map(([revision]) => revision).toSorted()).toEqual(
      Array.from({ length: 20 }, (_, i) => `r${i}`).toSorted(),
    );
    expect(new Set(action.runs.map(({ id }) => id)).size).toBe(20);
    expect(new Set(evens.map(({ combined }) => combined)).size).toBe(10);
  });

  it('beyond 1,000 waiting of one key are refused, said and acknowledged as failed', async () => {
    const { queue, action, harness, clock } = setUp();
    action.always = () => new Promise(() => undefined);
    await harness.start();
    for (let i = 0; i < 1005; i += 1) queue.push('k', `r${i}`);
    queue.push('other', 'r');
    await clock.advance(2000);
    expect(queue.acks).toEqual(Array.from({ length: 5 }, (_, i) => [`r${1000 + i}`, 'failed']));
    expect(harness.of('fault').map(({ error }) => error.code)).toEqual(
      Array.from({ length: 5 }, () => 'KT_QUEUE_FULL'),
    );
    expect(action.said).toContain('other@r');
  });

  it('say how they ended: dropped, unchanged, failed, done', async () => {
    const { queue, action, harness, clock } = setUp({
      filters: [{ decide: (_config, event) => (event.revision === 'drop' ? { drop: 'x' } : { pass: true }) }],
    });
    await harness.start();
    action.next.push(
      () => DONE,
      () => ({ outcome: 'unchanged', targets: [] }),
      () => Promise.reject(new TriggerError('KT_X', 'x', { retry: 'never' })),
    );
    for (const revision of ['done', 'drop', 'unchanged', 'failed', 'failed']) queue.push('k', revision);
    await clock.advance(10_000);
    expect(queue.acks).toEqual([
      ['done', 'done'],
      ['drop', 'dropped'],
      ['unchanged', 'unchanged'],
      ['failed', 'failed'],
      ['failed', 'unchanged'],
    ]);
  });

  it('that were not acknowledged before a kill are repeated with the same id', async () => {
    const { queue, action, harness, clock } = setUp();
    action.next.push(() => new Promise(() => undefined));
    await harness.start();
    queue.push('k', 'r1');
    await clock.advance(2000);
    await harness.kill();
    queue.push('k', 'r1');
    await clock.advance(5000);
    expect(action.runs.map(({ redelivered }) => redelivered)).toEqual([false, true]);
    expect(new Set(action.runs.map(({ id }) => id)).size).toBe(1);
    expect(queue.acks).toContainEqual(['r1', 'done']);
  });

  it('are not acknowledged by stopping', async () => {
    const { queue, action, harness, clock } = setUp();
    action.next.push(() => new Promise(() => undefined));
    await harness.start();
    queue.push('k', 'r1');
    queue.push('k', 'r2');
    await clock.advance(2000);
    await harness.stop(500);
    expect(queue.acks).toEqual([]);
  });

  it('tell each since when it waits', async () => {
    const { queue, action, harness, clock } = setUp();
    action.always = () => new Promise((resolve) => clock.schedule(() => resolve(DONE), 3000));
    await harness.start();
    const startMs = clock.now();
    queue.push('k', 'r1');
    await clock.advance(1000);
    queue.push('k', 'r2');
    await clock.advance(20_000);
    expect(action.runs.map(({ delivery }) => delivery.event.waitingSinceMs - startMs)).toEqual([0, 1000]);
  });

  it('given up can be retried while the key is idle', async () => {
    const { queue, action, harness, clock } = setUp();
    action.next.push(() => Promise.reject(new TriggerError('KT_X', 'x', { retry: 'never' })));
    await harness.start();
    queue.push('k', 'r1');
    await clock.advance(5000);
    expect(harness.runner.retry()).toBe(1);
    await clock.advance(5000);
    expect(action.runs.map(({ id }) => id)).toEqual([action.runs[0]?.id, action.runs[0]?.id]);
    expect(harness.runner.deadLetters()).toEqual([]);
  });

  it('whose retry a restart ends are dead letters again and keep their id; meanwhile they count as under way', async () => {
    const { queue, action, harness, clock } = setUp();
    action.next.push(
      () => Promise.reject(new TriggerError('KT_X', 'x', { retry: 'never' })),
      () => new Promise(() => undefined),
    );
    await harness.start();
    queue.push('k', 'r1');
    await clock.advance(5000);
    const letters = harness.runner.deadLetters();
    expect(harness.runner.retry()).toBe(1);
    await clock.advance(5000);
    expect(harness.runner.deadLetters()).toEqual([]);
    expect(harness.runner.retry()).toBe(0);
    const next = await harness.restart();
    expect(letters).toHaveLength(1);
    expect(next.runner.deadLetters()).toEqual(letters);
    expect(next.runner.retry()).toBe(1);
    await clock.advance(5000);
    expect(action.runs.map(({ redelivered }) => redelivered)).toEqual([false, true, true]);
    expect(new Set(action.runs.map(({ id }) => id)).size).toBe(1);
    expect(next.runner.deadLetters()).toEqual([]);
    expect((await next.restart()).runner.deadLetters()).toEqual([]);
  });
});
