import { describe, expect, it } from 'vitest';
import type { TriggerEvent } from './support/core.js';
import { FakeWorld } from './support/fake-world.js';
import { Harness, type Setup } from './support/harness.js';
import { DONE, Recorder } from './support/recorder.js';

/** Has nothing to do for keys that nobody uses. */
class Idler extends Recorder {
  readonly used = new Set<string>();
  readonly asked: TriggerEvent[] = [];
  idle(_config: unknown, event: TriggerEvent): string | undefined {
    this.asked.push(event);
    return this.used.has(event.key) ? undefined : `nobody uses ${event.key}`;
  }
}

function setUp(changed: Partial<Setup> = {}) {
  const world = new FakeWorld();
  for (const key of ['a', 'b']) world.set(key, '0');
  const action = new Idler();
  const harness = new Harness({ sources: [{ instance: world.source }], actions: [{ instance: action }], ...changed });
  return { world, action, harness, clock: harness.clock };
}

describe('a change that the action has no use for', () => {
  it('is dropped with its reason, without a run, and nothing is written before', async () => {
    const { world, action, harness, clock } = setUp();
    await harness.start();
    const writes = harness.disk.writes;
    world.set('a', '1');
    await clock.advance(2000);
    expect(harness.of('settled')).toMatchObject([{ outcome: 'dropped', actions: [], event: { key: 'a' } }]);
    expect(harness.of('verdict')).toMatchObject([{ gate: 'action[0]', verdict: 'drop', because: 'nobody uses a' }]);
    expect([action.runs, harness.disk.writes]).toEqual([[], writes]);
    await clock.advance(10_000);
    expect(harness.disk.writes).toBe(writes + 1);
  });

  it('is dealt with, also after a restart', async () => {
    const { world, action, harness, clock } = setUp();
    await harness.start();
    world.set('a', '1');
    await clock.advance(10_000);
    action.used.add('a');
    const next = await harness.restart();
    expect(action.runs).toEqual([]);
    world.set('a', '2');
    await clock.advance(10_000);
    expect(action.said).toEqual(['a@2']);
    await next.stop();
  });

  it('does not move the combined revision: the targets still have what was before', async () => {
    const combinedAfter = async (...changes: string[]) => {
      const { world, action, harness, clock } = setUp();
      action.used.add('b');
      await harness.start();
      for (const key of changes) {
        world.set(key, '1');
        await clock.advance(10_000);
      }
      return action.runs.map(({ key, combined }) => [key, combined]);
    };
    const alone = await combinedAfter('b');
    expect(alone).toHaveLength(1);
    expect(await combinedAfter('a', 'b')).toEqual(alone);
  });

  it('that is a deletion is remembered as one: what comes back, even as it was, is asked about again', async () => {
    const { world, action, harness, clock } = setUp();
    await harness.start();
    world.delete('a');
    await clock.advance(10_000);
    action.used.add('a');
    world.set('a', '0');
    await clock.advance(10_000);
    expect(action.runs).toMatchObject([{ key: 'a', change: 'created', revision: '0' }]);
  });

  it('is asked about when its time to be delivered has come, not when it is seen', async () => {
    const { world, action, harness, clock } = setUp({ delivery: { coalesce: { quietMs: 5000, maxWaitMs: 20_000 } } });
    await harness.start();
    world.set('a', '1');
    await clock.advance(4000);
    expect(action.asked).toEqual([]);
    action.used.add('a');
    await clock.advance(4000);
    expect(action.said).toEqual(['a@1']);
  });

  it('is delivered where another action of the rule has a use for it', async () => {
    const other = new Recorder();
    const idler = new Idler();
    const { world, harness, clock } = setUp({ actions: [{ instance: idler }, { instance: other }] });
    await harness.start();
    world.set('a', '1');
    await clock.advance(10_000);
    expect([idler.said, other.said]).toEqual([['a@1'], ['a@1']]);
  });

  it.each([
    [
      'throws',
      () => {
        throw new Error('broken');
      },
      'broken',
    ],
    ['says no text', () => 1 as unknown as string, 'idle answered with no text (number)'],
  ])('is delivered where idle %s, which is told', async (_, idle, message) => {
    const action = Object.assign(new Recorder(), { idle });
    const { world, harness, clock } = setUp({ actions: [{ instance: action }] });
    await harness.start();
    world.set('a', '1');
    await clock.advance(10_000);
    expect(action.said).toEqual(['a@1']);
    expect(harness.of('fault')).toMatchObject([
      { where: 'action[0]', error: { message: expect.stringContaining(message) as string } },
    ]);
  });

  it('is delivered where a person asks for it, and where its delivery began', async () => {
    const { world, action, harness, clock } = setUp();
    await harness.start();
    harness.runner.fire({ id: 'one', by: 'anna', source: 'fake[0]', key: 'a' });
    await clock.advance(5000);
    expect(action.runs).toHaveLength(1);
    action.used.add('b');
    action.always = () => new Promise(() => undefined);
    world.set('b', '1');
    await clock.advance(5000);
    expect(action.runs).toHaveLength(2);
    action.used.delete('b');
    action.always = () => DONE;
    const next = await harness.kill();
    expect(action.runs.at(-1)).toMatchObject({ key: 'b', revision: '1', redelivered: true });
    await next.stop();
  });
});
