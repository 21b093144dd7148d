import { EMPTY, Subject, throwError } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { type Action, type CheckedUntil, TriggerError } from './support/core.js';
import { FakeWorld } from './support/fake-world.js';
import { Harness, type Setup } from './support/harness.js';
import { DONE, Recorder } from './support/recorder.js';

function setUp(actions: Setup['actions'], changed: Partial<Setup> = {}) {
  const world = new FakeWorld();
  world.set('k', '0');
  const harness = new Harness({ sources: [{ instance: world.source }], actions, ...changed });
  return { world, harness, clock: harness.clock };
}

const never = () => Promise.reject(new TriggerError('KT_X', 'x', { retry: 'never' }));
const once = () => Promise.reject(new TriggerError('KT_X', 'x'));

describe('several actions', () => {
  it('run in order; a retry resumes at the failed one', async () => {
    const [first, second, third] = [new Recorder(), new Recorder(), new Recorder()];
    second.next.push(once, once);
    const { world, harness, clock } = setUp([{ instance: first }, { instance: second }, { instance: third }]);
    await harness.start();
    world.set('k', '1');
    await clock.advance(60_000);
    expect([first, second, third].map(({ runs }) => runs.length)).toEqual([1, 3, 1]);
    expect(third.runs[0]?.atMs).toBeGreaterThan(second.runs[1]?.atMs ?? Infinity);
    expect(harness.of('settled')[0]?.actions.map(({ attempts }) => attempts)).toEqual([1, 3, 1]);
  });

  it('stop at a final failure, or go on with onFailure: continue', async () => {
    for (const [onFailure, outcomes] of [
      ['stop', ['failed', 'skipped']],
      ['continue', ['failed', 'done']],
    ] as const) {
      const [first, second] = [new Recorder(), new Recorder()];
      first.next.push(never);
      const { world, harness, clock } = setUp([{ instance: first, onFailure }, { instance: second }]);
      await harness.start();
      world.set('k', '1');
      await clock.advance(60_000);
      const [settled] = harness.of('settled');
      expect(settled?.outcome).toBe('failed');
      expect(settled?.actions.map(({ outcome }) => outcome)).toEqual(outcomes);
    }
  });

  it('are unchanged together only if each of them is', async () => {
    const [first, second] = [new Recorder(), new Recorder()];
    first.always = () => ({ outcome: 'unchanged', targets: [] });
    second.next.push(first.always);
    const { world, harness, clock } = setUp([{ instance: first }, { instance: second }]);
    await harness.start();
    for (const revision of ['1', '2']) {
      world.set('k', revision);
      await clock.advance(5000);
    }
    expect(harness.of('settled').map(({ outcome }) => outcome)).toEqual(['unchanged', 'done']);
  });
});

describe('a timeout', () => {
  it('aborts the signal and frees the place, also of an action that ignores it', async () => {
    let signal: AbortSignal | undefined;
    const hanging = new Recorder();
    hanging.always = ({ event }, context) => {
      if (event.key !== 'k') return DONE;
      signal ??= context.signal;
      return new Promise(() => undefined);
    };
    const { world, harness, clock } = setUp([{ instance: hanging, timeoutMs: 5000 }], { delivery: { concurrency: 1 } });
    await harness.start();
    world.set('k', '1');
    world.set('other', '1');
    await clock.advance(4000);
    expect(signal?.aborted).toBe(false);
    await clock.advance(2000);
    expect(signal?.aborted).toBe(true);
    expect(harness.of('attemptFailed')[0]?.error).toMatchObject({
      code: 'KT_ACTION_TIMEOUT',
      fix: expect.stringContaining('timeoutSeconds') as string,
    });
    await clock.advance(100);
    expect(hanging.said).toContain('other@1');
  });

  it('is what a plugin that passes the abort on is told of', async () => {
    const action = new Recorder();
    action.next.push(
      (_delivery, { signal }) =>
        new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('aborted')))),
    );
    const { world, harness, clock } = setUp([{ instance: action, timeoutMs: 5000 }]);
    await harness.start();
    world.set('k', '1');
    await clock.advance(20_000);
    expect(harness.of('attemptFailed')[0]?.error.code).toBe('KT_ACTION_TIMEOUT');
    expect(harness.of('settled')[0]?.outcome).toBe('done');
  });

  it('leaves no late rejection or result behind', async () => {
    const action = new Recorder();
    action.next.push(
      () =>
        new Promise((_, reject) => {
          clock.schedule(() => reject(new Error('late')), 9000);
        }),
    );
    const { world, harness, clock } = setUp([{ instance: action, timeoutMs: 5000 }]);
    await harness.start();
    world.set('k', '1');
    await clock.advance(60_000);
    expect(harness.of('settled')).toHaveLength(1);
    await harness.stop();
    expect(clock.pending).toBe(0);
  });
});

