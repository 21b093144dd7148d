import { describe, expect, it } from 'vitest';
import {
  type Action,
  type CallContext,
  compileRule,
  defineAction,
  defineFilter,
  defineSource,
  type Delivery,
  type Filter,
  PASS,
  PluginRegistry,
  type Source,
  TriggerError,
} from './support/core.js';
import { call, clock, sieve, things } from './support/example-plugins.js';
import { FakeWorld } from './support/fake-world.js';
import { Harness, IDENTITY, type Setup } from './support/harness.js';
import { DONE, Recorder } from './support/recorder.js';

/** Things that can be looked at: their object is their revision, unless the test says otherwise. */
class Readable {
  readonly world = new FakeWorld();
  readonly reads: string[] = [];
  reading = 0;
  most = 0;
  answer: (key: string, context: CallContext) => unknown = (key) => {
    const state = this.world.states.get(key);
    return state === undefined ? null : { is: state.revision };
  };

  readonly source: Source = {
    open: (config, context) => this.world.source.open(config, context),
    read: async (_config, key, context) => {
      this.reads.push(key);
      this.most = Math.max(this.most, ++this.reading);
      try {
        return await this.answer(key, context);
      } finally {
        this.reading -= 1;
      }
    },
  };
}

/** Passes what it saw once the gate is open. */
class Looking implements Filter {
  readonly needsObject = true;
  readonly seen: unknown[] = [];
  deferMs = 0;

  decide: Filter['decide'] = (_config, { object }, { scheduler }) => {
    this.seen.push(object);
    if (this.deferMs === 0) return PASS;
    return { deferUntilMs: scheduler.now() + this.deferMs, because: 'not yet' };
  };
}

function setUp(changed: Partial<Setup> = {}) {
  const readable = new Readable();
  const filter = new Looking();
  const action = new Recorder();
  const setup: Setup = {
    sources: [{ instance: readable.source }],
    filters: [filter],
    actions: [{ instance: action }],
    ...changed,
  };
  return { readable, world: readable.world, filter, action, harness: new Harness(setup) };
}

