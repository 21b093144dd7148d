import type { KubeObject } from '../api-types.js';
import { asArray, asObject, asString, isObject, type JsonObject } from '../json.js';
import type { User } from '../rest/context.js';
import type { Store } from '../store/store.js';

export const RBAC_GROUP = 'rbac.authorization.k8s.io';
const GROUP = RBAC_GROUP;

/** What someone wants to do: to a resource, or to a path when `resource` is empty. */
export interface Attributes {
  readonly verb: string;
  readonly group: string;
  readonly resource: string;
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
  readonly path: string;
}

/** The RBAC authorizer: evaluates the roles and bindings in the store, anew for each request. `system:masters` may do everything. */
export function isAllowed(store: Store, user: User, attributes: Attributes): boolean {
  if (user.groups.includes('system:masters')) return true;
  const bindings = [...objects(store, 'clusterrolebindings')];
  if (attributes.namespace !== '') bindings.push(...objects(store, 'rolebindings', attributes.namespace));
  return bindings
    .filter((binding) => asArray(binding['subjects']).some((subject) => isSubject(asObject(subject), user, binding)))
    .some((binding) => roleRulesOf(store, binding).some((rule) => permits(asObject(rule), attributes)));
}

function objects(store: Store, plural: string, namespace = ''): KubeObject[] {
  const collection = store.collection(`${GROUP}/${plural}`);
  return collection
    .keysFrom(namespace === '' ? '' : `${namespace}/`)
    .flatMap((key) => collection.objects.get(key) ?? []);
}

/** The rules of the role that a binding grants. */
export function roleRulesOf(store: Store, binding: KubeObject): readonly unknown[] {
  const { kind, name } = asObject(binding['roleRef']);
  const local = kind === 'Role';
  const role = store.get({
    collection: `${GROUP}/${local ? 'roles' : 'clusterroles'}`,
    namespace: local ? (binding.metadata.namespace ?? '') : '',
    name: asString(name) ?? '',
  });
  return asArray(role?.['rules']);
}

function isSubject(subject: JsonObject, user: User, binding: KubeObject): boolean {
  const name = asString(subject['name']) ?? '';
  switch (subject['kind']) {
    case 'User':
      return name === user.name;
    case 'Group':
      return user.groups.includes(name);
    case 'ServiceAccount':
      return user.name === serviceAccountName(asString(subject['namespace']) ?? binding.metadata.namespace ?? '', name);
    default:
      return false;
  }
}

export function serviceAccountName(namespace: string, name: string): string {
  return `system:serviceaccount:${namespace}:${name}`;
}

function permits(rule: JsonObject, { group, name, path, resource, subresource, verb }: Attributes): boolean {
  if (!has(rule['verbs'], verb)) return false;
  if (resource === '') return asArray(rule['nonResourceURLs']).some((url) => matchesPath(String(url), path));
  if (!has(rule['apiGroups'], group)) return false;
  const full = subresource === '' ? resource : `${resource}/${subresource}`;
  const wanted = asArray(rule['resources']);
  if (!wanted.includes('*') && !wanted.includes(full) && !(subresource !== '' && wanted.includes(`*/${subresource}`)))
    return false;
  const names = asArray(rule['resourceNames']);
  return names.length === 0 || (name !== '' && names.includes(name));
}

function has(list: unknown, value: string): boolean {
  const values = asArray(list);
  return values.includes('*') || values.includes(value);
}

function matchesPath(pattern: string, path: string): boolean {
  return pattern.endsWith('*') ? path.startsWith(pattern.slice(0, -1)) : pattern === path;
}

interface BootstrapRole {
  readonly name: string;
  readonly rules: readonly JsonObject[];
  readonly groups: readonly string[];
}

const DISCOVERY = [
  '/api',
  '/api/*',
  '/apis',
  '/apis/*',
  '/healthz',
  '/livez',
  '/openapi',
  '/openapi/*',
  '/readyz',
  '/version',
  '/version/',
];

/** The roles that a fresh cluster has, as far as they matter to clients: everything, discovery, and asking what one may do. */
const BOOTSTRAP: readonly BootstrapRole[] = [
  {
    name: 'cluster-admin',
    rules: [
      { apiGroups: ['*'], resources: ['*'], verbs: ['*'] },
      { nonResourceURLs: ['*'], verbs: ['*'] },
    ],
    groups: ['system:masters'],
  },
  {
    name: 'system:discovery',
    rules: [{ nonResourceURLs: DISCOVERY, verbs: ['get'] }],
    groups: ['system:authenticated'],
  },
  {
    name: 'system:basic-user',
    rules: [
      {
        apiGroups: ['authorization.k8s.io'],
        resources: ['selfsubjectaccessreviews', 'selfsubjectrulesreviews'],
        verbs: ['create'],
      },
    ],
    groups: ['system:authenticated'],
  },
];

/** Puts the bootstrap roles and their bindings into an empty store. */
export function createBootstrapRoles(store: Store, metadataOf: (name: string) => KubeObject['metadata']): void {
  for (const { groups, name, rules } of BOOTSTRAP) {
    const role = { collection: `${GROUP}/clusterroles`, namespace: '', name };
    if (store.get(role) !== undefined) continue;
    store.put(role, { apiVersion: `${GROUP}/v1`, kind: 'ClusterRole', metadata: metadataOf(name), rules });
    const subjects = groups.map((group) => ({ kind: 'Group', apiGroup: GROUP, name: group }));
    store.put(
      { collection: `${GROUP}/clusterrolebindings`, namespace: '', name },
      {
        apiVersion: `${GROUP}/v1`,
        kind: 'ClusterRoleBinding',
        metadata: metadataOf(name),
        subjects,
        roleRef: { apiGroup: GROUP, kind: 'ClusterRole', name },
      },
    );
  }
}

/** Reads the attributes of an access review. */
export function attributesOf(spec: JsonObject): Attributes {
  const { nonResourceAttributes, resourceAttributes } = spec;
  const from = isObject(resourceAttributes) ? resourceAttributes : asObject(nonResourceAttributes);
  const text = (key: string): string => asString(from[key]) ?? '';
  return {
    verb: text('verb'),
    group: text('group'),
    resource: text('resource'),
    subresource: text('subresource'),
    namespace: text('namespace'),
    name: text('name'),
    path: text('path'),
  };
}
