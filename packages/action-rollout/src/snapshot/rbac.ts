import type { ConfiguredRbacRule } from '@kube-trigger/core';
import { COPY_VERBS } from './errors.js';

const LIST = ['list'];

/** What no rule without `configSnapshot` needs: to copy, and to see Jobs that still refer to a copy. */
export const SNAPSHOT_RBAC: readonly ConfiguredRbacRule[] = [
  { apiGroups: [''], resources: ['configmaps', 'secrets'], verbs: COPY_VERBS },
  { apiGroups: ['batch'], resources: ['jobs'], verbs: LIST },
];

/** To see what else refers to a copy: any workload may, not only those that the rule rolls. */
export const SNAPSHOT_USERS_RBAC: readonly ConfiguredRbacRule[] = [
  {
    apiGroups: ['apps'],
    resources: ['deployments', 'statefulsets', 'daemonsets', 'replicasets', 'controllerrevisions'],
    verbs: LIST,
    note: 'configSnapshot copies what the sources of the rule name: where that are ConfigMaps only, take secrets out, and the other way round',
  },
  { apiGroups: ['batch'], resources: ['cronjobs'], verbs: LIST },
  { apiGroups: ['argoproj.io'], resources: ['rollouts'], verbs: LIST },
  { apiGroups: [''], resources: ['pods'], verbs: LIST },
];
