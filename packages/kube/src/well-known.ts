import type { Resource } from './model.js';

const core = (plural: string, kind: string, namespaced = true): Resource => ({
  group: '',
  version: 'v1',
  plural,
  kind,
  namespaced,
});
const of = (group: string, plural: string, kind: string): Resource => ({
  group,
  version: 'v1',
  plural,
  kind,
  namespaced: true,
});
const cluster = (group: string, plural: string, kind: string): Resource => ({
  ...of(group, plural, kind),
  namespaced: false,
});

/** Resources whose coordinates are the same on every supported cluster (≥ 1.20): no discovery is needed for them. */
export const WELL_KNOWN = {
  ConfigMap: core('configmaps', 'ConfigMap'),
  Secret: core('secrets', 'Secret'),
  Pod: core('pods', 'Pod'),
  Event: core('events', 'Event'),
  Service: core('services', 'Service'),
  ServiceAccount: core('serviceaccounts', 'ServiceAccount'),
  PersistentVolumeClaim: core('persistentvolumeclaims', 'PersistentVolumeClaim'),
  Namespace: core('namespaces', 'Namespace', false),
  Node: core('nodes', 'Node', false),
  Deployment: of('apps', 'deployments', 'Deployment'),
  StatefulSet: of('apps', 'statefulsets', 'StatefulSet'),
  DaemonSet: of('apps', 'daemonsets', 'DaemonSet'),
  ReplicaSet: of('apps', 'replicasets', 'ReplicaSet'),
  ControllerRevision: of('apps', 'controllerrevisions', 'ControllerRevision'),
  Job: of('batch', 'jobs', 'Job'),
  Lease: of('coordination.k8s.io', 'leases', 'Lease'),
  Role: of('rbac.authorization.k8s.io', 'roles', 'Role'),
  RoleBinding: of('rbac.authorization.k8s.io', 'rolebindings', 'RoleBinding'),
  ClusterRole: cluster('rbac.authorization.k8s.io', 'clusterroles', 'ClusterRole'),
  ClusterRoleBinding: cluster('rbac.authorization.k8s.io', 'clusterrolebindings', 'ClusterRoleBinding'),
  CustomResourceDefinition: cluster('apiextensions.k8s.io', 'customresourcedefinitions', 'CustomResourceDefinition'),
} as const satisfies Record<string, Resource>;
