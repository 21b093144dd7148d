import { concat, NEVER, Observable, of } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { openSource, type Source, toTriggerError, TriggerError } from './support/core.js';
import { FakeQueue, FakeWorld } from './support/fake-world.js';
import { Harness } from './support/harness.js';
import { DONE, Recorder } from './support/recorder.js';

/** A healthy source beside the faulty one shows that the rule lives on. */
function beside(faulty: Source, semantics: 'level' | 'edge' = 'level') {
  const world = new FakeWorld();
  const action = new Recorder();
  world.set('healthy', 'a');
  const harness = new Harness({
    sources: [{ instance: faulty, semantics }, { instance: world.source }],
    actions: [{ instance: action }],
  });
  const livesOn = async () => {
    world.set('healthy', 'b');
    await harness.clock.advance(5000);
    expect(action.said).toContain('healthy@b');
    await harness.stop();
    expect(harness.clock.pending).toBe(0);
    expect(world.open).toBe(0);
  };
  return { harness, action, livesOn };
}

describe('a faulty source', () => {
  const faults: [string, () => Observable<never>][] = [
    [
      'throws in open',
      () => {
        throw new Error('boom');
      },
    ],
    ['returns undefined', () => undefined as never],
    ['returns a number', () => 7 as never],
    [
      'throws on subscribe',
      () =>
        new Observable(() => {
          throw new Error('boom');
        }),
    ],
    [
      'errors with undefined',
      () =>
        new Observable((subscriber) => {
          subscriber.error(undefined);
        }),
    ],
    [
      'completes at once',
      () =>
        new Observable((subscriber) => {
          subscriber.complete();
        }),
    ],
  ];
  it.each(faults)('that %s is reported, opened again with backoff and hurts nobody else', async (_, open) => {
    let opened = 0;
    const { harness, livesOn } = beside({
      open: () => {
        opened += 1;
        return open();
      },
    });
    await harness.start();
    expect(opened).toBeGreaterThan(1);
    expect(
      harness.of('source').filter((report) => report.source === 'fake[0]' && report.state === 'degraded')[0]?.error,
    ).toBeInstanceOf(TriggerError);
    await harness.clock.advance(600_000);
    expect(opened).toBeLessThan(40);
    await livesOn();
  });

  it('that ends soon after every sync is opened ever more slowly', async () => {
    let opened = 0;
    const { harness, livesOn } = beside({
      open: () => {
        opened += 1;
        return of({ change: 'synced' } as const);
      },
    });
    await harness.start();
    await harness.clock.advance(600_000);
    expect(opened).toBeLessThan(40);
    await livesOn();
  });

  const garbage = [
    undefined,
    null,
    7,
    'present',
    {},
    { change: 'gone' },
    { change: 'present' },
    { change: 'present', key: 7, revision: 'a' },
    { change: 'present', key: '', revision: 'a' },
    { change: 'present', key: 'k', revision: '' },
    { change: 'present', key: 'k', revision: 'a'.repeat(129) },
    { change: 'present', key: 'k'.repeat(513), revision: 'a' },
    { change: 'present', key: 'k', revision: 'a', parts: { part: 7 } },
    { change: 'present', key: 'k', revision: 'a', parts: 'none' },
    { change: 'absent' },
    { change: 'occurred', key: 'k', revision: 'r' },
    { change: 'degraded', error: undefined },
  ];
  it.each(garbage.map((event) => [JSON.stringify(event)?.slice(0, 60), event]))(
    'that emits %s is reported and goes on',
    async (_, event) => {
      const world = new FakeWorld();
      const action = new Recorder();
      const harness = await new Harness({
        sources: [{ instance: world.source }],
        actions: [{ instance: action }],
      }).start();
      world.say(event);
      await harness.clock.advance(5000);
      expect(harness.reports.some((said) => 'error' in said && said.error instanceof TriggerError)).toBe(true);
      expect(world.opened).toBe(1);
      world.set('k2', 'a');
      await harness.clock.advance(5000);
      expect(action.said).toEqual(['k2@a']);
    },
  );

  it('that throws in its teardown does not keep the rule from stopping', async () => {
    const { harness, livesOn } = beside({
      open: () =>
        new Observable((subscriber) => {
          subscriber.next({ change: 'synced' });
          return () => {
            throw new Error('boom');
          };
        }),
    });
    await harness.start();
    await livesOn();
    expect(harness.of('fault')).toMatchObject([{ where: 'fake[0]' }]);
  });

  it('that says synced twice means the first one', async () => {
    const { harness, livesOn, action } = beside({
      open: () =>
        concat(
          of(
            { change: 'present', key: 'k', revision: 'a' } as const,
            { change: 'synced' } as const,
            { change: 'synced' } as const,
          ),
          NEVER,
        ),
    });
    await harness.start();
    expect(action.runs).toEqual([]);
    await livesOn();
  });
});

