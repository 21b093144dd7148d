import { groupVersion } from './api-types.js';
import { REVIEWS } from './auth/reviews.js';
import type { ResourceDefinition } from './resources/definition.js';
import type { Registry } from './resources/registry.js';

const VERBS = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];

/** `/apis`. */
export function groupList(registry: Registry): unknown {
  return {
    kind: 'APIGroupList',
    apiVersion: 'v1',
    groups: allGroups(registry).map((group) => groupEntry(registry, group)),
  };
}

/** `/apis/GROUP`; undefined for an unknown group. */
export function groupDocument(registry: Registry, group: string): unknown {
  if (!allGroups(registry).includes(group)) return undefined;
  return { kind: 'APIGroup', apiVersion: 'v1', ...groupEntry(registry, group) };
}

function groupEntry(
  registry: Registry,
  group: string,
): { name: string; versions: unknown[]; preferredVersion: unknown } {
  const names = registry.versions(group);
  const versions = (names.length === 0 ? ['v1'] : names).map((version) => ({
    groupVersion: `${group}/${version}`,
    version,
  }));
  return { name: group, versions, preferredVersion: versions[0] };
}

/** `/api/v1` and `/apis/GROUP/VERSION`; undefined when nothing is served there. */
export function resourceList(registry: Registry, group: string, version: string): unknown {
  const definitions = registry.all().filter((each) => each.group === group && each.version === version);
  const virtual = reviewEntries(group, version);
  if (definitions.length === 0 && virtual.length === 0) return undefined;
  const resources = [...definitions.flatMap(entries), ...virtual];
  return { kind: 'APIResourceList', apiVersion: 'v1', groupVersion: groupVersion(group, version), resources };
}

function entries(definition: ResourceDefinition): unknown[] {
  const { plural, singular, namespaced, kind, shortNames, categories, subresources } = definition;
  const main = {
    name: plural,
    singularName: definition.custom ? singular : '',
    namespaced,
    kind,
    verbs: VERBS,
    ...(shortNames.length === 0 ? {} : { shortNames }),
    ...(categories.length === 0 ? {} : { categories }),
    storageVersionHash: '',
  };
  return [
    main,
    ...subresources
      .filter((each) => each in SUBRESOURCES)
      .map((each) => ({
        ...SUBRESOURCES[each],
        name: `${plural}/${each}`,
        singularName: '',
        namespaced,
        kind: SUBRESOURCES[each]?.kind ?? kind,
      })),
  ];
}

interface SubresourceEntry {
  readonly kind?: string;
  readonly group?: string;
  readonly version?: string;
  readonly verbs: readonly string[];
}

/** Subresources that are served; what the table of resources lists besides is answered with 501. */
const SUBRESOURCES: { readonly [name: string]: SubresourceEntry } = {
  status: { verbs: ['get', 'patch', 'update'] },
  scale: { kind: 'Scale', group: 'autoscaling', version: 'v1', verbs: ['get', 'patch', 'update'] },
  finalize: { verbs: ['update'] },
  binding: { kind: 'Binding', verbs: ['create'] },
  eviction: { kind: 'Eviction', group: 'policy', version: 'v1', verbs: ['create'] },
  token: { kind: 'TokenRequest', group: 'authentication.k8s.io', version: 'v1', verbs: ['create'] },
};

function reviewEntries(group: string, version: string): unknown[] {
  if (version !== 'v1') return [];
  return REVIEWS.filter((each) => each.group === group).map(({ kind, namespaced, plural }) => ({
    name: plural,
    singularName: '',
    namespaced,
    kind,
    verbs: ['create'],
  }));
}

function allGroups(registry: Registry): string[] {
  return [...new Set([...registry.groups(), ...REVIEWS.map(({ group }) => group)])].filter((group) => group !== '');
}
