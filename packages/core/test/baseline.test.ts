import { describe, expect, it } from 'vitest';
import { INCOMPLETE_BASELINE, type TriggerEvent } from './support/core.js';
import { FakeQueue, FakeWorld } from './support/fake-world.js';
import { Harness, type Setup } from './support/harness.js';
import { Recorder } from './support/recorder.js';

function setUp(changed: Partial<Setup> = {}) {
  const world = new FakeWorld();
  const action = new Recorder();
  world.set('a', '1', { x: 'x1', y: 'y1' });
  world.set('b', '1');
  const harness = new Harness({ sources: [{ instance: world.source }], actions: [{ instance: action }], ...changed });
  return { world, action, harness };
}

/** A filter like a source's `on: [created, updated]`. */
const NO_DELETIONS = {
  decide: (_config: unknown, event: TriggerEvent) =>
    event.change === 'deleted' ? { drop: 'a deletion' } : ({ pass: true } as const),
};

describe('first sight', () => {
  it('is a baseline: nothing is done until something changes', async () => {
    const { world, action, harness } = setUp();
    await harness.start();
    await harness.clock.advance(3_600_000);
    expect(action.runs).toEqual([]);
    expect(harness.counts()).toEqual({ underWay: 0, keys: 2 });
    world.set('a', '2');
    await harness.clock.advance(5000);
    expect(action.runs).toMatchObject([{ key: 'a', revision: '2', change: 'updated', attempt: 1, redelivered: false }]);
  });

  it('runs for everything with onFirstSeen: run, once', async () => {
    const { action, harness } = setUp({ onFirstSeen: 'run' });
    await harness.start();
    expect(action.said).toEqual(['a@1', 'b@1']);
    expect(action.runs.map(({ change }) => change)).toEqual(['created', 'created']);
    await (await harness.restart()).stop();
    expect(action.runs).toHaveLength(2);
  });

  it('of 500 rules over 10,000 objects does nothing', async () => {
    const world = new FakeWorld();
    for (let i = 0; i < 20; i += 1) world.set(`k${i}`, '1');
    const action = new Recorder();
    const first = setUp({ sources: [{ instance: world.source }], actions: [{ instance: action }] }).harness;
    const rules = Array.from({ length: 500 }, () => new Harness({ ...first.setup, clock: first.clock }));
    for (const rule of rules) await rule.runner.start();
    await first.clock.advance(5000);
    expect(rules.reduce((keys, rule) => keys + rule.counts().keys, 0)).toBe(10_000);
    expect(action.runs).toEqual([]);
  });

  it('is reported as synced only when a restart would find it', async () => {
    const { harness } = setUp();
    await harness.runner.start();
    await harness.clock.advance(0);
    expect(harness.of('source').map(({ state }) => state)).toEqual(['opening']);
    await harness.clock.advance(5000);
    expect(harness.of('source').map(({ state }) => state)).toEqual(['opening', 'synced']);
    expect([...harness.disk.records.keys()].toSorted()).toEqual(['source-0', 'source-0/a', 'source-0/b']);
  });
});

