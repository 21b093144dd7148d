import { type RetryHint, TriggerError } from '@kube-trigger/core';
import { fakeDelivery } from '@kube-trigger/testing/contracts';
import { describe, expect, it } from 'vitest';
import { FanOut } from '../../src/index.js';

type Answer = string | Error;

class World {
  readonly asked: string[] = [];
  readonly #fanOut = new FanOut({ podsFailed: 'KT_TEST_PODS_FAILED', doneBefore: 'ran before' });
  readonly #stopping = new AbortController();
  mostAtOnce = 0;
  #atOnce = 0;

  stop(): void {
    this.#stopping.abort(new Error('stopped'));
  }

  run(answers: Readonly<Record<string, Answer>>, { id = 'd1', parallelism = 2 } = {}) {
    const targets = Object.keys(answers).map((name) => ({ name, id: `uid of ${name}` }));
    const round = { targets, parallelism, delivery: fakeDelivery({ id }), signal: this.#stopping.signal };
    return this.#fanOut.run(round, async ({ name }) => {
      this.asked.push(name);
      this.#atOnce += 1;
      this.mostAtOnce = Math.max(this.mostAtOnce, this.#atOnce);
      await Promise.resolve();
      this.#atOnce -= 1;
      const answer = answers[name] ?? '';
      if (typeof answer !== 'string') throw answer;
      return answer;
    });
  }
}

const failing = (message: string, retry: RetryHint = 'backoff', fix?: string) =>
  new TriggerError('KT_TEST', message, { retry, facts: { status: 1 }, ...(fix === undefined ? {} : { fix }) });

async function errorOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => error,
  );
}

describe('a fan-out', () => {
  it('asks every target, some at the same time, and tells what each answered', async () => {
    const world = new World();
    expect(await world.run({ a: '200', b: '201', c: '202' })).toEqual({
      outcome: 'done',
      targets: [
        { target: 'a', outcome: 'done', message: '200' },
        { target: 'b', outcome: 'done', message: '201' },
        { target: 'c', outcome: 'done', message: '202' },
      ],
    });
    expect([world.asked, world.mostAtOnce]).toEqual([['a', 'b', 'c'], 2]);
  });

  it('asks those that failed again, and no other', async () => {
    const world = new World();
    await errorOf(world.run({ a: '200', b: failing('ended') }));
    const { outcome, targets } = (await world.run({ a: '500', b: '201' })) as { outcome: string; targets: unknown[] };
    expect(world.asked).toEqual(['a', 'b', 'b']);
    expect([outcome, targets[0]]).toEqual(['done', { target: 'a', outcome: 'unchanged', message: 'ran before: 200' }]);
  });

  it('does not ask one that no repetition can help, and says again why', async () => {
    const world = new World();
    const answers = { a: failing('is gone', 'never'), b: failing('ended') };
    await errorOf(world.run(answers));
    expect(await errorOf(world.run({ ...answers, b: '200' }))).toMatchObject({
      retry: 'never',
      message: '1 of 2 pods failed: a is gone',
    });
    expect(world.asked).toEqual(['a', 'b', 'b']);
  });

  it('remembers for one delivery, until nothing of it is left to do', async () => {
    const world = new World();
    await world.run({ a: '200' });
    await world.run({ a: '200' });
    await errorOf(world.run({ a: '200', b: failing('ended') }));
    await world.run({ a: '200' }, { id: 'd2' });
    expect(world.asked).toEqual(['a', 'a', 'a', 'b', 'a']);
  });

  it("rejects with the only target's own error, which names it", async () => {
    const error = await errorOf(new World().run({ a: failing('ended', { afterMs: 5 }, 'Look') }));
    expect(error).toMatchObject({ code: 'KT_TEST', message: 'a ended', retry: { afterMs: 5 }, fix: 'Look' });
    expect(error).toMatchObject({ facts: { status: 1 } });
    expect(await errorOf(new World().run({ a: failing('ended') }))).toHaveProperty('explanation', 'a ended');
  });

  it('rejects once for several, naming three', async () => {
    const failures = Object.fromEntries(['a', 'b', 'c', 'd'].map((name) => [name, failing('ended', 'never', 'Look')]));
    expect(await errorOf(new World().run({ ...failures, e: '200' }))).toMatchObject({
      code: 'KT_TEST_PODS_FAILED',
      message: '4 of 5 pods failed: a ended; b ended; c ended; and 1 more',
      retry: 'never',
      fix: 'Look',
      facts: { failed: 4, pods: 5 },
    });
  });

  it.each<[RetryHint[], RetryHint]>([
    [['never', 'backoff'], 'backoff'],
    [['never', 'never'], 'never'],
    [['backoff', { afterMs: 5 }, { afterMs: 7 }, 'never'], { afterMs: 7 }],
  ])('of %j takes the most hopeful hint', async (hints, expected) => {
    const answers = Object.fromEntries(hints.map((hint, index) => [`pod-${index}`, failing('ended', hint)]));
    expect(await errorOf(new World().run(answers))).toHaveProperty('retry', expected);
  });

  it('lets through what is no TriggerError, and that it is being stopped', async () => {
    const broken = new TypeError('broken');
    expect(await errorOf(new World().run({ a: broken }))).toBe(broken);
    const world = new World();
    world.stop();
    expect(await errorOf(world.run({ a: failing('ended') }))).toHaveProperty('message', 'stopped');
  });
});
