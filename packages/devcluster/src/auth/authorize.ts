import type { IncomingHttpHeaders } from 'node:http';
import { ApiError } from '../api-error.js';
import type { RequestInfo } from '../http/request-info.js';
import type { User } from '../rest/context.js';
import { parseFieldSelector } from '../selectors/field-selector.js';
import type { Store } from '../store/store.js';
import { type Attributes, isAllowed } from './rbac.js';

/** @throws ApiError 403 in the words of the API server. */
export function authorize(store: Store, user: User, info: RequestInfo): void {
  const attributes = requestAttributes(info);
  if (!isAllowed(store, user, attributes)) throw forbidden(user, attributes);
}

function requestAttributes(info: RequestInfo): Attributes {
  const { group, namespace, path, resource, subresource, verb } = info;
  if (!info.isResource) return { verb, group: '', resource: '', subresource: '', namespace: '', name: '', path };
  return {
    verb,
    group,
    resource,
    subresource,
    namespace,
    name: info.name === '' ? selectedName(info) : info.name,
    path,
  };
}

/** A list or watch of one object by field selector counts as naming it, so that `resourceNames` can allow it. */
function selectedName({ query }: RequestInfo): string {
  const selector = query.get('fieldSelector');
  if (selector === null) return '';
  try {
    return parseFieldSelector(selector).find(({ equal, field }) => equal && field === 'metadata.name')?.value ?? '';
  } catch {
    return '';
  }
}

function forbidden(user: User, { group, name, namespace, path, resource, subresource, verb }: Attributes): ApiError {
  const who = `User ${JSON.stringify(user.name)} cannot ${verb}`;
  if (resource === '') return new ApiError(403, 'Forbidden', `forbidden: ${who} path ${JSON.stringify(path)}`, {});
  const full = subresource === '' ? resource : `${resource}/${subresource}`;
  const scope = namespace === '' ? 'at the cluster scope' : `in the namespace ${JSON.stringify(namespace)}`;
  const subject = `${resource}${group === '' ? '' : `.${group}`}${name === '' ? '' : ` ${JSON.stringify(name)}`}`;
  const message = `${subject} is forbidden: ${who} resource ${JSON.stringify(full)} in API group ${JSON.stringify(group)} ${scope}`;
  const details = { ...(name === '' ? {} : { name }), ...(group === '' ? {} : { group }), kind: resource };
  return new ApiError(403, 'Forbidden', message, details);
}

/**
 * Acts as another user when `Impersonate-User` says so.
 *
 * @throws ApiError 403 when the user may not impersonate that user or one of those groups.
 */
export function impersonate(store: Store, user: User, headers: IncomingHttpHeaders): User {
  const name = headers['impersonate-user'];
  if (typeof name !== 'string' || name === '') return user;
  const groups = groupsOf(headers);
  const account = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(name);
  const asked =
    account === null
      ? { resource: 'users', name, namespace: '' }
      : { resource: 'serviceaccounts', name: account[2] ?? '', namespace: account[1] ?? '' };
  for (const target of [asked, ...groups.map((group) => ({ resource: 'groups', name: group, namespace: '' }))]) {
    const attributes = { verb: 'impersonate', group: '', subresource: '', path: '', ...target };
    if (!isAllowed(store, user, attributes)) throw forbidden(user, attributes);
  }
  const implied = account === null ? [] : serviceAccountGroups(account[1] ?? '');
  return { name, groups: [...new Set([...(groups.length === 0 ? implied : groups), 'system:authenticated'])] };
}

function groupsOf(headers: IncomingHttpHeaders): string[] {
  const value = headers['impersonate-group'];
  // Node joins repeated headers by commas; a group's name may hold none then.
  return (Array.isArray(value) ? value : (value ?? '').split(','))
    .map((each) => each.trim())
    .filter((each) => each !== '');
}

export function serviceAccountGroups(namespace: string): string[] {
  return ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated'];
}
