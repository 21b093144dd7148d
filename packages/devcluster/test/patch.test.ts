import { describe, expect, it } from 'vitest';
import type { ApiError } from '../src/api-error.js';
import { BUILTIN_TYPES } from '../src/builtin-types/index.js';
import { applyJsonPatch } from '../src/patch/json-patch.js';
import { mergePatch } from '../src/patch/merge-patch.js';
import { strategicMerge } from '../src/patch/strategic-merge.js';

const POD = BUILTIN_TYPES.get('Pod');
const DEPLOYMENT = BUILTIN_TYPES.get('Deployment');

function podWith(...containers: object[]): object {
  return { spec: { containers } };
}

describe('a strategic merge patch', () => {
  it('merges containers by name and leaves the others', () => {
    const live = podWith({ name: 'a', image: 'a:1', tty: true }, { name: 'b', image: 'b:1' });
    expect(strategicMerge(live, podWith({ name: 'a', image: 'a:2' }), POD)).toEqual(
      podWith({ name: 'a', image: 'a:2', tty: true }, { name: 'b', image: 'b:1' }),
    );
  });

  it('adds an item whose key is new, and takes one away with $patch: delete', () => {
    const live = podWith({ name: 'a' });
    const patch = podWith({ name: 'a', $patch: 'delete' }, { name: 'b' });
    expect(strategicMerge(live, patch, POD)).toEqual(podWith({ name: 'b' }));
  });

  it.each([
    [['a', 'b'], ['c'], ['c', 'a', 'b']],
    [['a', 'b', 'c'], ['c'], ['a', 'b', 'c']],
    [
      ['a', 'b', 'c'],
      ['c', 'a'],
      ['b', 'c', 'a'],
    ],
    [
      ['a', 'b'],
      ['a', 'x'],
      ['a', 'x', 'b'],
    ],
  ])('of %j with %j makes the order %j, as kube-apiserver does', (live, patch, expected) => {
    const named = (names: string[]) => podWith(...names.map((name) => ({ name })));
    expect(strategicMerge(named(live), named(patch), POD)).toEqual(named(expected));
  });

  it('replaces a list with $patch: replace', () => {
    const live = podWith({ name: 'a' }, { name: 'b' });
    expect(strategicMerge(live, podWith({ $patch: 'replace' }, { name: 'c' }), POD)).toEqual(podWith({ name: 'c' }));
  });

  it('replaces lists that have no merge key', () => {
    const live = podWith({ name: 'a', command: ['x', 'y'] });
    expect(strategicMerge(live, podWith({ name: 'a', command: ['z'] }), POD)).toEqual(
      podWith({ name: 'a', command: ['z'] }),
    );
  });

  it('removes fields by null, also inside a merged item', () => {
    const live = podWith({ name: 'a', image: 'x', tty: true });
    expect(strategicMerge(live, podWith({ name: 'a', tty: null }), POD)).toEqual(podWith({ name: 'a', image: 'x' }));
  });

  it('keeps only the keys that $retainKeys names', () => {
    const live = { spec: { strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1 } } } };
    const patch = { spec: { strategy: { $retainKeys: ['type'], type: 'Recreate' } } };
    expect(strategicMerge(live, patch, DEPLOYMENT)).toEqual({ spec: { strategy: { type: 'Recreate' } } });
  });

  it('orders a merged list as $setElementOrder says', () => {
    const live = podWith({ name: 'a' }, { name: 'b' });
    const patch = {
      spec: { '$setElementOrder/containers': [{ name: 'c' }, { name: 'a' }], containers: [{ name: 'c' }] },
    };
    expect(strategicMerge(live, patch, POD)).toEqual(podWith({ name: 'c' }, { name: 'a' }, { name: 'b' }));
  });

  it('deletes from lists of plain values', () => {
    const schema = { properties: { metadata: BUILTIN_TYPES.get('ObjectMeta') ?? {} } };
    const live = { metadata: { finalizers: ['a/1', 'b/2'] } };
    const patch = { metadata: { '$deleteFromPrimitiveList/finalizers': ['a/1'], finalizers: ['c/3'] } };
    expect(strategicMerge(live, patch, schema)).toEqual({ metadata: { finalizers: ['c/3', 'b/2'] } });
  });

  it('refuses an item without its merge key', () => {
    expect(() => strategicMerge(podWith(), podWith({ image: 'x' }), POD)).toThrow(
      /does not contain declared merge key: name/,
    );
  });

  it('does not change what it patches', () => {
    const live = podWith({ name: 'a', image: 'x' });
    const before = structuredClone(live);
    strategicMerge(live, podWith({ name: 'a', image: 'y' }, { name: 'b' }), POD);
    expect(live).toEqual(before);
  });
});

describe('a merge patch', () => {
  it.each([
    [{ a: { b: 1 } }, { a: { c: 2 } }, { a: { b: 1, c: 2 } }],
    [{ a: 1, b: 2 }, { a: null }, { b: 2 }],
    [{ a: [1, 2] }, { a: [3] }, { a: [3] }],
    [{ a: 'x' }, { a: { b: null, c: 1 } }, { a: { c: 1 } }],
  ])('of %j with %j makes %j', (target, patch, expected) => {
    expect(mergePatch(target, patch)).toEqual(expected);
  });

  it('takes __proto__ for data', () => {
    const patched = mergePatch({}, JSON.parse('{"__proto__": {"polluted": true}}'));
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
    expect(JSON.stringify(patched)).toBe('{"__proto__":{"polluted":true}}');
  });
});

describe('a JSON patch', () => {
  it('does its operations in order, on a copy', () => {
    const target = { a: [1], b: 'x' };
    const patch = [
      { op: 'test', path: '/b', value: 'x' },
      { op: 'add', path: '/a/-', value: 2 },
      { op: 'move', from: '/b', path: '/c' },
    ];
    expect(applyJsonPatch(target, patch)).toEqual({ a: [1, 2], c: 'x' });
    expect(target).toEqual({ a: [1], b: 'x' });
  });

  it.each([
    [[{ op: 'test', path: '/a', value: 2 }], 422],
    [[{ op: 'remove', path: '/zz' }], 422],
    [[{ op: 'explode', path: '/a' }], 422],
    [{}, 400],
  ])('%j is refused with %i', (patch, code) => {
    expect(() => applyJsonPatch({ a: 1 }, patch)).toThrow(expect.objectContaining({ code }) as ApiError);
  });
});
