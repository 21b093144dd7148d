import { describe, expect, it } from 'vitest';
import { isFor, markText, parseMark, shortUid } from '../../src/evict/mark.js';
import { mostUnavailable } from '../../src/evict/config.js';

describe('the mark on a workload', () => {
  const old = new Set(['3f0a91bc22d1', '77d1c0ffee00']);

  it.each([
    [{ revision: 'r1', delivery: 'd1', replacing: { pods: 3, old } }, 'r1 d1 replacing 3: 3f0a91bc22d1 77d1c0ffee00'],
    [{ revision: 'r1', delivery: 'd1', replacing: undefined }, 'r1 d1'],
    [{ revision: undefined, delivery: 'd1', replacing: { pods: 1, old: new Set(['a']) } }, '- d1 replacing 1: a'],
  ])('is written and read back: %j', (mark, text) => {
    expect(markText(mark)).toBe(text);
    expect(parseMark(text)).toEqual(mark);
  });

  it.each([undefined, '', 'r1', 'r1 d1 something else', 'r1 d1 replacing x: a'])(
    'is nothing that another wrote: %s',
    (text) => {
      expect(parseMark(text)).toBeUndefined();
    },
  );

  it('is for the delivery that wrote it, and for others of the same combined revision', () => {
    const mark = { revision: 'r1', delivery: 'd1', replacing: undefined };
    expect(isFor(mark, { id: 'd1', revision: 'r2' })).toBe(true);
    expect(isFor(mark, { id: 'd2', revision: 'r1' })).toBe(true);
    expect(isFor(mark, { id: 'd2', revision: 'r2' })).toBe(false);
    expect(isFor({ ...mark, revision: undefined }, { id: 'd2', revision: 'r1' })).toBe(false);
  });

  it('names pods by the beginning of their uids', () => {
    expect(shortUid('3f0a91bc-22d1-4b7e-9a55-0123456789ab')).toBe('3f0a91bc22d1');
  });
});

describe('maxUnavailable', () => {
  it.each([
    [1, 10, 1],
    [3, 10, 3],
    ['25%', 10, 2],
    ['25%', 3, 1],
    ['100%', 3, 3],
  ])('%s of %i wanted is %i', (maxUnavailable, wanted, expected) => {
    expect(mostUnavailable({ maxUnavailable }, wanted)).toBe(expected);
  });
});