describe('a filter that looks at the object', () => {
  it('sees it as it is, and nobody else does', async () => {
    const { readable, world, filter, action, harness } = setUp();
    await harness.start();
    world.set('k', 'a');
    await harness.clock.advance(5000);
    expect(filter.seen).toEqual([{ is: 'a' }]);
    expect(readable.reads).toEqual(['k']);
    expect(action.said).toEqual(['k@a']);
    expect(JSON.stringify([action.runs, harness.reports])).not.toContain('"is"');
  });

  it('sees what is there when a change that waited is decided again, also after a restart', async () => {
    const { readable, world, filter, harness } = setUp();
    filter.deferMs = 3_600_000;
    await harness.start();
    world.set('k', 'a');
    await harness.clock.advance(5000);
    readable.answer = () => ({ is: 'edited since' });
    const next = await harness.restart();
    filter.deferMs = 0;
    await next.clock.advance(3_600_000);
    expect(filter.seen).toEqual([{ is: 'a' }, { is: 'edited since' }, { is: 'edited since' }]);
    expect(next.of('settled')).toMatchObject([{ outcome: 'done' }]);
  });

  it('sees null for a deletion, without a request', async () => {
    const { readable, world, filter, harness } = setUp();
    world.set('k', 'a');
    await harness.start();
    world.delete('k');
    await harness.clock.advance(5000);
    expect([filter.seen, readable.reads]).toEqual([[null], []]);
  });

  it('is not asked about an object that went meanwhile: its deletion comes next', async () => {
    const { readable, world, filter, action, harness } = setUp();
    await harness.start();
    readable.answer = () => null;
    world.set('k', 'a');
    await harness.clock.advance(1000);
    expect([filter.seen, action.said, harness.of('fault')]).toEqual([[], [], []]);
    expect(harness.of('verdict')).toMatchObject([
      { verdict: 'defer', because: expect.stringContaining('k does not exist') },
    ]);
    world.delete('k');
    await harness.clock.advance(1000);
    // Unknown before and gone now: nothing happened.
    expect([action.said, harness.counts().underWay]).toEqual([[], 0]);
  });

  it('holds the change back while the object cannot be read, and says why', async () => {
    const { readable, world, filter, action, harness } = setUp();
    const { answer } = readable;
    await harness.start();
    readable.answer = () => Promise.reject(new TriggerError('KT_KUBE_FORBIDDEN', 'no get'));
    world.set('k', 'a');
    await harness.clock.advance(1000);
    expect(harness.of('fault')).toMatchObject([{ where: 'fake[0]', error: { code: 'KT_KUBE_FORBIDDEN' } }]);
    readable.answer = answer;
    await harness.clock.advance(30_000);
    expect([filter.seen, action.said]).toEqual([[{ is: 'a' }], ['k@a']]);
  });

  it('has no say on a state that was replaced while the object was read', async () => {
    const { readable, world, filter, action, harness } = setUp();
    const { answer } = readable;
    filter.decide = (_config, { object }) => ((object as { is: string }).is === 'a' ? { drop: 'an a' } : PASS);
    await harness.start();
    let go: ((object: unknown) => void) | undefined;
    readable.answer = () => new Promise((resolve) => (go = resolve));
    world.set('k', 'a');
    await harness.clock.advance(1000);
    readable.answer = answer;
    world.set('k', 'b');
    go?.({ is: 'a' });
    await harness.clock.advance(5000);
    expect(harness.of('settled')).toMatchObject([{ event: { revision: 'b' }, outcome: 'done' }]);
    expect(action.said).toEqual(['k@b']);
  });

  it('is asked after the filters before it, which may spare the reading', async () => {
    const { readable, world, harness } = setUp({ filters: [{ decide: () => ({ drop: 'no' }) }, new Looking()] });
    await harness.start();
    world.set('k', 'a');
    await harness.clock.advance(5000);
    expect(readable.reads).toEqual([]);
    expect(harness.of('settled')).toMatchObject([{ outcome: 'dropped' }]);
  });

  it('has no more objects in memory than deliveries may be under way', async () => {
    const { readable, world, harness } = setUp({ delivery: { concurrency: 3 } });
    const { answer } = readable;
    readable.answer = async (key, context) => {
      await Promise.resolve();
      return answer(key, context);
    };
    await harness.start();
    for (let i = 0; i < 100; i += 1) world.set(`k${i}`, 'a');
    await harness.clock.advance(60_000);
    expect(readable.reads).toHaveLength(100);
    expect(readable.most).toBe(3);
  });

  it('holds up no stop while the object is read', async () => {
    const { readable, world, action, harness } = setUp();
    await harness.start();
    let aborted = false;
    readable.answer = (_key, { signal }) => {
      signal.addEventListener('abort', () => (aborted = true));
      return new Promise(() => undefined);
    };
    world.set('k', 'a');
    await harness.clock.advance(1000);
    await harness.stop();
    expect([aborted, action.said, harness.of('fault')]).toEqual([true, [], []]);
  });
});

