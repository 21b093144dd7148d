import type { ConfiguredRbacRule, RbacRule } from '@kube-trigger/core';
import { guessedPlural } from '@kube-trigger/kube';
import type { RolloutConfig } from './config.js';
import { listedFor } from './pacing/listed.js';
import { kindOf, type KindRef, kindsIn, knownKind } from './targets/kinds.js';

const VERBS = ['get', 'list', 'watch', 'patch'];
const LIST = ['list'];
const EVENTS: RbacRule = { apiGroups: [''], resources: ['events'], verbs: ['create', 'patch'] };

export const ROLLOUT_RBAC: readonly RbacRule[] = [
  { apiGroups: ['apps'], resources: ['deployments', 'statefulsets', 'daemonsets'], verbs: VERBS },
  { apiGroups: ['batch'], resources: ['cronjobs'], verbs: VERBS },
  { apiGroups: ['argoproj.io'], resources: ['rollouts'], verbs: VERBS },
  { apiGroups: [''], resources: ['pods'], verbs: LIST },
  { apiGroups: ['apps'], resources: ['replicasets', 'controllerrevisions'], verbs: LIST },
  EVENTS,
];

/** What one rule needs, narrowed to its kinds, namespace and, where it names one, workload. */
export function rbacForRollout(config: RolloutConfig): ConfiguredRbacRule[] {
  const { objectRef, selector, pacing } = config;
  const namespace = objectRef?.namespace ?? selector?.namespace;
  const place = namespace === undefined ? {} : { namespace };
  const refs = kindsIn(config);
  const names = objectRef === undefined ? {} : { resourceNames: [objectRef.name] };
  const paced = listedFor(pacing, refs).map(({ group, plural }) => ({
    apiGroups: [group],
    resources: [plural],
    verbs: LIST,
    ...place,
  }));
  return [...refs.map((ref) => ({ ...forKind(ref), ...names, ...place })), ...paced, { ...EVENTS, ...place }];
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
