import { compileRule, type CompiledRule } from '@kube-trigger/core';
import { describeOnClusters } from '@kube-trigger/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { rbacManifests } from '../../src/api/rbac-manifests.js';
import { type Rights, rightsForPlugins, rightsForRules } from '../../src/api/rbac.js';
import { bundledRegistry } from '../../src/plugins/bundled.js';
import { Stage } from '../support/stage.js';

const LEASE = { leaseName: 'kube-trigger' };
const SPEC = {
  sources: [{ objectRef: { kind: 'ConfigMap', name: 'cm' } }, { secret: { name: 'key' } }],
  actions: [{ updatePodTemplate: { objectRef: { kind: 'Deployment', name: 'web' } } }],
};

/** `kube-trigger rbac` promises that these rights are enough; an operator with a token for nothing else shows it. */
describeOnClusters('the printed Roles', (start) => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await Stage.open(start);
    await stage.configMap('cm', { a: '1' });
    await stage.must('POST', `/api/v1/namespaces/${stage.namespace}/secrets`, { metadata: { name: 'key' } });
    await stage.workload('deployments', 'web');
  });
  afterAll(() => stage[Symbol.asyncDispose]());

  const compiled = (): CompiledRule => {
    const compilation = compileRule({ namespace: stage.namespace, name: 'web', uid: 'u' }, SPEC, bundledRegistry());
    if ('issues' in compilation) throw new Error(JSON.stringify(compilation.issues));
    return compilation.rule;
  };

  it.each([
    ['for these rules', () => rightsForRules([compiled()], LEASE)],
    ['for all plugins', () => rightsForPlugins(bundledRegistry().all(), { ...LEASE, namespaces: [stage.namespace] })],
  ] as const)('%s are enough', async (what, rights: () => Rights) => {
    const name = what.replaceAll(' ', '-');
    const { namespace } = stage;
    const token = await stage.cluster.serviceAccountToken(namespace, name);
    const plurals: Record<string, string> = { Role: 'roles', RoleBinding: 'rolebindings' };
    for (const manifest of rbacManifests(rights(), { name, operatorNamespace: namespace })) {
      const plural = plurals[(manifest as { kind: string }).kind];
      if (plural === undefined) continue;
      await stage.must('POST', `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}/${plural}`, manifest);
    }
    await stage.startOperator({ token, operatorNamespace: namespace, lease: { name: 'kube-trigger' } });
    await stage.rule('web', SPEC);
    await stage.ready('web');
    const before = await stage.template('deployments', 'web');
    await stage.patchConfigMap('cm', { data: { a: what } });
    await stage.rolled('deployments', 'web', { before });
    await expect.poll(async () => (await stage.status('web')).lastResult).toBe('Done');
    await expect.poll(async () => (await stage.events('web')).length).toBeGreaterThan(0);
    await stage.stopOperator();
    await stage.deleteRule('web');
  });
});
