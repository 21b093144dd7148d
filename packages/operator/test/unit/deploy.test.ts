import { join } from 'node:path';
import type { RbacRule } from '@kube-trigger/core';
import { describe, expect, it } from 'vitest';
import { merged } from '../../src/api/rbac.js';
import { deployFiles, rightsOf } from '../support/deploy-files.js';
import { chart, DEPLOY, hasHelm, hasKustomize, helm, kustomize, type Manifest } from '../support/rendered.js';

const kinds = (manifests: readonly Manifest[]) => manifests.map(({ kind }) => kind);
const rulesOf = (manifests: readonly Manifest[], kind: string, name = 'kube-trigger') =>
  manifests.find((one) => one.kind === kind && one.metadata.name === name)?.rules ?? [];
/** One text per right, so that it does not matter how they are grouped into rules. */
const rightsIn = (rules: readonly RbacRule[]) => {
  const each = rules.flatMap(({ apiGroups, resources, verbs, resourceNames = [] }) =>
    apiGroups.flatMap((group) =>
      resources.flatMap((resource) => verbs.map((verb) => `${verb} ${resource}.${group} ${resourceNames.join()}`)),
    ),
  );
  return [...new Set(each)].toSorted();
};
const podOf = (manifests: readonly Manifest[]) =>
  manifests.find(({ kind }) => kind === 'Deployment')?.spec?.template?.spec;
const argsOf = (manifests: readonly Manifest[]) => podOf(manifests)?.containers[0]?.args;

describe('deploy/', () => {
  it.each(Object.entries(deployFiles()))('%s is what the code says; -u writes it', async (path, text) => {
    await expect(text).toMatchFileSnapshot(join(DEPLOY, path));
  });
});

// Skipped, and said so on stderr, without a kubectl of 1.21 or later (../support/rendered.ts).
describe.skipIf(!hasKustomize)('kubectl kustomize', () => {
  it('cluster-wide has a ClusterRole', () => {
    const manifests = kustomize('cluster-wide');
    expect(rulesOf(manifests, 'ClusterRole')).toEqual(rightsOf({}).cluster);
    expect(kinds(manifests)).toEqual(expect.arrayContaining(['Deployment', 'PodDisruptionBudget', 'NetworkPolicy']));
  });

  it.each([
    ['single-namespace', ['kube-trigger']],
    ['namespaces', ['shop', 'billing']],
  ] as const)('%s has Roles only, and an operator that looks there only', (overlay, namespaces) => {
    const manifests = kustomize(overlay);
    expect(kinds(manifests)).not.toContain('ClusterRole');
    expect(argsOf(manifests)).toEqual(['run', ...namespaces.flatMap((namespace) => ['--namespace', namespace])]);
    for (const namespace of namespaces) {
      const role = manifests.find(
        ({ kind, metadata }) => kind === 'Role' && metadata.namespace === namespace && metadata.name === 'kube-trigger',
      );
      expect(role?.rules).toEqual(rightsOf({}).cluster);
    }
  });
});

// Skipped, and said so on stderr, without helm (../support/rendered.ts), which `.ci/run` installs.
describe.skipIf(!hasHelm)('helm template', () => {
  it('gives the rights of all plugins by default', () => {
    const manifests = chart();
    expect(rightsIn(rulesOf(manifests, 'ClusterRole'))).toEqual(rightsIn(rightsOf({}).cluster));
    expect(argsOf(manifests)).toEqual(['run']);
  });

  it('leaves out what no enabled plugin needs', () => {
    const manifests = chart('--set', 'plugins.disabled={secret,webhook}');
    const everywhere = [...rulesOf(manifests, 'ClusterRole'), ...rulesOf(manifests, 'Role', 'kube-trigger-own')];
    expect(everywhere.flatMap(({ resources }) => resources)).not.toContain('secrets');
    expect(argsOf(manifests)).toEqual(['run', '--disabled-plugin=secret', '--disabled-plugin=webhook']);
  });

  it('has Roles only where namespaces are listed', () => {
    const manifests = chart('--set', 'namespaces={shop}', '--set', 'rbac.secrets=false');
    expect(kinds(manifests)).not.toContain('ClusterRole');
    const role = manifests.find(({ kind, metadata }) => kind === 'Role' && metadata.namespace === 'shop');
    expect(role?.rules?.flatMap(({ resources }) => resources)).not.toContain('secrets');
    expect(argsOf(manifests)).toContain('--namespace=shop');
  });

  it('needs nothing but impersonation where all rules act as service accounts', () => {
    const manifests = chart('--set', 'tenancy.impersonate=always,tenancy.defaultServiceAccount=triggers');
    expect(merged(rulesOf(manifests, 'ClusterRole'))).toEqual(rightsOf({ impersonate: 'always' }).cluster);
  });

  it('makes no Roles and no service account where others do, and has the operator use plugins that are not bundled', () => {
    const manifests = chart('--set', 'rbac.create=false', '--set', 'plugins.extra={kube-trigger-plugin-chat}');
    expect(kinds(manifests).toSorted()).toEqual(['Deployment', 'NetworkPolicy', 'PodDisruptionBudget']);
    expect(argsOf(manifests)).toEqual(['run', '--plugin=kube-trigger-plugin-chat']);
  });

  it('sets environment variables, and mounts volumes', () => {
    const env = ['--set', 'env[0].name=NODE_EXTRA_CA_CERTS', '--set', 'env[0].value=/etc/ca/ca.crt'];
    const volume = ['--set', 'volumes[0].name=ca', '--set', 'volumes[0].configMap.name=platform-ca'];
    const mount = ['--set', 'volumeMounts[0].name=ca', '--set', 'volumeMounts[0].mountPath=/etc/ca'];
    expect(podOf(chart(...env, ...volume, ...mount))).toMatchObject({
      volumes: [{ name: 'ca', configMap: { name: 'platform-ca' } }],
      containers: [
        {
          env: [{ name: 'NODE_EXTRA_CA_CERTS', value: '/etc/ca/ca.crt' }],
          volumeMounts: [{ name: 'ca', mountPath: '/etc/ca' }],
        },
      ],
    });
  });

  it.each([
    [['--set', 'rbac.create=false,rbac.secrets=false'], /rbac\.secrets have no Role to change/],
    [['--set', 'replica=1'], /replica/],
    [['--set', 'volumeMounts[0].name=ca'], /mountPath/],
    [['--set', 'tenancy.impersonate=sometimes'], /impersonate/],
    [['--set', 'tenancy.impersonate=always'], /set tenancy\.defaultServiceAccount/],
  ])('refuses %j', (args, message) => {
    const { status, stderr } = helm(...args);
    expect(status).not.toBe(0);
    expect(stderr).toMatch(message);
  });

  it('runs the same pod as kustomize', { skip: !hasKustomize }, () => {
    const pod = (manifests: readonly Manifest[]) => {
      const deployment = manifests.find(({ kind }) => kind === 'Deployment');
      const { imagePullPolicy: _, ...container } = { ...deployment?.spec?.template?.spec.containers[0] } as Record<
        string,
        unknown
      >;
      return container;
    };
    expect(pod(chart())).toEqual(pod(kustomize('cluster-wide')));
  });
});
