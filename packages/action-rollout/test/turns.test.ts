import { describe, expect, it } from 'vitest';
import { Turns } from '../src/targets/turns.js';

describe('turns', () => {
  it('lets so many run at a time, and each queue in its turn', async () => {
    const turns = new Turns(2);
    const begun: string[] = [];
    const ends: (() => void)[] = [];
    const work = (name: string) => () =>
      new Promise<void>((resolve) => {
        begun.push(name);
        ends.push(resolve);
      });
    const all = ['a1', 'a2', 'a3', 'a4', 'a5', 'b1', 'c1'].map((name) => turns.run(name.slice(0, 1), work(name)));
    await Promise.resolve();
    expect(begun).toEqual(['a1', 'a2']);
    for (let ended = 0; ended < all.length; ended += 1) {
      ends.shift()?.();
      await new Promise((resolve) => setImmediate(resolve));
      expect(begun.length).toBe(Math.min(all.length, ended + 3));
    }
    await Promise.all(all);
    expect(begun).toEqual(['a1', 'a2', 'a3', 'b1', 'c1', 'a4', 'a5']);
  });

  it('gives the place on after a failure', async () => {
    const turns = new Turns(1);
    const failing = turns.run('a', () => Promise.reject(new Error('boom')));
    const next = turns.run('b', () => Promise.resolve('fine'));
    await expect(failing).rejects.toThrow('boom');
    expect(await next).toBe('fine');
  });
});
