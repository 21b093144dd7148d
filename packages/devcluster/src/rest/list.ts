import { ApiError, badRequest, expired } from '../api-error.js';
import type { KubeObject } from '../api-types.js';
import { apiVersionOf, collectionOf } from '../resources/definition.js';
import type { Collection } from '../store/collection.js';
import type { ResourceRequest } from './context.js';
import { parseRevision, waitForRevision } from './revision.js';
import { selectorOf } from './selection.js';

export interface ObjectList {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { resourceVersion: string; continue?: string; remainingItemCount?: number };
  readonly items: KubeObject[];
}

interface Page {
  /** The revision the list is served as of. */
  readonly revision: number;
  readonly after: string | undefined;
  /** True for the continuation of an expired list: the newest state, from where it stopped. */
  readonly inconsistent: boolean;
}

/** Lists a resource in its namespace (or all), filtered, in key order, in pages when `limit` is set. */
export async function listObjects(request: ResourceRequest): Promise<ObjectList> {
  const { cluster, definition, info } = request;
  const collection = cluster.store.collection(collectionOf(definition));
  const page = await pageOf(request, collection);
  const matches = selectorOf(request);
  const limit = limitOf(info.query);
  const prefix = definition.namespaced && info.namespace !== '' ? `${info.namespace}/` : '';
  const { keys, read } = snapshot(collection, { prefix, page });
  const items: KubeObject[] = [];
  let at = 0;
  for (const key of keys) {
    if (limit > 0 && items.length >= limit) break;
    const object = read(key);
    if (object !== undefined && matches(object)) items.push(object);
    at += 1;
  }
  // The revision of an exact read stays the one of its first page.
  const metadata: ObjectList['metadata'] = { resourceVersion: String(page.revision) };
  const rest = keys.length - at;
  if (rest > 0) {
    metadata.continue = encodeToken({ revision: page.inconsistent ? -1 : page.revision, after: keys[at - 1] ?? '' });
    if (!info.query.has('labelSelector') && !info.query.has('fieldSelector')) metadata.remainingItemCount = rest;
  }
  return { apiVersion: apiVersionOf(definition), kind: definition.listKind, metadata, items };
}

function limitOf(query: URLSearchParams): number {
  const text = query.get('limit') ?? '0';
  const limit = Number(text);
  if (!Number.isInteger(limit)) {
    throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
  }
  return Math.max(0, limit);
}

async function pageOf(request: ResourceRequest, collection: Collection): Promise<Page> {
  const { cluster, info } = request;
  const token = info.query.get('continue') ?? '';
  if (token !== '') return continued(request, collection, token);
  const wanted = parseRevision(info.query.get('resourceVersion'));
  const match = info.query.get('resourceVersionMatch') ?? '';
  checkMatch(info.query, match);
  const paged = limitOf(info.query) > 0;
  // With a limit and no match the revision is exact, as before resourceVersionMatch existed.
  const exact = wanted !== undefined && wanted > 0 && (match === 'Exact' || (match === '' && paged));
  if (!exact) {
    if (wanted !== undefined && wanted > cluster.store.revision) await waitForRevision(cluster.store, wanted);
    return { revision: cluster.store.revision, after: undefined, inconsistent: false };
  }
  if (wanted < collection.forgottenTo) throw expired('The resourceVersion for the provided list is too old.');
  if (wanted > cluster.store.revision) {
    throw new ApiError(500, '', 'etcdserver: mvcc: required revision is a future revision');
  }
  return { revision: wanted, after: undefined, inconsistent: false };
}

function checkMatch(query: URLSearchParams, match: string): void {
  if (match === '') return;
  const version = query.get('resourceVersion') ?? '';
  if (version === '') throw badMatch('Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided');
  if (match !== 'Exact' && match !== 'NotOlderThan') {
    throw badMatch(`Unsupported value: ${JSON.stringify(match)}: supported values: "Exact", "NotOlderThan", ""`);
  }
  if (match === 'Exact' && version === '0') {
    throw badMatch('Forbidden: resourceVersionMatch "exact" is forbidden for resourceVersion "0"');
  }
}

/** 422 for a `resourceVersionMatch` that cannot be honoured. */
export function badMatch(message: string): ApiError {
  const reason = message.startsWith('Unsupported') ? 'FieldValueNotSupported' : 'FieldValueForbidden';
  return new ApiError(422, 'Invalid', `ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: ${message}`, {
    group: 'meta.k8s.io',
    kind: 'ListOptions',
    causes: [{ reason, message, field: 'resourceVersionMatch' }],
  });
}

function continued({ cluster, info }: ResourceRequest, collection: Collection, token: string): Page {
  const { revision, after } = decodeToken(token);
  const version = info.query.get('resourceVersion') ?? '';
  if (version !== '' && version !== '0')
    throw badRequest('specifying resource version is not allowed when using continue');
  if (revision === -1) return { revision: cluster.store.revision, after, inconsistent: true };
  if (revision < collection.forgottenTo) {
    const error = expired(
      'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.',
    );
    error.continueToken = encodeToken({ revision: -1, after });
    throw error;
  }
  return { revision, after, inconsistent: false };
}

function encodeToken(token: { revision: number; after: string }): string {
  return Buffer.from(JSON.stringify({ v: 'meta.k8s.io/v1', rv: token.revision, start: `${token.after}\0` })).toString(
    'base64url',
  );
}

function decodeToken(token: string): { revision: number; after: string } {
  try {
    const { rv, start } = JSON.parse(Buffer.from(token, 'base64url').toString('utf8')) as {
      rv: unknown;
      start: unknown;
    };
    if (typeof rv === 'number' && typeof start === 'string') return { revision: rv, after: start.replace(/\0$/, '') };
  } catch {
    // Falls through to the one answer for every unreadable token.
  }
  throw badRequest('invalid continue token: continue key is not valid');
}

/** The keys and objects of a collection as they were at the page's revision: newer changes are undone on the way out. */
function snapshot(
  collection: Collection,
  { prefix, page }: { prefix: string; page: Page },
): { keys: string[]; read: (key: string) => KubeObject | undefined } {
  const undone = new Map<string, KubeObject | undefined>();
  for (const change of collection.changesSince(page.revision) ?? []) {
    if (!undone.has(change.key)) undone.set(change.key, change.previous);
  }
  const keys = collection.keysFrom(prefix, page.after);
  if (undone.size === 0) return { keys, read: (key) => collection.objects.get(key) };
  const read = (key: string): KubeObject | undefined =>
    undone.has(key) ? undone.get(key) : collection.objects.get(key);
  const all = new Set(keys);
  for (const [key, object] of undone) {
    if (object === undefined) all.delete(key);
    else if (key.startsWith(prefix) && (page.after === undefined || key > page.after)) all.add(key);
  }
  return { keys: [...all].toSorted(), read };
}
