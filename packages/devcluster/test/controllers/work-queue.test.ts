import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { WorkQueue } from '../../src/controllers/work-queue.js';

/** Records what is worked on; `hold` keeps it there until it is let go. */
function recorder(concurrency?: number) {
  const seen: string[] = [];
  const errors: unknown[] = [];
  let gate: Promise<void> = Promise.resolve();
  let fails = 0;
  const queue = new WorkQueue({
    reconcile: async (key) => {
      seen.push(key);
      await gate;
      if (fails-- > 0) throw new Error('not yet');
    },
    onError: (_, error) => errors.push(error),
    ...(concurrency === undefined ? {} : { concurrency }),
  });
  const hold = () => {
    let go!: () => void;
    gate = new Promise((resolve) => (go = resolve));
    return go;
  };
  return { queue, seen, errors, hold, failTimes: (times: number) => (fails = times) };
}

const turn = (ms = 0) => vi.advanceTimersByTimeAsync(ms);

describe('the work queue', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setImmediate', 'clearImmediate', 'Date'] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('works on nothing before it is started', async () => {
    const { queue, seen } = recorder();
    queue.add('a');
    await turn(1000);
    expect(seen).toEqual([]);
    queue.start();
    await turn();
    expect(seen).toEqual(['a']);
  });

  it('works once on a key that is added many times', async () => {
    const { queue, seen } = recorder();
    queue.start();
    for (let index = 0; index < 5; index++) queue.add('a');
    await turn(1000);
    expect(seen).toEqual(['a']);
  });

  it('works once more on a key that is added meanwhile, never twice at once', async () => {
    const { queue, seen, hold } = recorder();
    queue.start();
    const go = hold();
    queue.add('a');
    await turn();
    queue.add('a');
    queue.add('a');
    await turn(1000);
    expect(seen).toEqual(['a']);
    go();
    await turn();
    expect(seen).toEqual(['a', 'a']);
  });

  it('works on no more keys at once than it may', async () => {
    const { queue, seen, hold } = recorder(2);
    queue.start();
    const go = hold();
    for (const key of ['a', 'b', 'c']) queue.add(key);
    await turn();
    expect(seen).toEqual(['a', 'b']);
    go();
    await turn();
    expect(seen).toEqual(['a', 'b', 'c']);
  });

  it('comes back to what failed after growing pauses, and forgets the failures with a success', async () => {
    const { queue, seen, errors, failTimes } = recorder();
    queue.start();
    failTimes(3);
    queue.add('a');
    await turn(9);
    expect(seen).toHaveLength(1);
    await turn(10 + 20 + 40);
    expect(seen).toHaveLength(4);
    expect(errors).toHaveLength(3);
    failTimes(1);
    queue.add('a');
    await turn(12);
    expect(seen).toHaveLength(6);
  });

  it('adds a delayed key at the earliest of its times, and no time is too long', async () => {
    const { queue, seen } = recorder();
    queue.start();
    queue.addAfter('a', 500);
    queue.addAfter('a', 100);
    queue.addAfter('a', 900);
    queue.addAfter('b', 2 ** 40);
    await turn(99);
    expect(seen).toEqual([]);
    await turn(2);
    expect(seen).toEqual(['a']);
    await turn(2000);
    expect(seen).toEqual(['a']);
  });

  it('drops what waits when it is stopped, and waits for what runs', async () => {
    const { queue, seen, hold } = recorder(1);
    queue.start();
    const go = hold();
    queue.add('a');
    queue.add('b');
    queue.addAfter('c', 60_000);
    await turn();
    let stopped = false;
    const stopping = queue.stop().then(() => (stopped = true));
    await turn(1000);
    expect(stopped).toBe(false);
    go();
    await stopping;
    queue.add('d');
    await turn(1000);
    expect(seen).toEqual(['a']);
    expect(vi.getTimerCount()).toBe(0);
  });
});