describe('a restart', () => {
  it('with nothing changed does nothing, however often, also after kills', async () => {
    const { world, action, harness } = setUp();
    await harness.start();
    world.set('a', '2');
    await harness.clock.advance(5000);
    let running = harness;
    for (let i = 0; i < 5; i += 1) running = await running.restart();
    for (let i = 0; i < 5; i += 1) running = await running.kill();
    await running.clock.advance(60_000);
    expect(action.said).toEqual(['a@2']);
  });

  it('finds what changed, was created and was deleted while down, once', async () => {
    const { world, action, harness } = setUp();
    await harness.start();
    await harness.stop();
    world.set('a', '2');
    world.set('c', '1');
    world.delete('b');
    const next = await harness.successor().start();
    expect(action.runs.map(({ key, change }) => `${key} ${change}`).toSorted()).toEqual([
      'a updated',
      'b deleted',
      'c created',
    ]);
    await next.restart();
    expect(action.runs).toHaveLength(3);
  });

  it('finds what changed while it was suspended in mid-queue: only the last state counts', async () => {
    const { world, action, harness } = setUp();
    await harness.start();
    await harness.stop();
    for (let i = 2; i < 10; i += 1) world.set('a', String(i));
    await harness.successor().start();
    expect(action.said).toEqual(['a@9']);
  });

  it('names the changed parts also when the change was made while down', async () => {
    const { world, action, harness } = setUp();
    await harness.start();
    await harness.stop();
    world.set('a', '2', { x: 'x2', z: 'z1' });
    await harness.successor().start();
    expect(action.runs[0]?.delivery.event.changedKeys).toEqual(['x', 'y', 'z']);
  });

  it('with an edited source starts from a new baseline', async () => {
    const { world, action, harness } = setUp();
    await harness.start();
    await harness.stop();
    world.set('a', '2');
    const edited = await harness.successor({ sources: [{ instance: world.source, id: 'edited' }] }).start();
    expect(action.runs).toEqual([]);
    await edited.clock.advance(10_000);
    expect([...harness.disk.records.keys()].toSorted()).toEqual(['edited', 'edited/a', 'edited/b']);
  });

  it('with an added source takes only that one as new', async () => {
    const { world, action, harness } = setUp();
    await harness.start();
    await harness.stop();
    const other = new FakeWorld();
    other.set('o', '1');
    world.set('a', '2');
    await harness.successor({ sources: [{ instance: world.source }, { instance: other.source }] }).start();
    expect(action.said).toEqual(['a@2']);
  });

  it('with a deleted checkpoint starts from a new baseline', async () => {
    const { world, action, harness } = setUp();
    await harness.start();
    await harness.stop();
    world.set('a', '2');
    harness.disk.records.clear();
    await harness.successor().start();
    expect(action.runs).toEqual([]);
  });

  it('with a checkpoint that lost a part starts from a new baseline, which counts from then on', async () => {
    const { world, action, harness } = setUp();
    await harness.start();
    await harness.stop();
    harness.disk.records.set('source-0', INCOMPLETE_BASELINE);
    harness.disk.records.delete('source-0/a');
    world.set('b', '2');
    const next = await harness.successor().start();
    expect(action.said).toEqual(['b@2']);
    await next.stop();
    world.set('c', '1');
    await harness.successor().start();
    expect(action.said).toEqual(['b@2', 'c@1']);
  });

  it("with a baseline that lost a part and is not the rule's any more forgets it", async () => {
    const { world, harness } = setUp();
    await harness.start();
    await harness.stop();
    harness.disk.records.set('source-0', INCOMPLETE_BASELINE);
    await harness.successor({ sources: [{ id: 'edited', instance: world.source }] }).start();
    expect([...harness.disk.records.keys()].toSorted()).toEqual(['edited', 'edited/a', 'edited/b']);
  });

  it.each([
    '',
    'garbage',
    '{}',
    '[]',
    '[1,2]',
    '["1"]',
    '["1",1,null,{}]',
    '["1",1,null,[7]]',
    '[null,3]',
    '["1",1.5]',
  ])('with a record that reads %j starts that key from a new baseline', async (record) => {
    const { world, action, harness } = setUp();
    await harness.start();
    await harness.stop();
    harness.disk.records.set('source-0/a', record);
    harness.disk.records.set('source-0/gone', record);
    world.set('a', '2');
    world.set('b', '2');
    const next = await harness.successor().start();
    expect(action.said).toEqual(['b@2']);
    world.set('a', '3');
    await next.clock.advance(5000);
    expect(action.said).toEqual(['b@2', 'a@3']);
    expect(harness.disk.records.has('source-0/gone')).toBe(false);
  });

  it('never takes keys of an edge source for deleted', async () => {
    const queue = new FakeQueue();
    const action = new Recorder();
    const harness = new Harness({
      sources: [{ instance: queue.source, semantics: 'edge' }],
      actions: [{ instance: action, semantics: 'edge' }],
    });
    await harness.start();
    queue.push('k', 'r1');
    await harness.clock.advance(5000);
    await harness.restart();
    expect(action.said).toEqual(['k@r1']);
    expect(queue.context?.settledRevision('k')).toBe('r1');
  });
});

