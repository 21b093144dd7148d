import { describe, expect, it } from 'vitest';
import { FakeWorld } from './support/fake-world.js';
import { Harness } from './support/harness.js';
import { Recorder } from './support/recorder.js';

function setUp() {
  const world = new FakeWorld();
  const action = new Recorder();
  return {
    world,
    action,
    harness: new Harness({ sources: [{ instance: world.source }], actions: [{ instance: action }] }),
  };
}

describe('recall', () => {
  it('gives back after a restart what was said with a mark, and nothing of what was said without', async () => {
    const { world, harness } = setUp();
    world.mark('a', 'r1', 'm1');
    world.set('b', 'r1');
    await harness.start();
    await harness.restart();
    expect(world.context?.recall('a')).toEqual({ mark: 'm1', revision: 'r1', parts: { part: 'r1' } });
    expect(world.context?.recall('b')).toBeUndefined();
    expect(world.context?.recall('c')).toBeUndefined();
  });

  it('has the mark of the state that was delivered last, or dropped', async () => {
    const { world, action, harness } = setUp();
    world.mark('a', 'r1', 'm1');
    world.mark('b', 'r1', 'm1');
    const running = await harness.start();
    world.mark('a', 'r2', 'm2');
    await running.clock.advance(5000);
    expect(action.said).toEqual(['a@r2']);
    const next = await running.restart({ filters: [{ decide: () => ({ drop: 'all' }) }] });
    expect(world.context?.recall('a')).toMatchObject({ mark: 'm2', revision: 'r2' });
    world.mark('b', 'r3', 'm3');
    await next.clock.advance(5000);
    await next.restart();
    expect(world.context?.recall('b')).toMatchObject({ mark: 'm3', revision: 'r3' });
  });

  it('knows nothing of a key whose delivery began: a target may have seen another state', async () => {
    const { world, action, harness } = setUp();
    world.mark('a', 'r1', 'm1');
    const running = await harness.start();
    action.always = () => new Promise(() => undefined);
    world.mark('a', 'r2', 'm2');
    await running.clock.advance(5000);
    expect(action.runs).toHaveLength(1);
    await running.kill();
    expect(world.context?.recall('a')).toBeUndefined();
  });

  it('writes another mark of an equal state at a start, and not each time it is said', async () => {
    const { world, action, harness } = setUp();
    world.mark('a', 'r1', 'm1');
    const running = await harness.start();
    const writes = harness.disk.writes;
    world.mark('a', 'r1', 'm2');
    await running.clock.advance(10_000);
    expect(harness.disk.writes).toBe(writes);
    expect(world.context?.recall('a')?.mark).toBe('m1');
    const next = await running.restart();
    await next.clock.advance(10_000);
    expect(world.context?.recall('a')).toMatchObject({ mark: 'm2', revision: 'r1' });
    await next.restart();
    expect(world.context?.recall('a')?.mark).toBe('m2');
    expect(action.said).toEqual([]);
  });

  it.each(['', 'x'.repeat(65), 7])('a mark of %j is a fault', async (mark) => {
    const { world, action, harness } = setUp();
    world.set('a', 'r1');
    const running = await harness.start();
    world.say({ change: 'present', key: 'a', revision: 'r2', mark });
    await running.clock.advance(5000);
    expect(action.said).toEqual([]);
    expect(running.reports.filter(({ type }) => type === 'fault')).toHaveLength(1);
  });
});