describe('check', () => {
  const checked = (answers: (() => unknown)[]): Action & { asked: number } => ({
    asked: 0,
    run: () => Promise.resolve(DONE),
    async check() {
      this.asked += 1;
      await (answers.shift() ?? (() => undefined))();
    },
  });

  it('is asked until it says yes; each new answer is reported once', async () => {
    const forbidden = () => Promise.reject(new TriggerError('KT_X', 'forbidden'));
    const action = checked([
      forbidden,
      forbidden,
      forbidden,
      () => Promise.reject(new TriggerError('KT_X', 'missing')),
    ]);
    const { harness, clock } = setUp([{ instance: action }]);
    await harness.start();
    await clock.advance(600_000);
    expect(action.asked).toBe(5);
    expect(harness.of('check').map(({ error }) => error?.message)).toEqual(['forbidden', 'missing', undefined]);
  });

  it('that hangs times out by the owned clock and holds up no delivery', async () => {
    const action = checked([() => new Promise(() => undefined)]);
    const { world, harness, clock } = setUp([{ instance: action, timeoutMs: 7000 }]);
    await harness.start();
    world.set('k', '1');
    await clock.advance(1000);
    expect(harness.of('settled')).toHaveLength(1);
    await clock.advance(1500);
    expect(harness.of('check')[0]?.error?.code).toBe('KT_ACTION_TIMEOUT');
    await harness.stop();
    expect(clock.pending).toBe(0);
  });

  it('that recovers ends the backoff of deliveries', async () => {
    const action = new Recorder();
    const answers = [() => Promise.reject(new TriggerError('KT_X', 'forbidden'))];
    const instance: Action = {
      run: (config, delivery, context) => action.run(config, delivery, context),
      check: async () => {
        await answers.shift()?.();
      },
    };
    action.next.push(() => Promise.reject(new TriggerError('KT_X', 'x', { retry: { afterMs: 3_600_000 } })));
    const { world, harness, clock } = setUp([{ instance }], { random: () => 0.9 });
    await harness.runner.start();
    world.set('k', '1');
    await clock.advance(60_000);
    expect(harness.of('settled')).toHaveLength(1);
  });

  it('is made again when what it rests on moves, and nobody listens after the stop', async () => {
    const moves = new Subject<void>();
    const missing = () => Promise.reject(new TriggerError('KT_X', 'missing'));
    const answers = [() => Promise.resolve(), missing, () => Promise.resolve()];
    const instance: Action = {
      run: () => Promise.resolve(DONE),
      check: async () => {
        await answers.shift()?.();
        return { until: moves };
      },
    };
    const { harness, clock } = setUp([{ instance }]);
    await harness.start();
    await clock.advance(600_000);
    const said = () => harness.of('check').map(({ error }) => error?.message);
    expect([answers.length, said()]).toEqual([2, [undefined]]);
    moves.next();
    await clock.advance(60_000);
    expect(said()).toEqual([undefined, 'missing', undefined]);
    expect(moves.observed).toBe(true);
    await harness.stop();
    expect(moves.observed).toBe(false);
    expect(clock.pending).toBe(0);
  });

  it.each([
    ['fails', throwError(() => new Error('boom'))],
    ['ends', EMPTY],
    ['is none', 'soon'],
  ])('whose promise to say when %s is made once', async (_, until) => {
    let asked = 0;
    const instance: Action = {
      run: () => Promise.resolve(DONE),
      check: () => {
        asked += 1;
        return Promise.resolve({ until } as CheckedUntil);
      },
    };
    const { harness, clock } = setUp([{ instance }]);
    await harness.start();
    await clock.advance(600_000);
    expect(asked).toBe(1);
    await harness.stop();
    expect(clock.pending).toBe(0);
  });

  it('that throws synchronously is a failed one', async () => {
    const instance: Action = {
      run: () => Promise.resolve(DONE),
      check: () => {
        throw new Error('boom');
      },
    };
    const { harness } = setUp([{ instance }]);
    await harness.start();
    expect(harness.of('check')).toMatchObject([{ error: { code: 'KT_PLUGIN_FAULT' } }]);
    await harness.stop();
    expect(harness.clock.pending).toBe(0);
  });
});