describe('delete and create again', () => {
  it('with equal content does nothing, where deletions do not count', async () => {
    const { world, action, harness } = setUp({ filters: [NO_DELETIONS] });
    await harness.start();
    world.delete('a');
    await harness.clock.advance(5000);
    world.set('a', '1');
    await harness.clock.advance(5000);
    world.delete('a');
    const next = await harness.restart();
    world.set('a', '1');
    await next.clock.advance(5000);
    await next.restart();
    expect(action.runs).toEqual([]);
  });

  it('with other content acts once, as a creation', async () => {
    const { world, action, harness } = setUp({ filters: [NO_DELETIONS] });
    await harness.start();
    world.delete('a');
    await harness.clock.advance(5000);
    world.set('a', '2', { x: 'x2', y: 'y1' });
    await harness.clock.advance(5000);
    expect(action.runs).toMatchObject([{ key: 'a', revision: '2', change: 'created' }]);
    expect(action.runs[0]?.delivery.event.changedKeys).toEqual(['x']);
  });

  it('acts on both where deletions count', async () => {
    const { world, action, harness } = setUp();
    await harness.start();
    world.delete('a');
    await harness.clock.advance(5000);
    world.set('a', '1');
    await harness.clock.advance(5000);
    expect(action.said).toEqual(['a@deleted', 'a@1']);
  });
});

describe('a change that is undone', () => {
  const deferring = (pass: () => boolean) => ({
    decide: () => (pass() ? ({ pass: true } as const) : { deferUntilMs: Number.POSITIVE_INFINITY, because: 'closed' }),
  });

  it('before its delivery began (deferred) does nothing', async () => {
    const { world, action, harness } = setUp({ filters: [deferring(() => false)] });
    await harness.start();
    world.set('a', '2');
    world.delete('b');
    world.set('c', '1');
    await harness.clock.advance(5000);
    expect(harness.counts().underWay).toBe(3);
    world.set('a', '1');
    world.set('b', '1');
    world.delete('c');
    await harness.clock.advance(5000);
    expect(harness.counts().underWay).toBe(0);
    await harness.restart({ filters: [] });
    expect(action.runs).toEqual([]);
  });

  it('while waiting for a place does nothing', async () => {
    const { world, action, harness } = setUp({ delivery: { concurrency: 1 } });
    let finish: (() => void) | undefined;
    action.next.push(() => new Promise((resolve) => (finish = () => resolve({ outcome: 'done', targets: [] }))));
    await harness.start();
    world.set('a', '2');
    await harness.clock.advance(1000);
    world.set('b', '2');
    await harness.clock.advance(1000);
    world.set('b', '1');
    finish?.();
    await harness.clock.advance(5000);
    expect(action.said).toEqual(['a@2']);
  });

  it('while its beginning is being stored does nothing, also when the process is killed soon after', async () => {
    const { world, action, harness } = setUp();
    await harness.start();
    world.set('a', '2');
    await harness.clock.advance(5);
    world.set('a', '1');
    await harness.clock.advance(2000);
    const next = await harness.kill();
    await next.clock.advance(60_000);
    expect(action.runs).toEqual([]);
  });

  it('after its delivery began is delivered as the present state', async () => {
    const { world, action, harness } = setUp();
    action.next.push(() => Promise.reject(new Error('half of the targets have it')));
    await harness.start();
    world.set('a', '2');
    await harness.clock.advance(500);
    world.set('a', '1');
    await harness.clock.advance(5000);
    expect(action.said).toEqual(['a@2', 'a@1']);
    expect(action.runs[1]).toMatchObject({ redelivered: true, change: 'updated' });
    expect(action.runs[0]?.combined).not.toBe(action.runs[1]?.combined);
  });

  it('after its delivery began and the process was killed, too', async () => {
    const { world, action, harness } = setUp();
    await harness.start();
    world.set('b', '2');
    await harness.clock.advance(5000);
    const before = action.runs[0]?.combined;
    action.next.push(() => new Promise(() => undefined));
    world.set('a', '2');
    await harness.clock.advance(2000);
    expect(action.said).toEqual(['b@2', 'a@2']);
    world.set('a', '1');
    await harness.kill();
    expect(action.said).toEqual(['b@2', 'a@2', 'a@1']);
    expect(action.runs[2]).toMatchObject({ redelivered: true, combined: before });
  });

  it('in a source that is opened again meanwhile does nothing', async () => {
    const { world, action, harness } = setUp({ filters: [deferring(() => false)] });
    await harness.start();
    world.set('c', '1');
    await harness.clock.advance(1000);
    world.states.delete('c');
    world.break(new Error('boom'));
    await harness.clock.advance(10_000);
    expect(world.opened).toBe(2);
    expect(harness.counts().underWay).toBe(0);
    expect(action.runs).toEqual([]);
  });
});

