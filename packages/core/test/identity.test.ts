import { describe, expect, it } from 'vitest';
import type { Source } from './support/core.js';
import { TriggerError } from './support/core.js';
import { FakeWorld } from './support/fake-world.js';
import { Harness } from './support/harness.js';
import { Recorder } from './support/recorder.js';

/** A source that makes its revisions with a key, as of Secrets. */
function setUp(identity: Source['identity']) {
  const world = new FakeWorld();
  const action = new Recorder();
  world.set('a', '1');
  const source = (other: Source['identity'] = identity): Source =>
    Object.assign({ ...world.source }, { identity: other });
  const harness = new Harness({ sources: [{ instance: source() }], actions: [{ instance: action }] });
  return { world, action, harness, source };
}

const sourceIds = ({ disk }: Harness) => [...disk.records.keys()].filter((record) => !/[/!]/.test(record));

describe('the identity of a source instance', () => {
  it('keeps the checkpoint while it is the same', async () => {
    const { world, action, harness } = setUp(() => Promise.resolve('key-1'));
    await harness.start();
    await harness.stop();
    world.set('a', '2');
    await harness.successor().start();
    expect(action.said).toEqual(['a@2']);
  });

  it('starts from a new baseline when it is another one', async () => {
    const { world, action, harness, source } = setUp(() => 'key-1');
    await harness.start();
    const [before] = sourceIds(harness);
    await harness.stop();
    world.set('a', 'the same, by another key');
    const next = await harness.successor({ sources: [{ instance: source(() => 'key-2') }] }).start();
    expect(action.runs).toEqual([]);
    await next.clock.advance(10_000);
    expect(sourceIds(next)).toHaveLength(1);
    expect(sourceIds(next)).not.toContain(before);
    world.set('a', '3');
    await next.clock.advance(5000);
    expect(action.said).toEqual(['a@3']);
  });

  it('is told the config, once, and dead letters are still found by it', async () => {
    const asked: unknown[] = [];
    const { world, action, harness } = setUp((config) => `key-${asked.push(config)}`);
    await harness.start();
    action.next.push(() => Promise.reject(new TriggerError('KT_X', 'no', { retry: 'never' })));
    world.set('a', '2');
    await harness.clock.advance(5000);
    expect(harness.runner.deadLetters()).toMatchObject([{ source: 'fake[0]', key: 'a' }]);
    expect(harness.runner.retry()).toBe(1);
    await harness.clock.advance(5000);
    expect(harness.runner.deadLetters()).toEqual([]);
    expect(asked).toEqual([{}]);
  });

  it('that cannot be told starts nothing, and may be told later', async () => {
    let ready = false;
    const unreachable = new TriggerError('KT_X', 'no key yet');
    const { action, world, harness } = setUp(() => (ready ? 'key-1' : Promise.reject(unreachable)));
    await expect(harness.runner.start()).rejects.toBe(unreachable);
    expect([harness.reports, harness.disk.records.size]).toEqual([[], 0]);
    ready = true;
    await harness.start();
    world.set('a', '2');
    await harness.clock.advance(5000);
    expect(action.said).toEqual(['a@2']);
  });

  it.each([
    ['throws', () => expect.fail('boom'), /boom/],
    ['is no text', () => 7, /fake\[0\]: identity is of type number, not a string/],
  ])('that %s is a fault of the plugin', async (_, identity: () => unknown, message) => {
    const { harness } = setUp(identity as () => string);
    await expect(harness.runner.start()).rejects.toMatchObject({
      code: 'KT_PLUGIN_FAULT',
      message: expect.stringMatching(message) as string,
    });
  });
});
