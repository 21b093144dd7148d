import type { RbacRule } from '@kube-trigger/core';
import { stringify } from 'yaml';
import { authorPolicy } from '../../src/api/author-policy.js';
import { definitions } from '../../src/api/definitions.js';
import { rbacManifests } from '../../src/api/rbac-manifests.js';
import { merged, type PluginRightsOptions, rightsForPlugins, RULES_RBAC } from '../../src/api/rbac.js';
import { bundledRegistry } from '../../src/plugins/bundled.js';

const NAME = 'kube-trigger';
const HEADER = '# Generated from the plugins: vitest run packages/operator/test/unit/deploy.test.ts -u\n';

/** The files under deploy/ that follow from the code, by path. */
export function deployFiles(): Record<string, string> {
  const crds = yaml(definitions(bundledRegistry()));
  const policy = authorPolicy(bundledRegistry(), { name: `${NAME}-authors`, action: 'Deny' });
  return {
    'chart/crds/definitions.yaml': crds,
    'chart/files/author-policy.yaml': unfolded(policy.slice(0, 1)),
    'chart/files/rights.yaml': yaml([rights()]),
    'kustomize/definitions/definitions.yaml': crds,
    'kustomize/components/author-policy/policy.yaml': unfolded(policy),
    'kustomize/overlays/cluster-wide/rbac.yaml': roles([]),
    'kustomize/overlays/single-namespace/rbac.yaml': roles([NAME]),
    'kustomize/overlays/namespaces/rbac.yaml': roles(['shop', 'billing']),
  };
}

export function rightsOf(options: Partial<PluginRightsOptions>, disabled: readonly string[] = []) {
  const registry = bundledRegistry();
  for (const name of disabled) registry.disable(name);
  return rightsForPlugins(registry.all(), { leaseName: NAME, ...options });
}

function roles(namespaces: readonly string[]): string {
  return yaml(rbacManifests(rightsOf({ namespaces }), { name: NAME, operatorNamespace: NAME }));
}

/** What the chart puts together by its values. */
function rights(): object {
  const names = [
    ...new Set(
      bundledRegistry()
        .all()
        .map(({ name }) => name),
    ),
  ].toSorted();
  const none = rightsForPlugins([], { leaseName: NAME });
  const beyond = (rules: readonly RbacRule[], base: readonly RbacRule[]) => rules.slice(base.length);
  return {
    rules: none.cluster,
    lease: none.own,
    impersonate: beyond(rightsForPlugins([], { leaseName: NAME, impersonate: 'always' }).cluster, merged(RULES_RBAC)),
    plugins: Object.fromEntries(
      names.map((name) => {
        const plugins = bundledRegistry()
          .all()
          .filter((plugin) => plugin.name === name);
        const { cluster, own } = rightsForPlugins(plugins, { leaseName: NAME });
        const withheld = rightsForPlugins(plugins, { leaseName: NAME, secrets: false });
        return [
          name,
          {
            acting: beyond(cluster, none.cluster),
            withoutSecrets: beyond(withheld.cluster, none.cluster),
            own: beyond(own, none.own),
          },
        ];
      }),
    ),
  };
}

function yaml(documents: readonly object[], options: { readonly lineWidth?: number } = {}): string {
  // kubectl reads YAML 1.1, in which an unquoted `on` is a boolean.
  const form = { aliasDuplicateObjects: false, version: '1.1', ...options } as const;
  return HEADER + documents.map((document) => stringify(document, form)).join('---\n');
}

/** Expressions are read more easily as they are. */
function unfolded(documents: readonly object[]): string {
  return yaml(documents, { lineWidth: 0 });
}
