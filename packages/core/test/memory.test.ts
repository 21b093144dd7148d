import { describe, expect, it } from 'vitest';
import { MemoryCheckpointStore, type TriggerEvent } from './support/core.js';
import { FakeQueue, FakeWorld } from './support/fake-world.js';
import { Harness } from './support/harness.js';
import { DONE } from './support/recorder.js';

const KEYS = 100_000;
const OBJECTS = 20_000;
const BATCH = 10_000;
const REMEMBERED = 1000;

/** Does not keep its runs, as a recorder would. */
const counting = () => ({
  count: 0,
  run() {
    this.count += 1;
    return Promise.resolve(DONE);
  },
});

describe('churn of unique keys leaves nothing behind', () => {
  it('of occurrences', async () => {
    const queue = new FakeQueue();
    const action = counting();
    const checkpoints = new MemoryCheckpointStore();
    const harness = new Harness({
      sources: [{ instance: queue.source, semantics: 'edge' }],
      actions: [{ instance: action, semantics: 'edge' }],
      checkpoints,
    });
    await harness.start();
    for (let i = 0; i < KEYS; i += 1) {
      queue.push(`k${i}`, 'r');
      if (i % BATCH === BATCH - 1) await harness.clock.advance(10);
    }
    expect(action.count).toBe(KEYS);
    expect(harness.counts()).toEqual({ underWay: 0, keys: REMEMBERED });
    expect(checkpoints.records.get('uid-1')?.size).toBeLessThan(REMEMBERED + 10);
    expect(queue.acks).toHaveLength(KEYS);
  });

  it.each([
    ['acted on', { pass: true } as const],
    ['dropped', { drop: 'a deletion' }],
  ])('of objects whose deletions are %s', async (_, verdict) => {
    const world = new FakeWorld();
    const action = counting();
    const checkpoints = new MemoryCheckpointStore();
    const harness = new Harness({
      sources: [{ instance: world.source }],
      filters: [{ decide: (_config, { change }: TriggerEvent) => (change === 'deleted' ? verdict : { pass: true }) }],
      actions: [{ instance: action }],
      checkpoints,
    });
    await harness.start();
    for (let i = 0; i < OBJECTS; i += BATCH) {
      for (let k = i; k < i + BATCH; k += 1) world.set(`k${k}`, 'r');
      await harness.clock.advance(10);
      for (let k = i; k < i + BATCH; k += 1) world.delete(`k${k}`);
      await harness.clock.advance(10);
    }
    expect(action.count).toBe('pass' in verdict ? 2 * OBJECTS : OBJECTS);
    expect(harness.counts()).toEqual({ underWay: 0, keys: REMEMBERED });
    expect(checkpoints.records.get('uid-1')?.size).toBeLessThan(REMEMBERED + 10);
    await harness.stop();
    expect(harness.clock.pending).toBe(0);
  });
});
