import { describe, expect, it } from 'vitest';
import { limits, nextNewSize, shrinkOld, spread } from '../../src/controllers/deployment-sizes.js';
import type { Deployment, ReplicaSet } from '../../src/controllers/objects.js';

type Size = number | string;

function deployment(replicas: number, maxSurge: Size = '25%', maxUnavailable: Size = '25%'): Deployment {
  const strategy = { type: 'RollingUpdate', rollingUpdate: { maxSurge, maxUnavailable } };
  return { metadata: meta('web'), spec: { replicas, strategy, selector: {}, template: { spec: { containers: [] } } } };
}

function meta(name: string, age = 0, annotations: Record<string, string> = {}) {
  const creationTimestamp = new Date(1_000_000 - age * 1000).toISOString();
  return { name, uid: name, resourceVersion: '1', creationTimestamp, annotations };
}

/** A ReplicaSet whose last rollout had room for `most` pods in all. */
function set(
  name: string,
  {
    replicas,
    available = replicas,
    age = 0,
    most = 0,
  }: { replicas: number; available?: number; age?: number; most?: number },
): ReplicaSet {
  const annotations: Record<string, string> = most > 0 ? { 'deployment.kubernetes.io/max-replicas': String(most) } : {};
  return {
    metadata: meta(name, age, annotations),
    spec: { replicas, selector: {}, template: { spec: { containers: [] } } },
    status: { replicas, availableReplicas: available },
  };
}

const named = (resizes: ReturnType<typeof spread>) =>
  Object.fromEntries(resizes.map((each) => [each.set.metadata.name, each.replicas]));

describe('the limits of a rolling update', () => {
  it.for<[number, Size, Size, number, number]>([
    [10, '25%', '25%', 3, 2],
    [4, '25%', '25%', 1, 1],
    [1, '25%', '25%', 1, 0],
    [3, 0, '10%', 0, 1],
    [3, 2, 5, 2, 3],
    [0, '25%', '25%', 0, 0],
  ])('of %i replicas with surge %s and unavailable %s', ([replicas, surge, unavailable, maxSurge, maxUnavailable]) => {
    expect(limits(deployment(replicas, surge, unavailable))).toEqual({ maxSurge, maxUnavailable });
  });
});

describe('the next size of the new ReplicaSet', () => {
  it.for<[string, number, number[], number]>([
    ['takes the room that the surge gives', 0, [4], 1],
    ['waits while there is no room', 1, [4], 1],
    ['takes what the old ones gave back', 1, [2], 3],
    ['grows no further than wanted', 3, [0], 4],
    ['shrinks at once when it is too large', 6, [0], 4],
  ])('%s', ([, current, old, next]) => {
    const sets = [current, ...old].map((replicas, index) => set(`s${index}`, { replicas }));
    expect(nextNewSize(deployment(4, 1, 1), current, sets)).toBe(next);
  });
});

describe('the old ReplicaSets of a rolling update', () => {
  it('give as many pods as are available beyond the least', () => {
    expect(named(shrinkOld(deployment(4, 1, 1), set('new', { replicas: 1 }), [set('old', { replicas: 4 })]))).toEqual({
      old: 2,
    });
  });

  it('give what the surge allows while the new pods are not ready, and nothing more', () => {
    const fresh = set('new', { replicas: 2, available: 0 });
    expect(shrinkOld(deployment(4, 1, 1), fresh, [set('old', { replicas: 3 })])).toEqual([]);
  });

  it('lose their broken pods first, also when nothing else may go', () => {
    const sets = [set('a', { replicas: 2, available: 0, age: 2 }), set('b', { replicas: 3, available: 3, age: 1 })];
    expect(named(shrinkOld(deployment(4, 1, 1), set('new', { replicas: 0 }), sets))).toEqual({ a: 0 });
  });

  it('shrink from the oldest on', () => {
    const sets = [set('young', { replicas: 2, age: 1 }), set('old', { replicas: 1, age: 9 })];
    expect(named(shrinkOld(deployment(4, 0, 2), set('new', { replicas: 1 }), sets))).toEqual({ old: 0, young: 1 });
  });
});

describe('a change of size in the middle of a rollout', () => {
  // The example of the Kubernetes documentation: 10 replicas, surge 3, unavailable 2, scaled to 15 while 8 + 5 are there.
  it('is spread in proportion', () => {
    const sets = [set('old', { replicas: 8, age: 1, most: 13 }), set('new', { replicas: 5, available: 0, most: 13 })];
    expect(named(spread(deployment(15, 3, 2), sets))).toEqual({ old: 11, new: 7 });
  });

  it('shrinks in proportion, too', () => {
    const sets = [set('old', { replicas: 11, age: 1, most: 18 }), set('new', { replicas: 7, most: 18 })];
    expect(named(spread(deployment(10, 3, 2), sets))).toEqual({ old: 8, new: 5 });
  });

  it('to nothing takes all', () => {
    const sets = [set('old', { replicas: 8, age: 1, most: 13 }), set('new', { replicas: 5, most: 13 })];
    expect(named(spread(deployment(0, 3, 2), sets))).toEqual({ old: 0, new: 0 });
  });

  it('gives the rest of the rounding to the largest', () => {
    const sets = ['a', 'b', 'c'].map((name, age) => set(name, { replicas: 1, age, most: 3 }));
    const sizes = Object.values(named(spread(deployment(4, 0, 1), sets)));
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(4);
  });
});