describe('a faulty filter', () => {
  const verdicts: [string, unknown][] = [
    ['undefined', undefined],
    ['null', null],
    ['true', true],
    ['a string', 'pass'],
    ['an empty object', {}],
    ['pass: false', { pass: false }],
    ['a promise', Promise.resolve({ pass: true })],
    ['a drop without reason', { drop: undefined }],
    ['a deferral until NaN', { deferUntilMs: Number.NaN, because: 'x' }],
    ['a deferral until yesterday as text', { deferUntilMs: 'soon', because: 'x' }],
  ];
  it.each(verdicts)('that answers %s neither passes nor drops: it is asked again later', async (_, verdict) => {
    const world = new FakeWorld();
    const action = new Recorder();
    let answer: unknown = verdict;
    const harness = new Harness({
      sources: [{ instance: world.source }],
      filters: [{ decide: () => answer as never }],
      actions: [{ instance: action }],
    });
    await harness.start();
    world.set('k', 'a');
    await harness.clock.advance(10_000);
    expect(action.runs).toEqual([]);
    expect(harness.of('fault')[0]).toMatchObject({ where: 'filter[0]', error: { code: 'KT_PLUGIN_FAULT' } });
    answer = { pass: true };
    await harness.clock.advance(30_000);
    expect(action.said).toEqual(['k@a']);
  });

  it('that throws is asked again later', async () => {
    const world = new FakeWorld();
    const action = new Recorder();
    let asked = 0;
    const harness = new Harness({
      sources: [{ instance: world.source }],
      filters: [
        {
          decide: () => {
            asked += 1;
            if (asked < 3) throw undefined;
            return { pass: true };
          },
        },
      ],
      actions: [{ instance: action }],
    });
    await harness.start();
    world.set('k', 'a');
    await harness.clock.advance(65_000);
    expect(asked).toBe(3);
    expect(action.said).toEqual(['k@a']);
  });

  it.each([0, -1000, Number.NEGATIVE_INFINITY])(
    'that defers by %d ms is asked once a second, not in a loop',
    async (ms) => {
      const world = new FakeWorld();
      let asked = 0;
      const harness = new Harness({
        sources: [{ instance: world.source }],
        filters: [
          {
            decide: (_config, _event, context) => {
              asked += 1;
              return { deferUntilMs: context.scheduler.now() + ms, because: 'not yet' };
            },
          },
        ],
        actions: [{ instance: new Recorder() }],
      });
      await harness.start();
      world.set('k', 'a');
      await harness.clock.advance(10_000);
      expect(asked).toBeLessThan(13);
      await harness.stop();
    },
  );

  it('that defers for ever leaves a newer state a chance, and stops', async () => {
    const world = new FakeWorld();
    const action = new Recorder();
    const harness = new Harness({
      sources: [{ instance: world.source }],
      filters: [
        {
          decide: (_config, event) =>
            event.revision === 'a' ? { deferUntilMs: Number.POSITIVE_INFINITY, because: 'never' } : { pass: true },
        },
      ],
      actions: [{ instance: action }],
    });
    await harness.start();
    world.set('k', 'a');
    await harness.clock.advance(5000);
    world.set('k', 'b');
    await harness.clock.advance(5000);
    expect(action.said).toEqual(['k@b']);
    world.set('k', 'a');
    await harness.stop();
    expect(harness.clock.pending).toBe(0);
  });
});

