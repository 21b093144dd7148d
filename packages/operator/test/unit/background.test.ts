import { VirtualClock } from '@kube-trigger/core/testing';
import { beforeEach, describe, expect, it } from 'vitest';
import { Background, type Lane } from '../../src/background.js';

let clock: VirtualClock;
let background: Background;
let lane: Lane;
/** What is under way, in the order in which it began. */
let underWay: { readonly name: string; end(): void }[];
let begun: string[];

beforeEach(() => {
  clock = new VirtualClock();
  background = new Background({ scheduler: clock, monotonicMs: () => clock.now() });
  lane = background.lane();
  underWay = [];
  begun = [];
});

/** Asks for a request, which ends when it is told to. */
function ask(name: string, { of = lane, signal }: { of?: Lane; signal?: AbortSignal } = {}): Promise<unknown> {
  const request = () => {
    begun.push(name);
    return new Promise<string>((resolve) => underWay.push({ name, end: () => resolve(name) }));
  };
  return of.run(request, signal);
}

/** Ends the oldest request under way, `afterMs` from now. */
async function endFirst(afterMs = 0): Promise<void> {
  await clock.advance(afterMs);
  underWay.shift()?.end();
  await clock.settle();
}

/** Somebody else asks for something. */
const others = () => background.noteRequest();

describe('requests in the background', () => {
  it('are made four at a time, without a pause, while nobody else asks for anything', async () => {
    for (const name of ['a', 'b', 'c', 'd', 'e', 'f']) void ask(name);
    await clock.settle();
    expect(begun).toEqual(['a', 'b', 'c', 'd']);
    await endFirst(10);
    await endFirst();
    expect(begun).toEqual(['a', 'b', 'c', 'd', 'e', 'f']);
    while (underWay.length > 0) await endFirst();
    expect(clock.pending).toBe(0);
  });

  it('are made one at a time while others are, with pauses four times as long as they take', async () => {
    void ask('a');
    await clock.settle();
    others();
    for (const name of ['b', 'c', 'd', 'e', 'f']) void ask(name);
    await clock.settle();
    // These had begun before it was known that others ask.
    expect(begun).toEqual(['a', 'b', 'c', 'd']);
    for (let n = 0; n < 4; n += 1) {
      others();
      await endFirst(n === 0 ? 50 : 0);
    }
    await clock.advance(199);
    expect(begun).toHaveLength(4);
    await clock.advance(1);
    expect(begun.slice(4)).toEqual(['e']);
    others();
    await endFirst(10);
    await clock.advance(39);
    expect(begun.slice(4)).toEqual(['e']);
    await clock.advance(1);
    expect(begun.slice(4)).toEqual(['e', 'f']);
  });

  it('do not wait for ever behind a server that hardly answers', async () => {
    void ask('a');
    await clock.settle();
    others();
    await endFirst(1900);
    void ask('b');
    void ask('c');
    void ask('d');
    void ask('e');
    await clock.advance(999);
    expect(begun).toEqual(['a']);
    await clock.advance(1);
    expect(begun).toEqual(['a', 'b']);
  });

  it('do not wait for one that hangs, and its end gives no second place free', async () => {
    void ask('a');
    await clock.settle();
    others();
    await endFirst(10);
    for (const name of ['hangs', 'c', 'd', 'e', 'f']) void ask(name);
    await clock.advance(40);
    expect(begun.slice(1)).toEqual(['hangs']);
    others();
    await clock.advance(9999);
    expect(begun.slice(1)).toEqual(['hangs']);
    await clock.advance(1);
    expect(begun.slice(1)).toEqual(['hangs', 'c']);
    others();
    await endFirst();
    await clock.advance(9500);
    expect(begun.slice(1)).toEqual(['hangs', 'c']);
    await clock.advance(500);
    expect(begun.slice(1)).toEqual(['hangs', 'c', 'd']);
  });

  it('of two kinds take turns', async () => {
    const other = background.lane();
    for (let n = 0; n < 4; n += 1) void ask('running');
    for (const name of ['a1', 'a2', 'a3']) void ask(name);
    for (const name of ['b1', 'b2', 'b3']) void ask(name, { of: other });
    for (let n = 0; n < 10; n += 1) await endFirst();
    expect(begun.slice(4)).toEqual(['b1', 'a1', 'b2', 'a2', 'b3', 'a3']);
  });

  it('are not made when nobody wants them any more', async () => {
    const giveUp = new AbortController();
    for (let n = 0; n < 4; n += 1) void ask('running');
    const waiting = ask('a', { signal: giveUp.signal });
    giveUp.abort();
    expect(await waiting).toBeUndefined();
    expect(await ask('b', { signal: giveUp.signal })).toBeUndefined();
    for (let n = 0; n < 4; n += 1) await endFirst();
    expect(begun).not.toContain('a');
    expect(begun).not.toContain('b');
  });

  it('that fail leave their place to the next', async () => {
    const failing = () => Promise.reject(new Error('no answer'));
    const failures = await Promise.allSettled(Array.from({ length: 6 }, () => lane.run(failing)));
    expect(failures.every(({ status }) => status === 'rejected')).toBe(true);
    void ask('a');
    await clock.settle();
    expect(begun).toEqual(['a']);
  });
});
