import { describe, expect, it } from 'vitest';
import { TriggerError } from './support/core.js';
import { FakeWorld } from './support/fake-world.js';
import { Harness, type Setup } from './support/harness.js';
import { DONE, Recorder } from './support/recorder.js';

const LIMIT = 5;

function setUp(changed: Partial<Setup> = {}) {
  const world = new FakeWorld();
  const action = new Recorder();
  let count = 0;
  world.set('loop', 'start');
  const harness = new Harness({
    sources: [{ instance: world.source }],
    actions: [{ instance: action }],
    delivery: { breaker: { limit: LIMIT, windowMs: 60_000 } },
    ...changed,
  });
  /** An action that changes what the rule watches. */
  const feedBack = () => {
    harness.clock.schedule(() => world.set('loop', `fed back ${(count += 1)}`), 100);
    return DONE;
  };
  return { world, action, harness, clock: harness.clock, feedBack };
}

async function trip() {
  const all = setUp();
  await all.harness.start();
  all.action.always = all.feedBack;
  all.world.set('loop', 'first');
  await all.clock.advance(59_000);
  return all;
}

describe('the breaker', () => {
  it('stops a rule whose action changes what it watches', async () => {
    const { action, harness, clock } = await trip();
    expect(action.runs).toHaveLength(LIMIT + 1);
    expect(harness.of('tripped')).toHaveLength(1);
    expect(harness.of('tripped')[0]?.error).toMatchObject({ code: 'KT_BREAKER_TRIPPED' });
    expect(harness.runner.tripped).toContain(
      'loop made the rule act on Deployment/shop/web more than 5 times within 60 s',
    );
    await clock.advance(86_400_000);
    expect(action.runs).toHaveLength(LIMIT + 1);
  });

  it('does not trip at the limit itself, nor over two windows', async () => {
    const { world, action, harness, clock } = setUp();
    await harness.start();
    for (let i = 0; i < 4 * LIMIT; i += 1) {
      world.set('loop', String(i));
      await clock.advance(13_000);
    }
    expect(action.runs).toHaveLength(4 * LIMIT);
    expect(harness.runner.tripped).toBeUndefined();
  });

  it('counts each target of each key by itself', async () => {
    const { world, action, harness, clock } = setUp();
    await harness.start();
    for (let i = 0; i < 40; i += 1) world.set(`k${i}`, '1');
    await clock.advance(10_000);
    expect(action.runs).toHaveLength(40);
    expect(harness.runner.tripped).toBeUndefined();
  });

  it('does not count what was unchanged', async () => {
    const { world, action, harness, clock } = setUp();
    action.always = () => ({ outcome: 'unchanged', targets: [{ target: 't', outcome: 'unchanged' }] });
    await harness.start();
    for (let i = 0; i < 20; i += 1) {
      world.set('loop', String(i));
      await clock.advance(1500);
    }
    expect(action.runs).toHaveLength(20);
    expect(harness.runner.tripped).toBeUndefined();
  });

  it('holds deliveries in backoff as well', async () => {
    const { world, action, harness, clock, feedBack } = setUp();
    await harness.start();
    action.always = ({ event }) =>
      event.key === 'loop' ? feedBack() : Promise.reject(new TriggerError('KT_X', 'x', { retry: { afterMs: 30_000 } }));
    world.set('failing', '1');
    world.set('loop', 'first');
    await clock.advance(25_000);
    expect(harness.runner.tripped).toBeDefined();
    await clock.advance(600_000);
    expect(action.said.filter((said) => said === 'failing@1')).toHaveLength(1);
    harness.runner.resume();
    await clock.advance(10);
    expect(action.runs.filter(({ key }) => key === 'failing').map(({ attempt }) => attempt)).toEqual([1, 2]);
  });

  it('stays tripped over restarts and kills, and says so at the start', async () => {
    const { action, harness, clock, world } = await trip();
    const killed = await harness.kill();
    const stopped = await killed.restart();
    world.set('other', '1');
    await clock.advance(60_000);
    expect(stopped.of('tripped')).toHaveLength(1);
    expect(stopped.runner.tripped).toBe(harness.runner.tripped);
    expect(action.runs).toHaveLength(LIMIT + 1);
  });

  it('that tripped is on record with the next write, not only when a lazy one is due', async () => {
    const { action, harness, clock, feedBack, world } = setUp();
    await harness.start();
    action.always = feedBack;
    world.set('loop', 'first');
    await clock.advanceUntil(() => harness.runner.tripped !== undefined, 'it trips');
    await clock.advance(1500);
    const next = await harness.kill();
    expect(next.runner.tripped).toBe(harness.runner.tripped);
  });

  it('is resumed: what waited is delivered, now and after restarts', async () => {
    const { action, harness, clock, world } = await trip();
    action.always = () => DONE;
    expect(harness.runner.resume()).toBe(true);
    expect(harness.runner.resume()).toBe(false);
    expect(harness.of('resumed')).toHaveLength(1);
    await clock.advance(2000);
    expect(action.runs).toHaveLength(LIMIT + 2);
    const next = await harness.kill();
    expect(next.runner.tripped).toBeUndefined();
    world.set('loop', 'last');
    await clock.advance(5000);
    expect(action.said.at(-1)).toBe('loop@last');
  });

  it('resumed in a later process delivers the present state', async () => {
    const { action, harness, clock, world } = await trip();
    await harness.stop();
    world.set('loop', 'last');
    const next = await harness.successor().start();
    action.always = () => DONE;
    next.runner.resume();
    await clock.advance(5000);
    expect(action.said.slice(LIMIT + 1)).toEqual(['loop@last']);
  });
});
