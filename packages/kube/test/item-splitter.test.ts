import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ItemSplitter } from '../src/watch/item-splitter.js';

function split(chunks: readonly Buffer[]): { readonly items: unknown[]; readonly around: unknown } {
  const items: unknown[] = [];
  const splitter = new ItemSplitter((item) => items.push(JSON.parse(item.toString('utf8'))));
  for (const chunk of chunks) splitter.push(chunk);
  return { items, around: JSON.parse(splitter.end().toString('utf8')) as unknown };
}

function cutAt(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const at = [0, ...cuts.map((cut) => Math.min(cut, bytes.length)), bytes.length].toSorted((a, b) => a - b);
  return at.slice(1).map((end, index) => bytes.subarray(at[index], end));
}

const METADATA = { resourceVersion: '7', continue: 'a"items":[{' };

describe('ItemSplitter', () => {
  it('gives the same items however the bytes are cut', () => {
    const hard = fc.string({ unit: fc.constantFrom('\\', '"', '{', '}', '[', ']', ',', 'ä', '\n', 'items') });
    fc.assert(
      fc.property(
        fc.array(fc.dictionary(hard, fc.oneof(hard, fc.jsonValue({ stringUnit: 'binary' })))),
        fc.array(fc.nat(400), { maxLength: 30 }),
        fc.constantFrom(0, 2),
        (items, cuts, spaces) => {
          const list = { kind: 'List', metadata: METADATA, items };
          const bytes = Buffer.from(JSON.stringify(list, undefined, spaces));
          const expected = { items: JSON.parse(JSON.stringify(items)) as unknown[], around: { ...list, items: [] } };
          expect(split(cutAt(bytes, cuts))).toEqual(expected);
        },
      ),
      { numRuns: 200 },
    );
  });

  it('gives the same items byte by byte', () => {
    const items = [{ a: '\\"' }, {}, { b: { items: [{ c: '\\\\' }] } }];
    const bytes = Buffer.from(JSON.stringify({ items, metadata: METADATA }));
    expect(split(Array.from(bytes, (byte) => Buffer.of(byte))).items).toEqual(items);
  });

  it('gives items of any size, in chunks of any size', () => {
    const items = [10, 200_000, 70_000, 1_500_000, 20, 64 * 1024].map((size) => ({ a: 'x'.repeat(size), size }));
    const bytes = Buffer.from(JSON.stringify({ items, metadata: METADATA }));
    for (const chunk of [1000, 16_384, 65_536, bytes.length]) {
      const cuts = Array.from({ length: Math.floor(bytes.length / chunk) }, (_, i) => (i + 1) * chunk);
      expect(split(cutAt(bytes, cuts)).items).toEqual(items);
    }
  });

  it('gives an item as soon as its last byte is there', () => {
    const items: string[] = [];
    const splitter = new ItemSplitter((item) => items.push(item.toString('utf8')));
    splitter.push(Buffer.from('{"items":[{"a":1'));
    expect(items).toEqual([]);
    splitter.push(Buffer.from('},'));
    expect(items).toEqual(['{"a":1}']);
  });

  it.each([
    ['no items at all', '{"metadata":{"items":[1,2]}}'],
    ['null', '{"items":null,"metadata":{}}'],
  ])('has no items where a list has %s', (_, text) => {
    expect(split([Buffer.from(text)])).toEqual({ items: [], around: JSON.parse(text) as unknown });
  });

  it.each(['{"items":[null]}', '{"items":[1]}', '{"items":["a"]}'])('refuses %s', (text) => {
    expect(() => split([Buffer.from(text)])).toThrow(RangeError);
  });

  it('refuses a list that is cut off', () => {
    expect(() => split([Buffer.from('{"items":[{"a":1}')])).toThrow('cut off');
  });

  it('refuses an item without end before it fills the memory', () => {
    const splitter = new ItemSplitter(() => undefined, 100);
    splitter.push(Buffer.from(`{"items":[{"a":"${'x'.repeat(60)}`));
    expect(() => splitter.push(Buffer.alloc(60, 'x'))).toThrow(RangeError);
  });
});