describe('an action that looks at the object', () => {
  it('sees it anew with each attempt, with the id and revision of the delivery', async () => {
    const seen: unknown[] = [];
    const instance: Action = {
      run: (_config, { event, id, revision }: Delivery) => {
        seen.push([event.object, event.id === id, revision.length > 0]);
        if (seen.length === 1) return Promise.reject(new TriggerError('KT_TEST_FAILED', 'once more'));
        return Promise.resolve(DONE);
      },
    };
    const { readable, world, harness } = setUp({ filters: [], actions: [{ instance, needsObject: true }] });
    await harness.start();
    world.set('k', 'a');
    readable.answer = () => ({ read: readable.reads.length });
    await harness.clock.advance(60_000);
    expect(seen).toEqual([
      [{ read: 1 }, true, true],
      [{ read: 2 }, true, true],
    ]);
    expect(JSON.stringify(harness.reports)).not.toContain('"read"');
  });

  it('fails, and is repeated, while the object cannot be read', async () => {
    const action = new Recorder();
    const { readable, world, harness } = setUp({ filters: [], actions: [{ instance: action, needsObject: true }] });
    const { answer } = readable;
    await harness.start();
    readable.answer = () => Promise.reject(new TriggerError('KT_KUBE_FORBIDDEN', 'no get'));
    world.set('k', 'a');
    await harness.clock.advance(200);
    expect(harness.of('attemptFailed')).toMatchObject([{ error: { code: 'KT_KUBE_FORBIDDEN' } }]);
    readable.answer = answer;
    await harness.clock.advance(60_000);
    expect(action.said).toEqual(['k@a']);
  });

  it('does not make others wait for it: what needs no object is read for nobody', async () => {
    const { readable, world, action, harness } = setUp({ filters: [] });
    await harness.start();
    world.set('k', 'a');
    await harness.clock.advance(5000);
    expect([action.said, readable.reads]).toEqual([['k@a'], []]);
  });
});

describe('a rule that looks at objects', () => {
  const { kind: _f, contract: _v, ...filterDraft } = sieve;
  const looking = defineFilter({ ...filterDraft, name: 'looking', needsObject: ({ mesh }) => mesh > 1 });
  const { kind: _a, contract: _w, ...actionDraft } = call;
  const telling = defineAction({ ...actionDraft, name: 'telling', needsObject: () => true });
  const failing = defineAction({
    ...actionDraft,
    name: 'failing',
    needsObject: () => {
      throw new Error('boom');
    },
  });
  const { kind: _s, contract: _c, handles: _h, ...sourceDraft } = things;
  const readable = defineSource({ ...sourceDraft, name: 'readable', objects: 'readable' });
  const secret = defineSource({ ...sourceDraft, name: 'hidden', objects: { never: 'hidden things stay hidden' } });
  const registry = new PluginRegistry();
  for (const plugin of [looking, telling, failing, readable, secret, clock]) registry.register(plugin, 'test');
  const compile = (spec: object) => compileRule(IDENTITY, { sources: [{ readable: {} }], ...spec }, registry);
  const filters = [{ looking: { mesh: 2 } }];
  const actions = [{ telling: { url: 'http://x' } }];

  it('knows who does', () => {
    const compilation = compile({ filters: [{ looking: { mesh: 1 }, name: 'one' }, ...filters], actions });
    expect(compilation).toMatchObject({
      rule: { filters: [{ needsObject: false }, { needsObject: true }], actions: [{ needsObject: true }] },
    });
  });

  it('is refused where a source has none, with the reason of the source', () => {
    const sources = [{ readable: {} }, { hidden: {} }, { clock: { everySeconds: 1 } }];
    const fix = 'do without it, or make a rule of its own for that source';
    const hidden = `uses object, but hidden things stay hidden (spec.sources[1] is hidden); ${fix}`;
    const none = `uses object, but the events of one of its sources are about no object (spec.sources[2] is clock); ${fix}`;
    expect(compile({ sources, filters, actions })).toEqual({
      reason: 'Invalid',
      issues: [
        { path: 'spec.filters[0].looking', message: hidden },
        { path: 'spec.filters[0].looking', message: none },
        { path: 'spec.actions[0].telling', message: hidden },
        { path: 'spec.actions[0].telling', message: none },
      ],
    });
  });

  it('is refused, and not taken for one that does not, when a plugin cannot tell', () => {
    expect(compile({ actions: [{ failing: { url: 'http://x' } }] })).toMatchObject({
      issues: [{ path: 'spec.actions[0].failing', message: expect.stringContaining('boom') }],
    });
  });
});
