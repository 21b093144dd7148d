import type { KubeClient } from '@kube-trigger/kube';
import { beforeEach, describe, expect, it } from 'vitest';
import { CheckpointShards } from '../../src/checkpoint/checkpoint-shards.js';

/** What is stored, by object. */
let objects: Map<string, Map<string, string>>;
let shards: CheckpointShards;

beforeEach(() => {
  objects = new Map();
  const merge = (name: string, records: Record<string, string | null>) => {
    const stored = objects.get(name) ?? new Map<string, string>();
    objects.set(name, stored);
    for (const [record, value] of Object.entries(records)) {
      if (value === null) stored.delete(record);
      else stored.set(record, value);
    }
    return Promise.resolve({ metadata: { resourceVersion: '1' } });
  };
  type Body = { metadata: { name: string }; records: Record<string, string | null> };
  const client: Partial<KubeClient> = {
    create: ((_resource, _namespace, { metadata, records }: Body) =>
      merge(metadata.name, records)) as KubeClient['create'],
    patch: (({ name }: { name: string }, { records }: Body) => merge(name, records)) as KubeClient['patch'],
  };
  const rule = { namespace: 'shop', name: 'web', uid: '12345678-1' };
  shards = new CheckpointShards({ kube: client as KubeClient, rule, writer: 'a' });
});

/** Gives all keys a value, as a journal does: in as many writes as it takes. */
const put = async (keys: readonly string[], value: string | null) => {
  const dirty = new Map(keys.map((key) => [`s/${key}`, value]));
  for (let first = dirty.keys().next(); first.done !== true; first = dirty.keys().next()) {
    for (const written of await shards.write(dirty, first.value)) dirty.delete(written);
  }
};
const keys = (count: number, name = 'key') => Array.from({ length: count }, (_, i) => `${name}-${i}`);
const sizes = () => [...objects.values()].map((records) => records.size);

describe('records that are removed', () => {
  it('leave their room to others, however many come and go', async () => {
    await put(keys(100, 'stays'), '1');
    for (let round = 0; round < 20; round += 1) {
      await put(keys(150, `round-${round}`), '1');
      expect(sizes()).toEqual([250]);
      await put(keys(150, `round-${round}`), null);
    }
    await put(keys(151, 'last'), '1');
    expect(sizes()).toEqual([250, 1]);
  });

  it('leave no more and no less than they took, however their values grow or shrink', async () => {
    for (let round = 0; round < 20; round += 1) {
      const names = keys(50, `round-${round}`);
      await put(names, 'x'.repeat(round % 2 === 0 ? 1 : 1000));
      expect(sizes()).toEqual([50]);
      await put(names, 'x'.repeat(round % 2 === 0 ? 1000 : 1));
      await put(names, null);
    }
    await put(keys(130), 'x'.repeat(1000));
    expect(sizes()).toEqual([65, 65]);
  });

  it('of an object make room in that one', async () => {
    await put(keys(500), '1');
    await put(keys(100), null);
    await put(keys(100, 'new'), '1');
    expect(sizes()).toEqual([250, 250]);
  });
});
