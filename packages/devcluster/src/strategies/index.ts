import { definitionStrategy } from '../crd/strategy.js';
import type { Strategy } from '../resources/definition.js';
import { configMapStrategy, secretStrategy } from './config.js';
import { eventStrategy, leaseStrategy, namespaceStrategy, podStrategy, serviceStrategy } from './core.js';
import { bindingStrategy, roleStrategy } from './rbac.js';
import {
  cronJobStrategy,
  daemonSetStrategy,
  deploymentStrategy,
  jobStrategy,
  replicaSetStrategy,
  statefulSetStrategy,
} from './workloads.js';

/** What built-in kinds do beyond being stored, by plural. */
export const STRATEGIES: { readonly [plural: string]: Strategy } = {
  clusterrolebindings: bindingStrategy,
  clusterroles: roleStrategy,
  configmaps: configMapStrategy,
  cronjobs: cronJobStrategy,
  customresourcedefinitions: definitionStrategy,
  daemonsets: daemonSetStrategy,
  deployments: deploymentStrategy,
  events: eventStrategy,
  jobs: jobStrategy,
  leases: leaseStrategy,
  namespaces: namespaceStrategy,
  pods: podStrategy,
  replicasets: replicaSetStrategy,
  rolebindings: bindingStrategy,
  roles: roleStrategy,
  secrets: secretStrategy,
  services: serviceStrategy,
  statefulsets: statefulSetStrategy,
};
