import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { changedParts, decodeEntry, encodeEntry } from '../src/checkpoint/entry.js';

const parts = fc.dictionary(fc.string(), fc.string(), { maxKeys: 5 }).map((made) => ({ ...made }));
const entry = fc.record(
  {
    settled: fc.string(),
    sequence: fc.nat(),
    parts,
    begun: fc.record({ revision: fc.string(), parts }, { requiredKeys: ['revision'] }),
    gone: fc.constant(true as const),
    acted: fc.string(),
    failed: fc.string(),
  },
  { requiredKeys: ['settled', 'sequence'] },
);

describe('an entry', () => {
  it('is read as it was written', () => {
    fc.assert(
      fc.property(entry, (made) => {
        expect(decodeEntry(encodeEntry(made))).toEqual(made);
      }),
      { numRuns: 2000 },
    );
  });

  it('without a settled state is read as it was written, if its delivery began', () => {
    const made = { sequence: 3, begun: { revision: 'r', parts: { a: '1' } } };
    expect(decodeEntry(encodeEntry(made))).toEqual(made);
  });

  it('keeps no more than 4 KiB of parts, and the rest all the same', () => {
    const many = Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`part-${i}`, 'digest']));
    const text = encodeEntry({ settled: 's', sequence: 1, parts: many, begun: { revision: 'b', parts: many } });
    expect(text.length).toBeLessThan(100);
    expect(decodeEntry(text)).toEqual({ settled: 's', sequence: 1, begun: { revision: 'b' } });
  });

  it('is undefined for any garbage, and decoding never throws', () => {
    const garbage = fc.oneof(
      fc.string(),
      fc.json(),
      fc.json().map((inner) => `[${inner},1]`),
    );
    fc.assert(
      fc.property(garbage, (text) => {
        const read = decodeEntry(text);
        // Whatever is read is a whole entry.
        const again = read === undefined ? undefined : decodeEntry(encodeEntry(read));
        expect(again).toEqual(read);
      }),
      { numRuns: 5000 },
    );
  });

  it.each([
    '["a",1,{"p":7}]',
    '["a",1,["p"]]',
    '["a",1,null,["b",{"p":null}]]',
    '["a",1,null,null,{"gone":false}]',
    '["a",1,null,null,{"acted":7}]',
    '["a",-0.5]',
    '["a","1"]',
    '[null,1]',
    '{"0":"a","1":1,"length":2}',
  ])('is undefined for %s', (text) => {
    expect(decodeEntry(text)).toBeUndefined();
  });

  it('takes no other fields from the text', () => {
    expect(decodeEntry('["a",1,null,null,{"settled":"x","sequence":9,"surplus":1}]')).toEqual({
      settled: 'a',
      sequence: 1,
    });
  });
});

describe('changed parts', () => {
  it.each([
    [undefined, undefined, undefined],
    [{ a: '1' }, undefined, ['a']],
    [undefined, { b: '1', a: '1' }, ['a', 'b']],
    [{ a: '1', b: '1' }, { b: '2', c: '1', a: '1' }, ['b', 'c']],
    [{ a: '1' }, { a: '1' }, []],
    [{ constructor: '1' }, {}, ['constructor']],
    [{}, { toString: '1' }, ['toString']],
  ])('from %j to %j are %j', (before, after, expected) => {
    expect(changedParts(before, after)).toEqual(expected);
  });
});