describe('a faulty action', () => {
  const hostile = new Proxy({}, { has: () => true, get: () => Promise.reject.call(undefined) });
  const faults: [string, () => unknown][] = [
    [
      'throws synchronously',
      () => {
        throw new Error('boom');
      },
    ],
    ['rejects with undefined', () => Promise.reject<unknown>(undefined)],
    ['rejects with a string', () => Promise.reject<unknown>('boom')],
    ['rejects with a hostile object', () => Promise.reject<unknown>(hostile)],
    [
      'rejects with a broken TriggerError',
      () => Promise.reject(Object.assign(new TriggerError('KT_X', 'x'), { retry: null, code: undefined })),
    ],
    [
      'rejects with afterMs NaN',
      () => Promise.reject(new TriggerError('KT_X', 'x', { retry: { afterMs: Number.NaN } })),
    ],
    ['rejects with afterMs -1', () => Promise.reject(new TriggerError('KT_X', 'x', { retry: { afterMs: -1 } }))],
    [
      'returns a thenable that throws',
      () => ({
        // oxlint-disable-next-line unicorn/no-thenable -- the fault under test
        get then() {
          throw new Error('boom');
        },
      }),
    ],
  ];
  it.each(faults)('that %s is contained: tried again with backoff, other keys go on', async (_, behave) => {
    const world = new FakeWorld();
    const action = new Recorder();
    action.always = (delivery) => (delivery.event.key === 'bad' ? behave() : DONE);
    const harness = new Harness({ sources: [{ instance: world.source }], actions: [{ instance: action }] });
    await harness.start();
    world.set('bad', 'a');
    world.set('good', 'a');
    await harness.clock.advance(120_000);
    const bad = action.said.filter((said) => said === 'bad@a');
    expect(bad.length).toBeGreaterThan(1);
    expect(bad.length).toBeLessThan(1500);
    expect(action.said).toContain('good@a');
    expect(harness.of('attemptFailed')[0]?.error).toBeInstanceOf(TriggerError);
    expect(harness.of('checkpoint')).toEqual([]);
    action.always = () => DONE;
    await harness.clock.advance(120_000);
    expect(harness.of('settled').map(({ event, outcome }) => `${event.key} ${outcome}`)).toEqual([
      'good done',
      'bad done',
    ]);
  });

  const results: [string, unknown][] = [
    ['undefined', undefined],
    ['null', null],
    ['a string', 'done'],
    ['an unknown outcome', { outcome: 'ok', targets: [] }],
    ['no targets', { outcome: 'done' }],
    ['targets of null', { outcome: 'done', targets: [null] }],
    ['targets without a name', { outcome: 'done', targets: [{ outcome: 'done' }] }],
    [
      'a getter that throws',
      {
        get outcome() {
          throw new Error('boom');
        },
      },
    ],
  ];
  it.each(results)('that resolves with %s is a dead letter of that key', async (_, result) => {
    const world = new FakeWorld();
    const action = new Recorder();
    action.next.push(() => result);
    const harness = new Harness({ sources: [{ instance: world.source }], actions: [{ instance: action }] });
    await harness.start();
    world.set('k', 'a');
    await harness.clock.advance(5000);
    expect(harness.of('settled')).toMatchObject([
      { outcome: 'failed', actions: [{ error: { code: 'KT_PLUGIN_FAULT' } }] },
    ]);
    world.set('k', 'b');
    await harness.clock.advance(5000);
    expect(harness.of('settled')[1]).toMatchObject({ outcome: 'done' });
  });

  it('cannot speak for the host by surplus fields of its result', async () => {
    const world = new FakeWorld();
    const action = new Recorder();
    action.next.push(() => ({ ...DONE, action: 'other', attempts: 99, error: 'x' }));
    const harness = new Harness({ sources: [{ instance: world.source }], actions: [{ instance: action }] });
    await harness.start();
    world.set('k', 'a');
    await harness.clock.advance(5000);
    expect(harness.of('settled')[0]?.actions).toEqual([
      { action: 'action[0]', attempts: 1, outcome: 'done', targets: DONE.targets },
    ]);
  });

  it('that throws in dispose, or never ends it, does not keep the rule from stopping', async () => {
    for (const dispose of [() => Promise.reject(new Error('boom')), () => new Promise<void>(() => undefined)]) {
      const world = new FakeWorld();
      const harness = new Harness({
        sources: [{ instance: world.source }],
        actions: [{ instance: new Recorder() }],
        dispose,
      });
      await harness.start();
      await harness.stop();
      expect(harness.of('fault')).toHaveLength(1);
      expect(harness.clock.pending).toBe(0);
    }
  });
});

describe('a faulty acknowledgement', () => {
  it('that throws is reported and holds up no later occurrence', async () => {
    const queue = new FakeQueue();
    const action = new Recorder();
    const throwing: Source = {
      open: (config, context) =>
        new Observable((subscriber) => {
          subscriber.add(openSource({ source: queue.source, config, context }).subscribe(subscriber));
          for (const revision of ['r1', 'r2']) {
            subscriber.next({
              change: 'occurred',
              key: 'k',
              revision,
              settled: () => {
                throw new Error('boom');
              },
            });
          }
        }),
    };
    const harness = new Harness({
      sources: [{ instance: throwing, semantics: 'edge' }],
      actions: [{ instance: action, semantics: 'edge' }],
    });
    await harness.start();
    queue.push('k', 'r3');
    await harness.clock.advance(5000);
    expect(action.said).toEqual(['k@r1', 'k@r2', 'k@r3']);
    expect(harness.of('fault')).toHaveLength(2);
    expect(queue.acks).toEqual([['r3', 'done']]);
  });
});

describe('a faulty subscriber of reports', () => {
  it('that stops the rule from inside a report leaves nothing open', async () => {
    const world = new FakeWorld();
    world.set('k', 'a');
    const harness = new Harness({ sources: [{ instance: world.source }], actions: [{ instance: new Recorder() }] });
    let stopping: Promise<void> | undefined;
    harness.runner.reports.subscribe(() => {
      stopping ??= harness.runner.stop();
    });
    await harness.runner.start();
    await harness.clock.advance(60_000);
    await stopping;
    expect(world.open).toBe(0);
    expect(harness.clock.pending).toBe(0);
  });
});

describe('toTriggerError', () => {
  it('keeps whole TriggerErrors and wraps broken ones', () => {
    const whole = new TriggerError('KT_X', 'x', { retry: { afterMs: 5 } });
    expect(toTriggerError(whole)).toBe(whole);
    const broken = Object.assign(new TriggerError('KT_X', 'x'), { retry: null });
    expect(toTriggerError(broken)).toMatchObject({ code: 'KT_PLUGIN_FAULT', retry: 'backoff' });
  });
});
