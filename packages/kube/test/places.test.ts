import { describe, expect, it } from 'vitest';
import { Places } from '../src/http/places.js';

const settled = () => new Promise((resolve) => setImmediate(resolve));

describe('places', () => {
  it('are given to so many at a time, in the order of their asking', async () => {
    const places = new Places(2);
    const entered: string[] = [];
    const held = new Map<string, Disposable>();
    const enter = async (name: string) => {
      held.set(name, await places.take());
      entered.push(name);
    };
    for (const name of ['a', 'b', 'c', 'd']) void enter(name);
    await settled();
    expect(entered).toEqual(['a', 'b']);
    held.get('b')?.[Symbol.dispose]();
    await settled();
    expect(entered).toEqual(['a', 'b', 'c']);
    for (const name of ['a', 'c']) held.get(name)?.[Symbol.dispose]();
    await settled();
    expect(entered).toEqual(['a', 'b', 'c', 'd']);
  });

  it('are not taken by who gave up waiting, and leave nothing on the signal', async () => {
    const places = new Places(1);
    const first = await places.take();
    const giveUp = new AbortController();
    const waiting = places.take(giveUp.signal);
    const next = places.take(new AbortController().signal);
    giveUp.abort(new Error('no longer'));
    await expect(waiting).rejects.toThrow('no longer');
    await expect(places.take(giveUp.signal)).rejects.toThrow('no longer');
    first[Symbol.dispose]();
    (await next)[Symbol.dispose]();
    await expect(places.take()).resolves.toBeDefined();
  });
});
