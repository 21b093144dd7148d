import { ApiError } from '../api-error.js';
import type { KubeObject } from '../api-types.js';
import { asArray, asObject, asString, type JsonObject } from '../json.js';
import type { ResourceDefinition } from '../resources/definition.js';
import type { User } from '../rest/context.js';
import type { Store } from '../store/store.js';
import { isAllowed, RBAC_GROUP, roleRulesOf } from './rbac.js';

/**
 * Keeps users from granting rights that they do not have, by a role or a binding. The verbs `escalate` and `bind` exempt.
 *
 * @throws ApiError 403 in the words of the API server.
 */
export function refuseEscalation(store: Store, user: User, definition: ResourceDefinition, object: KubeObject): void {
  if (definition.group !== RBAC_GROUP) return;
  const isRole = definition.plural.endsWith('roles');
  const namespace = object.metadata.namespace ?? '';
  const exempt = isRole
    ? may(store, user, { verb: 'escalate', plural: definition.plural, name: object.metadata.name, namespace })
    : mayBind(store, user, object);
  if (exempt) return;
  const rules = isRole ? asArray(object['rules']) : roleRulesOf(store, object);
  const missing = rules.map(asObject).filter((rule) => !holds(store, user, { rule, namespace }));
  if (missing.length === 0) return;
  const { name } = object.metadata;
  const groups = user.groups.map((group) => JSON.stringify(group)).join(' ');
  const message = `${definition.plural}.${RBAC_GROUP} ${JSON.stringify(name)} is forbidden: user ${JSON.stringify(user.name)} (groups=[${groups}]) is attempting to grant RBAC permissions not currently held:\n${missing.map(ruleText).join('\n')}`;
  throw new ApiError(403, 'Forbidden', message, { name, group: RBAC_GROUP, kind: definition.plural });
}

function may(
  store: Store,
  user: User,
  { name, namespace, plural, verb }: { verb: string; plural: string; name: string; namespace: string },
): boolean {
  return isAllowed(store, user, {
    verb,
    group: RBAC_GROUP,
    resource: plural,
    subresource: '',
    namespace,
    name,
    path: '',
  });
}

function mayBind(store: Store, user: User, binding: KubeObject): boolean {
  const { kind, name } = asObject(binding['roleRef']);
  const plural = kind === 'Role' ? 'roles' : 'clusterroles';
  return may(store, user, {
    verb: 'bind',
    plural,
    name: asString(name) ?? '',
    namespace: binding.metadata.namespace ?? '',
  });
}

function holds(store: Store, user: User, { namespace, rule }: { rule: JsonObject; namespace: string }): boolean {
  const texts = (key: string): string[] => asArray(rule[key]).map(String);
  const names = texts('resourceNames');
  return texts('verbs').every((verb) => {
    const path = texts('nonResourceURLs').every((url) =>
      isAllowed(store, user, { verb, group: '', resource: '', subresource: '', namespace: '', name: '', path: url }),
    );
    const resources = texts('apiGroups').every((group) =>
      texts('resources').every((full) => {
        const [resource = '', subresource = ''] = full.split('/');
        return (names.length === 0 ? [''] : names).every((name) =>
          isAllowed(store, user, { verb, group, resource, subresource, namespace, name, path: '' }),
        );
      }),
    );
    return path && resources;
  });
}

const RULE_FIELDS = {
  APIGroups: 'apiGroups',
  Resources: 'resources',
  ResourceNames: 'resourceNames',
  NonResourceURLs: 'nonResourceURLs',
  Verbs: 'verbs',
};

function ruleText(rule: JsonObject): string {
  const parts = Object.entries(RULE_FIELDS)
    .filter(([, key]) => asArray(rule[key]).length > 0)
    .map(
      ([label, key]) =>
        `${label}:[${asArray(rule[key])
          .map((each) => JSON.stringify(each))
          .join(' ')}]`,
    );
  return `{${parts.join(', ')}}`;
}
