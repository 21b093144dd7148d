import type { RbacRule } from '@kube-trigger/core';
import type { Rights } from './rbac.js';

export interface RbacNames {
  /** Of the Roles, the bindings and the service account. */
  readonly name: string;
  readonly operatorNamespace: string;
}

/** Service account, Roles and bindings, ready to apply. The same rights give the same bytes. */
export function rbacManifests(rights: Rights, { name, operatorNamespace }: RbacNames): object[] {
  const account = { kind: 'ServiceAccount', name, namespace: operatorNamespace };
  const granted = new Map<string, readonly RbacRule[]>(Object.entries(rights.namespaces));
  const cluster = rights.cluster.length === 0 ? [] : bound('ClusterRole', { name, rules: rights.cluster, account });
  // The operator's own namespace may hold rules as well: two Roles there need two names.
  const own = granted.has(operatorNamespace) ? `${name}-own` : name;
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace: operatorNamespace } },
    ...cluster,
    ...bound('Role', { name: own, namespace: operatorNamespace, rules: rights.own, account }),
    ...[...granted].flatMap(([namespace, rules]) => bound('Role', { name, namespace, rules, account })),
  ];
}

interface Granted {
  readonly name: string;
  readonly namespace?: string;
  readonly rules: readonly RbacRule[];
  readonly account: object;
}

const GROUP = 'rbac.authorization.k8s.io';

function bound(kind: 'Role' | 'ClusterRole', { name, namespace, rules, account }: Granted): object[] {
  const metadata = { name, ...(namespace === undefined ? {} : { namespace }) };
  return [
    { apiVersion: `${GROUP}/v1`, kind, metadata, rules },
    {
      apiVersion: `${GROUP}/v1`,
      kind: `${kind}Binding`,
      metadata,
      roleRef: { apiGroup: GROUP, kind, name },
      subjects: [account],
    },
  ];
}
