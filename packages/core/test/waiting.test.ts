import { EMPTY, of, Subject, throwError } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { type ActionResult, TriggerError } from './support/core.js';
import { FakeWorld } from './support/fake-world.js';
import { Harness, type Setup } from './support/harness.js';
import { DONE, Recorder } from './support/recorder.js';

const target = (name: string, outcome: 'done' | 'unchanged') => ({ target: name, outcome });
const waiting =
  (againAfterMs = 10_000, targets: ActionResult['targets'] = []) =>
  () =>
    ({ outcome: 'waiting', targets, because: 'wave 1 of 2 is not ready', againAfterMs }) as const;

function setUp(changed: Partial<Setup> = {}) {
  const world = new FakeWorld();
  const action = new Recorder();
  for (let i = 0; i < 5; i += 1) world.set(`k${i}`, '0');
  const harness = new Harness({ sources: [{ instance: world.source }], actions: [{ instance: action }], ...changed });
  return { world, action, harness, clock: harness.clock };
}

describe('an action that waits', () => {
  it('is run again after the time it asks for, as a redelivery that counts as no attempt', async () => {
    const retry = { limit: 0, initialDelayMs: 1000, maxDelayMs: 1000 };
    const action = new Recorder();
    const { world, harness, clock } = setUp({ actions: [{ instance: action, semantics: 'edge', retry }] });
    action.next.push(waiting(), waiting(), waiting());
    await harness.start();
    world.set('k1', '1');
    await clock.advance(60_000);
    const first = action.runs[0]?.atMs ?? 0;
    expect(action.runs.map(({ atMs, attempt, redelivered }) => [atMs - first, attempt, redelivered])).toEqual([
      [0, 1, false],
      [10_000, 1, true],
      [20_000, 1, true],
      [30_000, 1, true],
    ]);
    expect(new Set(action.runs.map(({ id }) => id)).size).toBe(1);
    expect(harness.of('attemptFailed')).toEqual([]);
    expect(harness.of('settled')).toMatchObject([{ outcome: 'done', actions: [{ attempts: 1 }] }]);
  });

  it('is reported with its reason and its next look', async () => {
    const { world, action, harness, clock } = setUp();
    action.next.push(waiting(7000, [target('Deployment/shop/a', 'done')]));
    await harness.start();
    const nowMs = clock.now();
    world.set('k1', '1');
    await clock.advance(1000);
    expect(harness.of('waiting')).toMatchObject([
      {
        action: 'action[0]',
        because: 'wave 1 of 2 is not ready',
        targets: [target('Deployment/shop/a', 'done')],
        event: { key: 'k1' },
      },
    ]);
    expect((harness.of('waiting')[0]?.againAtMs ?? 0) - nowMs).toBeGreaterThanOrEqual(7000);
  });

  it('makes no loop of a zero, and waits for no longer than a timer can', async () => {
    const { world, action, harness, clock } = setUp();
    action.next.push(waiting(0), waiting(-5), waiting(1e300));
    await harness.start();
    world.set('k1', '1');
    await clock.advance(60_000);
    const first = action.runs[0]?.atMs ?? 0;
    expect(action.runs.map(({ atMs }) => atMs - first)).toEqual([0, 100, 200]);
    await clock.advance(25 * 86_400_000);
    expect(action.runs).toHaveLength(4);
  });

  it('is run again when what it waits for happens, 100 ms after it began to wait at the earliest', async () => {
    const { world, action, harness, clock } = setUp();
    const [late, atOnce] = [new Subject<void>(), of(1, 2)];
    action.next.push(
      () => ({ ...waiting(60_000)(), until: late }),
      () => ({ ...waiting(60_000)(), until: atOnce }),
    );
    await harness.start();
    world.set('k1', '1');
    await clock.advance(10_000);
    expect([action.runs.length, late.observed]).toEqual([1, true]);
    late.next();
    await clock.advance(99);
    expect(action.runs.length).toBe(1);
    await clock.advance(102);
    expect(action.runs.length).toBe(3);
    expect((action.runs[2]?.atMs ?? 0) - (action.runs[1]?.atMs ?? 0)).toBe(100);
    expect([late.observed, harness.of('settled').length]).toEqual([false, 1]);
  });

  it.each([
    ['errors', throwError(() => new Error('boom'))],
    ['completes', EMPTY],
  ])('waits for its time when what it waits for %s', async (_, until) => {
    const { world, action, harness, clock } = setUp();
    action.next.push(() => ({ ...waiting(60_000)(), until }));
    await harness.start();
    world.set('k1', '1');
    await clock.advance(59_000);
    expect(action.runs).toHaveLength(1);
    await clock.advance(5000);
    expect(action.runs).toHaveLength(2);
  });

  it('lets go of what it waits for when the rule ends, or a newer state comes', async () => {
    const { world, action, harness, clock } = setUp();
    const until = new Subject<void>();
    action.next.push(() => ({ ...waiting(60_000)(), until }));
    await harness.start();
    world.set('k1', '1');
    await clock.advance(5000);
    expect(until.observed).toBe(true);
    world.set('k1', '2');
    await clock.advance(5000);
    expect([until.observed, action.runs.length]).toEqual([false, 2]);
    action.next.push(() => ({ ...waiting(60_000)(), until }));
    world.set('k1', '3');
    await clock.advance(5000);
    expect(until.observed).toBe(true);
    await harness.stop();
    expect(until.observed).toBe(false);
  });

  it('keeps the count of failed attempts', async () => {
    const action = new Recorder();
    const retry = { limit: 2, initialDelayMs: 1000, maxDelayMs: 1000 };
    const { world, harness, clock } = setUp({ actions: [{ instance: action, semantics: 'edge', retry }] });
    const fail = () => Promise.reject(new TriggerError('KT_X', 'x'));
    action.next.push(fail, waiting(1000, [target('t', 'done')]), fail, waiting(1000), fail, waiting(1000));
    await harness.start();
    world.set('k1', '1');
    await clock.advance(60_000);
    expect(action.runs.map(({ attempt }) => attempt)).toEqual([1, 2, 2, 3, 3]);
    expect(harness.of('settled')).toMatchObject([
      { outcome: 'failed', actions: [{ outcome: 'failed', targets: [target('t', 'done')] }] },
    ]);
  });

  it('leaves its place to others', async () => {
    const { world, action, harness, clock } = setUp({ delivery: { concurrency: 1 } });
    action.always = ({ event }) => (event.key === 'k1' ? waiting(3_600_000)() : DONE);
    await harness.start();
    for (let i = 0; i < 5; i += 1) world.set(`k${i}`, '1');
    await clock.advance(5000);
    expect(harness.of('settled').map(({ event }) => event.key)).toEqual(['k0', 'k2', 'k3', 'k4']);
  });

  it('holds back the actions after it', async () => {
    const [first, second] = [new Recorder(), new Recorder()];
    const { world, harness, clock } = setUp({ actions: [{ instance: first }, { instance: second }] });
    first.next.push(waiting());
    await harness.start();
    world.set('k1', '1');
    await clock.advance(9000);
    expect(second.runs).toEqual([]);
    await clock.advance(9000);
    expect([first.runs.length, second.runs.length]).toEqual([2, 1]);
    expect(second.runs[0]?.redelivered).toBe(false);
  });

  it('is replaced at once by a newer state, also by the one before', async () => {
    const { world, action, harness, clock } = setUp();
    action.next.push(waiting(3_600_000), waiting(3_600_000));
    await harness.start();
    for (const revision of ['1', '2', '0']) {
      world.set('k1', revision);
      await clock.advance(5000);
    }
    expect(action.said).toEqual(['k1@1', 'k1@2', 'k1@0']);
    expect(action.runs.map(({ redelivered }) => redelivered)).toEqual([false, true, true]);
    expect(harness.of('settled')).toMatchObject([{ event: { revision: '0' } }]);
  });

  it.each(['stop', 'kill'] as const)('goes on after a %s, with the same id', async (how) => {
    const { world, action, harness, clock } = setUp();
    action.next.push(waiting(3_600_000));
    await harness.start();
    world.set('k1', '1');
    await clock.advance(5000);
    const next = await (how === 'stop' ? harness.restart() : harness.kill());
    expect(action.said).toEqual(['k1@1', 'k1@1']);
    expect(action.runs[1]).toMatchObject({ redelivered: true, id: action.runs[0]?.id });
    expect(next.of('settled')).toHaveLength(1);
    await next.stop();
    expect(how === 'stop' ? clock.pending : 0).toBe(0);
  });

  it('is not run without the lease', async () => {
    let leader = true;
    const { world, action, harness, clock } = setUp({ mayAct: () => leader });
    action.next.push(waiting(1000));
    await harness.start();
    world.set('k1', '1');
    await clock.advance(500);
    leader = false;
    await clock.advance(60_000);
    expect(action.runs).toHaveLength(1);
    leader = true;
    await clock.advance(5000);
    expect(action.runs).toHaveLength(2);
  });

  it('tells in the end what all its runs did', async () => {
    const { world, action, harness, clock } = setUp();
    action.next.push(
      waiting(1000, [target('a', 'done')]),
      waiting(1000, [target('a', 'unchanged'), target('b', 'done')]),
    );
    action.always = () => ({
      outcome: 'unchanged',
      targets: [target('a', 'unchanged'), target('b', 'unchanged'), target('c', 'unchanged')],
    });
    await harness.start();
    world.set('k1', '1');
    await clock.advance(60_000);
    expect(harness.of('settled')).toMatchObject([
      {
        outcome: 'done',
        actions: [{ outcome: 'done', targets: [target('a', 'done'), target('b', 'done'), target('c', 'unchanged')] }],
      },
    ]);
  });

  it('counts for the breaker while it waits', async () => {
    const { world, action, harness, clock } = setUp({ delivery: { breaker: { limit: 5, windowMs: 60_000 } } });
    action.always = waiting(1000, [target('t', 'done')]);
    await harness.start();
    world.set('k1', '1');
    await clock.advance(600_000);
    expect(harness.of('tripped')).toHaveLength(1);
    expect(action.runs).toHaveLength(6);
  });

  it.each([
    ['no reason', { outcome: 'waiting', targets: [], againAfterMs: 1 }],
    ['no time', { outcome: 'waiting', targets: [], because: 'x' }],
    ['a time that never comes', { outcome: 'waiting', targets: [], because: 'x', againAfterMs: Infinity }],
    ['no number', { outcome: 'waiting', targets: [], because: 'x', againAfterMs: '5' }],
    [
      'what cannot be waited for',
      { outcome: 'waiting', targets: [], because: 'x', againAfterMs: 1, until: { subscribe: 1 } },
    ],
    ['no targets', { outcome: 'waiting', because: 'x', againAfterMs: 1 }],
    ['a waiting target', { outcome: 'done', targets: [{ target: 't', outcome: 'waiting' }] }],
  ])('with %s is a fault of the plugin', async (_, result) => {
    const { world, action, harness, clock } = setUp();
    action.always = () => result;
    await harness.start();
    world.set('k1', '1');
    await clock.advance(60_000);
    expect(action.runs).toHaveLength(1);
    expect(harness.of('attemptFailed')).toMatchObject([{ error: { code: 'KT_PLUGIN_FAULT' } }]);
  });
});