describe('a filter that drops', () => {
  it('cannot keep a delivery that began from being brought to an end', async () => {
    let drop = false;
    const { world, action, harness } = setUp({ filters: [{ decide: () => (drop ? { drop: 'x' } : { pass: true }) }] });
    action.next.push(() => Promise.reject(new Error('half of the targets have it')));
    await harness.start();
    world.set('a', '2');
    await harness.clock.advance(400);
    drop = true;
    world.set('a', '3');
    await harness.clock.advance(10_000);
    world.set('a', '4');
    await harness.clock.advance(10_000);
    expect(action.said).toEqual(['a@2', 'a@3']);
    expect(harness.of('verdict')).toMatchObject([{ verdict: 'drop', event: { revision: '4' } }]);
  });
});

describe('a killed delivery', () => {
  it('is repeated with the same id', async () => {
    const { world, action, harness } = setUp();
    action.next.push(() => new Promise(() => undefined));
    await harness.start();
    world.set('a', '2');
    await harness.clock.advance(2000);
    await harness.kill();
    expect(action.runs).toMatchObject([{ redelivered: false }, { redelivered: true, attempt: 1 }]);
    expect(action.runs[0]?.id).toBe(action.runs[1]?.id);
    expect(action.runs[0]?.combined).toBe(action.runs[1]?.combined);
  });

  it('gives a state that comes back another id', async () => {
    const { world, action, harness } = setUp();
    await harness.start();
    for (const revision of ['2', '1', '2', '1']) {
      world.set('a', revision);
      await harness.clock.advance(5000);
    }
    expect(new Set(action.runs.map(({ id }) => id)).size).toBe(4);
  });

  it.each([
    ['its checkpoint was deleted', ({ disk }: Harness) => Promise.resolve(disk.records.clear())],
    [
      'its source was edited and edited back',
      async (harness: Harness) => {
        const sources = harness.setup.sources.map((source) => ({ ...source, id: 'edited' }));
        await (await harness.successor({ sources }).start()).stop();
      },
    ],
  ])('gives it another id also after %s', async (_, forget) => {
    const { world, action, harness } = setUp();
    await harness.start();
    for (const revision of ['2', '1']) {
      world.set('a', revision);
      await harness.clock.advance(5000);
    }
    await harness.stop();
    await forget(harness);
    const next = await harness.successor().start();
    expect(action.said).toEqual(['a@2', 'a@1']);
    for (const revision of ['2', '1']) {
      world.set('a', revision);
      await next.clock.advance(5000);
    }
    expect(action.said).toEqual(['a@2', 'a@1', 'a@2', 'a@1']);
    expect(new Set(action.runs.map(({ id }) => id)).size).toBe(4);
  });
});
