import { type OwnerReference, WELL_KNOWN } from '@kube-trigger/kube';
import { describe, expect, it } from 'vitest';
import { ownersOf, withOwners } from '../../src/snapshot/owners.js';
import type { Target } from '../../src/targets/target.js';

const RULE = { namespace: 'shop', name: 'example', uid: '11111111-2222-4333-8444-555555555555' };

function targets(...names: readonly string[]): Target[] {
  return names.map((name) => {
    const found = {
      ref: { resource: WELL_KNOWN.Deployment, namespace: 'shop', name },
      workload: { uid: `uid-${name}` },
    };
    return { ...found, holder: found } as unknown as Target;
  });
}

const names = (owners: readonly OwnerReference[]) => owners.map(({ kind, name }) => `${kind}/${name}`);

describe('the owners of a snapshot', () => {
  it('are every workload that reads it, and the rule', () => {
    const owners = ownersOf(targets('a', 'b'), RULE, 'shop');
    expect(names(owners)).toEqual(['Deployment/a', 'Deployment/b', 'TriggerRule/example']);
    expect(owners[0]).toEqual({ apiVersion: 'apps/v1', kind: 'Deployment', name: 'a', uid: 'uid-a' });
  });

  it('are no rule of another namespace, and none that is in a file', () => {
    expect(names(ownersOf(targets('a'), RULE, 'other'))).toEqual(['Deployment/a']);
    expect(names(ownersOf(targets('a'), { ...RULE, uid: 'file:rules.yaml' }, 'shop'))).toEqual(['Deployment/a']);
  });

  it('are added to those from before, each once', () => {
    const before = ownersOf(targets('a'), RULE, 'shop');
    expect(names(withOwners(before, ownersOf(targets('a', 'b'), RULE, 'shop')))).toEqual([
      'Deployment/a',
      'TriggerRule/example',
      'Deployment/b',
    ]);
  });

  it('are none where not all can be named, so that Kubernetes deletes nothing that is used', () => {
    const many = targets(...Array.from({ length: 501 }, (_, i) => `w${i}`));
    expect(ownersOf(many, RULE, 'shop')).toEqual([]);
    expect(withOwners([], ownersOf(targets('a'), RULE, 'shop'))).toEqual([]);
    expect(withOwners(ownersOf(targets('a'), RULE, 'shop'), ownersOf(many.slice(0, 499), RULE, 'shop'))).toEqual([]);
  });
});
