import { describe, expect, it } from 'vitest';
import type { KubeObject } from '../src/api-types.js';
import type { Change } from '../src/store/collection.js';
import { type ObjectRef, Store } from '../src/store/store.js';

function object(name: string, data = ''): KubeObject {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'ns' }, data };
}

function ref(name: string): ObjectRef {
  return { collection: '/configmaps', namespace: 'ns', name };
}

function open(historyLimit = 100): Store {
  return new Store({ historyLimit });
}

describe('the store', () => {
  it('gives every write the next revision, over all collections', () => {
    const store = open();
    const first = store.put(ref('a'), object('a'));
    const second = store.put({ ...ref('a'), collection: '/secrets' }, object('a'));
    expect([first, second].map(({ metadata }) => Number(metadata.resourceVersion))).toEqual([2, 3]);
    expect(store.delete(ref('a'))?.metadata.resourceVersion).toBe('4');
  });

  it('keeps keys in order whatever the order of writes', () => {
    const store = open();
    for (const name of ['c', 'a', 'b']) store.put(ref(name), object(name));
    store.delete(ref('b'));
    expect(store.collection('/configmaps').keysFrom('ns/')).toEqual(['ns/a', 'ns/c']);
    expect(store.collection('/configmaps').keysFrom('ns/', 'ns/a')).toEqual(['ns/c']);
    expect(store.collection('/configmaps').keysFrom('n/')).toEqual([]);
  });

  it('tells the changes since a revision, each with what was before', () => {
    const store = open();
    store.put(ref('a'), object('a', '1'));
    const { revision } = store;
    store.put(ref('a'), object('a', '2'));
    store.delete(ref('a'));
    const changes = store.collection('/configmaps').changesSince(revision) ?? [];
    expect(changes.map(({ type }) => type)).toEqual(['MODIFIED', 'DELETED']);
    expect(changes[0]?.previous?.['data']).toBe('1');
  });

  it('forgets by compaction and beyond its limit, and says so', () => {
    const store = open(10);
    store.put(ref('a'), object('a'));
    store.compact();
    expect(store.collection('/configmaps').changesSince(store.revision)).toEqual([]);
    expect(store.collection('/configmaps').changesSince(store.revision - 1)).toBeUndefined();
    expect(store.collection('/new').changesSince(store.revision - 1)).toBeUndefined();
    const from = store.revision;
    for (let i = 0; i < 100; i += 1) store.put(ref('a'), object('a', String(i)));
    expect(store.collection('/configmaps').changesSince(from)).toBeUndefined();
    expect(store.collection('/configmaps').changesSince(store.revision - 5)).toHaveLength(5);
  });

  it('tells listeners in order until they leave', () => {
    const store = open();
    const seen: string[] = [];
    const leave = store.collection('/configmaps').subscribe((change: Change) => seen.push(change.type));
    store.put(ref('a'), object('a'));
    store.put(ref('a'), object('a', 'x'));
    leave();
    store.delete(ref('a'));
    expect(seen).toEqual(['ADDED', 'MODIFIED']);
  });
});
