import { execFileSync, spawnSync } from 'node:child_process';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { RbacRule } from '@kube-trigger/core';
import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { merged } from '../../src/api/rbac.js';
import { deployFiles, rightsOf } from '../support/deploy-files.js';

const DEPLOY = join(dirname(fileURLToPath(import.meta.url)), '../../../../deploy');

interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly rules?: readonly RbacRule[];
  readonly spec?: { readonly template?: { readonly spec: PodSpec } };
}

interface PodSpec {
  readonly containers: readonly { readonly args: readonly string[]; readonly securityContext: object }[];
}

function parsed(text: string): Manifest[] {
  return parseAllDocuments(text, { version: '1.1' }).flatMap((document) => (document.toJS() as Manifest | null) ?? []);
}

function works(command: string, ...args: string[]): boolean {
  return spawnSync(command, args, { stdio: 'ignore' }).status === 0;
}

const HELM = process.env['HELM'] ?? join(homedir(), '.cache/kube-trigger/helm');
const hasHelm = works(HELM, 'version');
// kubectl before 1.21 has a kustomize that does not know `resources: [../../base]`.
const kubectl = spawnSync('kubectl', ['version', '--client', '-o', 'yaml'], { encoding: 'utf8' }).stdout ?? '';
const hasKustomize = /kustomizeVersion: v[45]/.test(kubectl);

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
const argsOf = (manifests: readonly Manifest[]) =>
  manifests.find(({ kind }) => kind === 'Deployment')?.spec?.template?.spec.containers[0]?.args;

describe('deploy/', () => {
  it.each(Object.entries(deployFiles()))('%s is what the code says; -u writes it', async (path, text) => {
    await expect(text).toMatchFileSnapshot(join(DEPLOY, path));
  });
});

// Neither kubectl nor helm is a part of this project: skipped where they are not installed; .ci/run installs helm.
describe.skipIf(!hasKustomize)('kubectl kustomize', () => {
  const render = (overlay: string) =>
    parsed(execFileSync('kubectl', ['kustomize', join(DEPLOY, 'kustomize/overlays', overlay)], { encoding: 'utf8' }));

  it('cluster-wide has a ClusterRole', () => {
    const manifests = render('cluster-wide');
    expect(rulesOf(manifests, 'ClusterRole')).toEqual(rightsOf({}).cluster);
    expect(kinds(manifests)).toEqual(expect.arrayContaining(['Deployment', 'PodDisruptionBudget', 'NetworkPolicy']));
  });

  it.each([
    ['single-namespace', ['kube-trigger']],
    ['namespaces', ['shop', 'billing']],
  ])('%s has Roles only, and an operator that looks there only', (overlay, namespaces) => {
    const manifests = render(overlay);
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

describe.skipIf(!hasHelm)('helm template', () => {
  const helm = (...args: string[]) =>
    spawnSync(HELM, ['template', 'kube-trigger', join(DEPLOY, 'chart'), '--namespace', 'kube-trigger', ...args], {
      encoding: 'utf8',
    });
  const render = (...args: string[]) => {
    const { stdout, stderr, status } = helm(...args);
    if (status !== 0) throw new Error(stderr);
    return parsed(stdout);
  };

  it('gives the rights of all plugins by default', () => {
    const manifests = render();
    expect(rightsIn(rulesOf(manifests, 'ClusterRole'))).toEqual(rightsIn(rightsOf({}).cluster));
    expect(argsOf(manifests)).toEqual(['run']);
  });

  it('leaves out what no enabled plugin needs', () => {
    const manifests = render('--set', 'plugins.disabled={secret,webhook}');
    const everywhere = [...rulesOf(manifests, 'ClusterRole'), ...rulesOf(manifests, 'Role', 'kube-trigger-own')];
    expect(everywhere.flatMap(({ resources }) => resources)).not.toContain('secrets');
    expect(argsOf(manifests)).toEqual(['run', '--disabled-plugin=secret', '--disabled-plugin=webhook']);
  });

  it('has Roles only where namespaces are listed', () => {
    const manifests = render('--set', 'namespaces={shop}', '--set', 'rbac.secrets=false');
    expect(kinds(manifests)).not.toContain('ClusterRole');
    const role = manifests.find(({ kind, metadata }) => kind === 'Role' && metadata.namespace === 'shop');
    expect(role?.rules?.flatMap(({ resources }) => resources)).not.toContain('secrets');
    expect(argsOf(manifests)).toContain('--namespace=shop');
  });

  it('needs nothing but impersonation where all rules act as service accounts', () => {
    const manifests = render('--set', 'tenancy.impersonate=always,tenancy.defaultServiceAccount=triggers');
    expect(merged(rulesOf(manifests, 'ClusterRole'))).toEqual(rightsOf({ impersonate: 'always' }).cluster);
  });

  it('makes no Roles and no service account where others do, and has the operator use plugins that are not bundled', () => {
    const manifests = render('--set', 'rbac.create=false', '--set', 'plugins.extra={kube-trigger-plugin-chat}');
    expect(kinds(manifests).toSorted()).toEqual(['Deployment', 'NetworkPolicy', 'PodDisruptionBudget']);
    expect(argsOf(manifests)).toEqual(['run', '--plugin=kube-trigger-plugin-chat']);
  });

  it('sets environment variables', () => {
    const manifests = render('--set', 'env[0].name=OTEL_SERVICE_NAME', '--set', 'env[0].value=triggers');
    const { containers } = manifests.find(({ kind }) => kind === 'Deployment')?.spec?.template?.spec ?? {};
    expect(containers).toMatchObject([{ env: [{ name: 'OTEL_SERVICE_NAME', value: 'triggers' }] }]);
  });

  it.each([
    [['--set', 'rbac.create=false,rbac.secrets=false'], /rbac\.secrets have no Role to change/],
    [['--set', 'replica=1'], /replica/],
    [['--set', 'tenancy.impersonate=sometimes'], /impersonate/],
    [['--set', 'tenancy.impersonate=always'], /set tenancy\.defaultServiceAccount/],
  ])('refuses %j', (args, message) => {
    const { status, stderr } = helm(...args);
    expect(status).not.toBe(0);
    expect(stderr).toMatch(message);
  });

  it('runs the same pod as kustomize', { skip: !hasKustomize }, () => {
    const kustomized = parsed(
      execFileSync('kubectl', ['kustomize', join(DEPLOY, 'kustomize/overlays/cluster-wide')], { encoding: 'utf8' }),
    );
    const pod = (manifests: readonly Manifest[]) => {
      const deployment = manifests.find(({ kind }) => kind === 'Deployment');
      const { imagePullPolicy: _, ...container } = { ...deployment?.spec?.template?.spec.containers[0] } as Record<
        string,
        unknown
      >;
      return container;
    };
    expect(pod(render())).toEqual(pod(kustomized));
  });
});
