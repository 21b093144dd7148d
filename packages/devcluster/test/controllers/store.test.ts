import { beforeEach, describe, expect, it } from 'vitest';
import type { KubeObject } from '../../src/controllers/objects.js';
import { Store } from '../../src/controllers/store.js';

function object(
  name: string,
  version: number,
  { uid = `uid-${name}`, owner }: { uid?: string; owner?: string } = {},
): KubeObject {
  const ownerReferences =
    owner === undefined ? [] : [{ apiVersion: 'v1', kind: 'Owner', name: 'o', uid: owner, controller: true }];
  return {
    metadata: { name, namespace: 'ns', uid, resourceVersion: String(version), creationTimestamp: '', ownerReferences },
  };
}

describe('the store', () => {
  let store: Store<KubeObject>;
  let told: string[];
  const version = (name: string) => store.get(`ns/${name}`)?.metadata.resourceVersion;
  const list = (objects: KubeObject[], at: number, since = store.sequence) =>
    store.replace(objects, { since, version: String(at) });

  beforeEach(() => {
    store = new Store();
    told = [];
    store.onChange((current, previous) => {
      told.push(`${previous?.metadata.resourceVersion ?? '-'}>${current?.metadata.resourceVersion ?? '-'}`);
    });
  });

  it('keeps the newer state, whatever order the watch and the answers to writes come in', () => {
    store.put(object('a', 9));
    store.put(object('a', 10));
    store.put(object('a', 9));
    store.put(object('a', 10));
    expect(version('a')).toBe('10');
    expect(told).toEqual(['->9', '9>10']);
  });

  it('is not brought back to a deleted object by a late answer', () => {
    store.put(object('a', 1));
    store.remove(object('a', 2));
    store.put(object('a', 1));
    expect(version('a')).toBeUndefined();
    store.put(object('a', 3, { uid: 'another' }));
    expect(version('a')).toBe('3');
  });

  it('does not take the deletion of an earlier object for that of its successor', () => {
    store.put(object('a', 3, { uid: 'second' }));
    store.remove(object('a', 2, { uid: 'first' }));
    expect(version('a')).toBe('3');
  });

  it('finds objects by their owner as it changes', () => {
    const owner = object('o', 1, { uid: 'u1' });
    store.put(object('a', 1, { owner: 'u1' }));
    store.put(object('b', 2, { owner: 'u1' }));
    expect(store.ownedBy(owner.metadata.uid)).toHaveLength(2);
    store.put(object('a', 3));
    store.remove(object('b', 4));
    expect(store.ownedBy(owner.metadata.uid)).toEqual([]);
  });

  it('forgets what a list does not have, and tells of all that it has', () => {
    store.put(object('a', 1));
    store.put(object('b', 2));
    told = [];
    list([object('a', 1)], 5);
    expect(version('b')).toBeUndefined();
    expect(told).toEqual(['2>-', '0>1']);
  });

  it('keeps over a list what was written after it was asked for', () => {
    const since = store.sequence;
    store.put(object('late', 7));
    list([], 5, since);
    expect(version('late')).toBe('7');
  });

  it('drops what was written while a list was under way but had gone when it was made', () => {
    const since = store.sequence;
    store.put(object('gone', 4));
    list([], 5, since);
    expect(version('gone')).toBeUndefined();
  });

  it('believes a list whose versions are lower: the server went back to an older state', () => {
    store.put(object('a', 100));
    list([object('a', 3)], 5);
    expect(version('a')).toBe('3');
  });

  it('notes a deletion that was asked for until the watch knows more', () => {
    store.put(object('a', 1));
    store.markDeleting(object('a', 1), '2026-01-01T00:00:00Z');
    store.put(object('a', 1));
    expect(store.get('ns/a')?.metadata.deletionTimestamp).toBe('2026-01-01T00:00:00Z');
    store.put(object('a', 2));
    expect(store.get('ns/a')?.metadata.deletionTimestamp).toBeUndefined();
  });
});
