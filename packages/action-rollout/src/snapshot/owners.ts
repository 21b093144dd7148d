import type { RuleIdentity } from '@kube-trigger/core';
import { apiVersionOf, type OwnerReference } from '@kube-trigger/kube';
import type { Found, Target } from '../targets/target.js';

/** More would not fit beside the contents of a large object. */
const MAX_OWNERS = 500;

/** What API servers give: rules that are in files have uids of another form, and no object that could own something. */
const UID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/**
 * Whose snapshot it is: Kubernetes deletes it by itself when the rule and all workloads that were ever pointed to it are gone, also where
 * kube-trigger is no more. None, where not all of them can be named: then nothing but kube-trigger deletes it.
 */
export function ownersOf(targets: readonly Target[], rule: RuleIdentity, namespace: string): OwnerReference[] {
  const owners = new Map<string, OwnerReference>();
  for (const target of targets)
    for (const found of [target, target.holder]) owners.set(found.workload.uid, owner(found));
  if (rule.namespace === namespace && UID.test(rule.uid)) {
    const { name, uid } = rule;
    owners.set(uid, { apiVersion: 'app.example.com/v1alpha1', kind: 'TriggerRule', name, uid });
  }
  return owners.size > MAX_OWNERS ? [] : [...owners.values()];
}

/** The owners afterwards of a snapshot that has some already. One that had none may have users that cannot be named. */
export function withOwners(before: readonly OwnerReference[], added: readonly OwnerReference[]): OwnerReference[] {
  if (before.length === 0 || added.length === 0) return [];
  const all = new Map([...before, ...added].map((each) => [each.uid, each]));
  return all.size > MAX_OWNERS ? [] : [...all.values()];
}

function owner({ ref: { resource, name }, workload: { uid } }: Found): OwnerReference {
  return { apiVersion: apiVersionOf(resource), kind: resource.kind, name, uid };
}
