import type { ConfiguredRbacRule, RbacRule } from '@kube-trigger/core';
import { guessedPlural } from '@kube-trigger/kube';
import type { RolloutConfig } from './config.js';
import { listedFor } from './pacing/listed.js';
import { SNAPSHOT_RBAC, SNAPSHOT_USERS_RBAC } from './snapshot/rbac.js';
import { isPod, kindOf, type KindRef, kindsIn, knownKind } from './targets/kinds.js';

const VERBS = ['get', 'list', 'watch', 'patch'];
const LIST = ['list'];
const EVENTS: RbacRule = { apiGroups: [''], resources: ['events'], verbs: ['create', 'patch'] };
const PODS: RbacRule = { apiGroups: [''], resources: ['pods'], verbs: ['list', 'watch'] };
const EVICTION: RbacRule = { apiGroups: [''], resources: ['pods/eviction'], verbs: ['create'] };
const OWNERS: ConfiguredRbacRule = {
  apiGroups: ['apps'],
  resources: ['replicasets', 'statefulsets', 'daemonsets'],
  verbs: ['get', 'patch'],
  note: 'whatever controls the pods; for pods of custom kinds the same for those',
};

export const ROLLOUT_RBAC: readonly RbacRule[] = [
  { apiGroups: ['apps'], resources: ['deployments', 'statefulsets', 'daemonsets'], verbs: VERBS },
  { apiGroups: ['batch'], resources: ['cronjobs'], verbs: VERBS },
  { apiGroups: ['argoproj.io'], resources: ['rollouts'], verbs: VERBS },
  // With strategy: evict. A pod that is meant as such is marked on its controller.
  PODS,
  EVICTION,
  { apiGroups: ['apps'], resources: ['replicasets'], verbs: ['get', 'list', 'patch'] },
  // With pacing.
  { apiGroups: ['apps'], resources: ['controllerrevisions'], verbs: LIST },
  EVENTS,
  // Few rules make copies, and none needs more of them: whoever wants that grants it.
  ...SNAPSHOT_RBAC.map((rule) => ({ ...rule, chosenByRules: true })),
];

/** What one rule needs, narrowed to its kinds, namespace and, where it names one, workload. */
export function rbacForRollout(config: RolloutConfig): ConfiguredRbacRule[] {
  const { objectRef, selector, pacing, strategy, configSnapshot } = config;
  const namespace = objectRef?.namespace ?? selector?.namespace;
  const place = namespace === undefined ? {} : { namespace };
  const refs = kindsIn(config);
  const names = objectRef === undefined ? {} : { resourceNames: [objectRef.name] };
  const workloads = refs.filter((ref) => !isPod(kindOf(ref))).map((ref) => ({ ...forKind(ref), ...names, ...place }));
  const paced = listedFor(pacing, refs).map(({ group, plural }) => ({
    apiGroups: [group],
    resources: [plural],
    verbs: LIST,
  }));
  const evicting = strategy === 'evict' ? forEviction(refs) : [];
  const copies = configSnapshot === undefined ? [] : [...SNAPSHOT_RBAC, ...SNAPSHOT_USERS_RBAC];
  return [...workloads, ...[...paced, ...evicting, ...copies, EVENTS].map((rule) => ({ ...rule, ...place }))];
}

function forEviction(refs: readonly KindRef[]): ConfiguredRbacRule[] {
  const owners = refs.some((ref) => isPod(kindOf(ref))) ? [OWNERS] : [];
  return [PODS, EVICTION, ...owners];
}

function forKind(ref: KindRef): RbacRule & { readonly note?: string } {
  const { kind, apiVersions } = kindOf(ref);
  const [apiVersion = ''] = apiVersions;
  const group = apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : '';
  const plural = guessedPlural(kind);
  const rule = { apiGroups: [group], resources: [plural], verbs: VERBS };
  if (kind === 'Rollout') {
    return { ...rule, note: 'a Rollout with a workloadRef needs the same for the workload that it refers to' };
  }
  if (knownKind(ref) !== undefined) return rule;
  return { ...rule, note: `the resource name "${plural}" is guessed from the kind ${kind} (${apiVersion})` };
}
