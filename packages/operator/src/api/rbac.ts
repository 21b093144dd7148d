import type { CompiledRule, ConfiguredRbacRule, Plugin, RbacRule } from '@kube-trigger/core';
import { API_GROUP } from './resources.js';

/** What the operator must be allowed to do, by place. */
export interface Rights {
  /** In no namespace, or in all. */
  readonly cluster: readonly RbacRule[];
  /** In single namespaces. */
  readonly namespaces: Readonly<Record<string, readonly RbacRule[]>>;
  /** In the operator's own namespace. */
  readonly own: readonly RbacRule[];
  /** What should be checked before this is granted. */
  readonly notes: readonly string[];
}

/** What the operator needs wherever TriggerRules are, whatever they say. */
export const RULES_RBAC: readonly RbacRule[] = [
  { apiGroups: [API_GROUP], resources: ['triggerrules'], verbs: ['get', 'list', 'watch'] },
  { apiGroups: [API_GROUP], resources: ['triggerrules/status'], verbs: ['patch'] },
  { apiGroups: [API_GROUP], resources: ['triggercheckpoints'], verbs: ['get', 'list', 'create', 'patch'] },
  { apiGroups: [''], resources: ['events'], verbs: ['create', 'patch'] },
];

/** What the election needs. RBAC cannot narrow `create` to a name. */
export function leaseRbac(leaseName: string): RbacRule[] {
  const lease = { apiGroups: ['coordination.k8s.io'], resources: ['leases'] };
  return [
    { ...lease, verbs: ['get', 'update'], resourceNames: [leaseName] },
    { ...lease, verbs: ['create'] },
  ];
}

/** To act as the service accounts that rules name (`spec.serviceAccountName`). */
const IMPERSONATION_RBAC: RbacRule = { apiGroups: [''], resources: ['serviceaccounts'], verbs: ['impersonate'] };

export interface PluginRightsOptions {
  readonly leaseName: string;
  /** Empty: cluster-wide. */
  readonly namespaces?: readonly string[];
  /**
   * Whether rules act as service accounts: `optional` where they name one, `always` where there is a default one. Then the operator needs no
   * plugin's rights itself.
   */
  readonly impersonate?: 'never' | 'optional' | 'always';
  /** False withholds all Secrets of users: a rule that needs one says so. */
  readonly secrets?: boolean;
}

/** For whatever rules may ask of these plugins: cluster-wide, or in the given namespaces only. */
export function rightsForPlugins(plugins: readonly Plugin[], options: PluginRightsOptions): Rights {
  const { leaseName, namespaces = [], impersonate = 'never', secrets = true } = options;
  const needs = plugins.flatMap((plugin) => plugin.rbac).filter((rule) => rule.chosenByRules !== true);
  const acting = needs.filter((rule) => rule.inOperatorNamespace !== true);
  const everywhere = merged([
    ...RULES_RBAC,
    ...(impersonate === 'never' ? [] : [IMPERSONATION_RBAC]),
    ...(impersonate === 'always' ? [] : secrets ? acting : acting.flatMap(withoutSecrets)),
  ]);
  const own = merged([...leaseRbac(leaseName), ...needs.filter((rule) => rule.inOperatorNamespace === true)]);
  if (namespaces.length === 0) return { cluster: everywhere, namespaces: {}, own, notes: [] };
  const inEach = Object.fromEntries(namespaces.map((namespace) => [namespace, everywhere]));
  return { cluster: [], namespaces: inEach, own, notes: [] };
}

function withoutSecrets(rule: RbacRule): RbacRule[] {
  const resources = rule.apiGroups.includes('') ? rule.resources.filter((name) => name !== 'secrets') : rule.resources;
  return resources.length === 0 ? [] : [{ ...rule, resources }];
}

/** For these rules and no others: narrowed to the namespaces and names in them. */
export function rightsForRules(rules: readonly CompiledRule[], { leaseName }: { readonly leaseName: string }): Rights {
  const places = new Map<string, RbacRule[]>();
  const own = leaseRbac(leaseName);
  const notes = new Set<string>();
  const at = (namespace: string, ...needs: RbacRule[]) =>
    places.set(namespace, [...(places.get(namespace) ?? []), ...needs]);
  for (const { identity, sources, filters, actions, serviceAccountName } of rules) {
    at(identity.namespace, ...RULES_RBAC);
    if (serviceAccountName !== undefined) {
      at(identity.namespace, { ...IMPERSONATION_RBAC, resourceNames: [serviceAccountName] });
      notes.add(
        `${identity.namespace}/${identity.name} acts as service account ${serviceAccountName}: give that one its rights.`,
      );
    }
    for (const item of [...sources, ...filters, ...actions]) {
      for (const { namespace = identity.namespace, note, ...need } of needsOf(item)) {
        if (note !== undefined) notes.add(note);
        if (need.inOperatorNamespace === true) own.push(need);
        else if (serviceAccountName === undefined) at(namespace, need);
      }
    }
  }
  const cluster = merged(places.get('') ?? []);
  places.delete('');
  const namespaces = [...places].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([name, needs]) => [name, merged(needs)]);
  return { cluster, namespaces: Object.fromEntries(namespaces), own: merged(own), notes: [...notes] };
}

function needsOf({ plugin, config }: { plugin: Plugin; config: unknown }): readonly ConfiguredRbacRule[] {
  return (plugin as { rbacFor?: (config: unknown) => readonly ConfiguredRbacRule[] }).rbacFor?.(config) ?? plugin.rbac;
}

/** The same rights in as few rules as can be read well: verbs of one resource together, then resources of equal verbs, then names. */
export function merged(rules: readonly RbacRule[]): RbacRule[] {
  const single = rules.flatMap((rule) =>
    rule.apiGroups.flatMap((group) =>
      rule.resources.map((resource): Single => ({
        apiGroups: [group],
        resources: [resource],
        verbs: rule.verbs,
        resourceNames: rule.resourceNames ?? [],
      })),
    ),
  );
  const needed = single.filter((rule) => !single.some((other) => other !== rule && isWider(other, rule)));
  const byVerbs = joined(needed, 'verbs');
  const byNames = joined(byVerbs, 'resourceNames');
  return joined(byNames, 'resources').map(({ resourceNames, ...rule }) => {
    return resourceNames.length === 0 ? rule : { ...rule, resourceNames };
  });
}

type Single = Required<Pick<RbacRule, 'apiGroups' | 'resources' | 'verbs' | 'resourceNames'>>;

/** Of rules that are equal but for `field` one, with all its values. No names at all means every name, so that joins nothing. */
function joined(rules: readonly Single[], field: 'verbs' | 'resources' | 'resourceNames'): Single[] {
  const groups = new Map<string, Single>();
  for (const rule of rules) {
    const open = rule.resourceNames.length === 0;
    const id = JSON.stringify([open, ...Object.entries(rule).filter(([name]) => name !== field)]);
    const before = groups.get(id);
    const values = [...new Set([...(before?.[field] ?? []), ...rule[field]])];
    groups.set(id, { ...rule, [field]: field === 'resourceNames' ? values.toSorted() : values });
  }
  return [...groups.values()];
}

/** All that `rule` allows on named objects, `other` allows on all objects. */
function isWider(other: Single, rule: Single): boolean {
  if (rule.resourceNames.length === 0 || other.resourceNames.length > 0) return false;
  const same = other.apiGroups[0] === rule.apiGroups[0] && other.resources[0] === rule.resources[0];
  return same && rule.verbs.every((verb) => other.verbs.includes(verb));
}
