import { groupVersion } from './api-types.js';
import type { ResourceDefinition } from './resources/definition.js';
import type { Registry } from './resources/registry.js';

const VERBS = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];

/** `/apis`. */
export function groupList(registry: Registry): unknown {
  const groups = registry.groups().filter((group) => group !== '');
  return { kind: 'APIGroupList', apiVersion: 'v1', groups: groups.map((group) => groupEntry(registry, group)) };
}

/** `/apis/GROUP`; undefined for an unknown group. */
export function groupDocument(registry: Registry, group: string): unknown {
  if (!registry.groups().includes(group) || group === '') return undefined;
  return { kind: 'APIGroup', apiVersion: 'v1', ...groupEntry(registry, group) };
}

function groupEntry(
  registry: Registry,
  group: string,
): { name: string; versions: unknown[]; preferredVersion: unknown } {
  const versions = registry.versions(group).map((version) => ({ groupVersion: `${group}/${version}`, version }));
  return { name: group, versions, preferredVersion: versions[0] };
}

/** `/api/v1` and `/apis/GROUP/VERSION`; undefined when nothing is served there. */
export function resourceList(registry: Registry, group: string, version: string): unknown {
  const definitions = registry.all().filter((each) => each.group === group && each.version === version);
  const virtual = VIRTUAL[groupVersion(group, version)] ?? [];
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
  token: { kind: 'TokenRequest', group: 'authentication.k8s.io', version: 'v1', verbs: ['create'] },
};

const VIRTUAL: { readonly [groupVersion: string]: readonly unknown[] } = {};
