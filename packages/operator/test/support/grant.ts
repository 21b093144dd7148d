import type { RbacRule } from '@kube-trigger/core';
import type { Stage } from './stage.js';
import { rbacManifests } from '../../src/api/rbac-manifests.js';
import type { Rights } from '../../src/api/rbac.js';

const RBAC = '/apis/rbac.authorization.k8s.io/v1';

/** Applies the generated Roles for an operator in the stage's namespace; resolves to its service account's token. */
export async function grantOperator(stage: Stage, rights: Rights): Promise<string> {
  const name = 'kube-trigger';
  for (const manifest of rbacManifests(rights, { name, operatorNamespace: stage.namespace })) {
    const { kind, metadata } = manifest as { kind: string; metadata: { namespace?: string } };
    if (kind === 'ServiceAccount') continue;
    const scope = metadata.namespace === undefined ? '' : `/namespaces/${metadata.namespace}`;
    await stage.must('POST', `${RBAC}${scope}/${kind.toLowerCase()}s`, manifest);
  }
  return stage.cluster.serviceAccountToken(stage.namespace, name);
}

/** A service account of the stage's namespace with a Role of its own. */
export async function grantAccount(stage: Stage, name: string, rules: readonly RbacRule[]): Promise<void> {
  await stage.cluster.serviceAccountToken(stage.namespace, name);
  const base = `${RBAC}/namespaces/${stage.namespace}`;
  await stage.must('POST', `${base}/roles`, { metadata: { name }, rules });
  await stage.must('POST', `${base}/rolebindings`, {
    metadata: { name },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name },
    subjects: [{ kind: 'ServiceAccount', name, namespace: stage.namespace }],
  });
}
