import { badRequest, conflict, type FieldError, invalid, modified, notFound } from '../api-error.js';
import type { KubeObject } from '../api-types.js';
import type { Cluster } from '../cluster.js';
import { trackUpdate } from '../apply/track.js';
import { GoSyntax } from '../go-syntax.js';
import { clone, deepEqual } from '../json.js';
import {
  apiVersionOf,
  collectionOf,
  kindName,
  type ResourceDefinition,
  resourceName,
} from '../resources/definition.js';
import type { ObjectRef } from '../store/store.js';
import { throwInvalid, validateObject, type WriteOptions } from './create.js';

export interface UpdateOptions extends WriteOptions {
  readonly name: string;
  /** False when server-side apply has set managedFields itself. */
  readonly tracked?: boolean;
  /** A patch: it may leave out the resourceVersion, and a foreign uid in it is invalid instead of a conflict. */
  readonly patching?: boolean;
}

/**
 * Replaces an object by what `change` makes of the stored one. `change` gets a copy and returns a decoded object that may be altered.
 *
 * @returns the stored object; the same as before when nothing changed.
 */
export function updateObject(
  cluster: Cluster,
  definition: ResourceDefinition,
  { change, ...options }: UpdateOptions & { readonly change: (current: KubeObject) => KubeObject },
): KubeObject {
  const ref: ObjectRef = { collection: collectionOf(definition), namespace: options.namespace, name: options.name };
  const stored = cluster.store.get(ref);
  if (stored === undefined) throw notFound(resourceName(definition), options.name);
  const old = inVersion(definition, stored);
  const next = change(clone(old));
  checkIdentity(definition, { next, old, patching: options.patching === true });
  keepSystemFields(next, old);
  if (options.subresource !== '') takeOnlyStatus(definition, next, old);
  else keepStatus(definition, next, old);
  definition.prepareUpdate?.(next, old);
  if (options.subresource === '') bumpGeneration(definition, { next, old });
  throwInvalid(definition, next, [
    ...immutableMetadata(next, old),
    ...validateObject(definition, next),
    ...(definition.validateUpdate?.(next, old) ?? []),
  ]);
  options.admit?.(next);
  if (options.tracked !== false) {
    trackUpdate(cluster, definition, { next, old, manager: options.manager });
  }
  if (deepEqual(next, old)) return old;
  if (options.dryRun) return next;
  const done = next.metadata.deletionTimestamp !== undefined && (next.metadata.finalizers ?? []).length === 0;
  if (done && !holdsNamespace(next)) {
    cluster.store.delete(ref, next);
    return next;
  }
  return cluster.store.put(ref, next);
}

/** A namespace is held by `spec.finalizers`, which its own controller empties. */
function holdsNamespace(object: KubeObject): boolean {
  const spec = object['spec'] as { finalizers?: unknown[] } | undefined;
  return object.kind === 'Namespace' && object.apiVersion === 'v1' && (spec?.finalizers ?? []).length > 0;
}

/** The object as a version of its resource shows it: with one storage format, only the apiVersion differs. */
export function inVersion(definition: ResourceDefinition, object: KubeObject): KubeObject {
  const apiVersion = apiVersionOf(definition);
  return object.apiVersion === apiVersion ? object : { ...object, apiVersion };
}

function checkIdentity(
  definition: ResourceDefinition,
  { next, old, patching }: { next: KubeObject; old: KubeObject; patching: boolean },
): void {
  const { metadata } = next;
  const name = old.metadata.name;
  if (metadata.name !== name) {
    throw badRequest(
      metadata.name === ''
        ? `the name of the object (${name} based on URL) was undeterminable: name must be provided`
        : `the name of the object (${metadata.name}) does not match the name on the URL (${name})`,
    );
  }
  if (metadata.namespace !== undefined && metadata.namespace !== old.metadata.namespace) {
    throw badRequest(
      `the namespace of the object (${metadata.namespace}) does not match the namespace on the request (${String(old.metadata.namespace)})`,
    );
  }
  if (metadata.uid !== undefined && metadata.uid !== old.metadata.uid) {
    if (patching) {
      throw invalid(kindName(definition), name, [
        { type: 'FieldValueInvalid', field: 'metadata.uid', value: metadata.uid, detail: 'field is immutable' },
      ]);
    }
    throw conflict(
      resourceName(definition),
      name,
      `StorageError: invalid object, Code: 4, Key: ${storageKey(definition, old)}, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: ${metadata.uid}, UID in object meta: ${String(old.metadata.uid)}`,
    );
  }
  const version = metadata.resourceVersion;
  if ((version === undefined || version === '0') && needsRevision(definition)) {
    throw invalid(resourceName(definition), name, [
      {
        type: 'FieldValueInvalid',
        field: 'metadata.resourceVersion',
        value: new GoSyntax('0x0'),
        detail: 'must be specified for an update',
      },
    ]);
  }
  if (version !== undefined && version !== '0' && version !== old.metadata.resourceVersion) {
    throw modified(resourceName(definition), name);
  }
}

/** Kinds that refuse an update which does not say what it updates. */
function needsRevision({ custom, plural }: ResourceDefinition): boolean {
  return custom || plural === 'customresourcedefinitions' || plural === 'leases' || plural === 'poddisruptionbudgets';
}

function storageKey({ group, plural, custom }: ResourceDefinition, { metadata }: KubeObject): string {
  const parts = [custom ? `${group}/${plural}` : plural, metadata.namespace, metadata.name];
  return `/registry/${parts.filter((part) => part !== undefined).join('/')}`;
}

const SYSTEM_FIELDS = [
  'namespace',
  'uid',
  'resourceVersion',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
  'generation',
  'generateName',
] as const;

function keepSystemFields(next: KubeObject, old: KubeObject): void {
  for (const field of SYSTEM_FIELDS) {
    if (old.metadata[field] === undefined) delete next.metadata[field];
    else Object.assign(next.metadata, { [field]: old.metadata[field] });
  }
}

/**
 * A write to the status subresource takes the status. Of the metadata, custom resources take nothing and Deployments no labels; the
 * other kinds take what any write may change.
 */
function takeOnlyStatus(definition: ResourceDefinition, next: KubeObject, old: KubeObject): void {
  const { metadata, status } = next;
  for (const key of Object.keys(next)) delete next[key];
  const { managedFields } = metadata;
  const { labels } = old.metadata;
  const kept = definition.custom
    ? { ...clone(old.metadata), ...(managedFields === undefined ? {} : { managedFields }) }
    : { ...metadata, ...(definition.plural === 'deployments' && labels !== undefined ? { labels } : {}) };
  if (definition.plural === 'deployments' && labels === undefined) delete kept.labels;
  Object.assign(next, clone(old), { metadata: kept });
  if (status === undefined) delete next['status'];
  else next['status'] = status;
}

function keepStatus(definition: ResourceDefinition, next: KubeObject, old: KubeObject): void {
  if (!definition.subresources.includes('status')) return;
  if (old['status'] === undefined) delete next['status'];
  else next['status'] = clone(old['status']);
}

function bumpGeneration(definition: ResourceDefinition, { next, old }: { next: KubeObject; old: KubeObject }): void {
  if (!definition.hasGeneration) return;
  const { metadata: _a, status: _b, ...before } = old;
  const { metadata: _c, status: _d, ...after } = next;
  const same = definition.subresources.includes('status')
    ? deepEqual(before, after)
    : deepEqual({ ...before, status: old['status'] }, { ...after, status: next['status'] });
  // A Deployment hands its annotations down to its ReplicaSets, so they count as well.
  const annotated =
    definition.plural === 'deployments' && !deepEqual(next.metadata.annotations, old.metadata.annotations);
  next.metadata.generation = (old.metadata.generation ?? 1) + (same && !annotated ? 0 : 1);
}

function immutableMetadata(next: KubeObject, old: KubeObject): FieldError[] {
  if (old.metadata.deletionTimestamp === undefined) return [];
  const had = new Set(old.metadata.finalizers);
  const added = (next.metadata.finalizers ?? []).filter((each) => !had.has(each));
  if (added.length === 0) return [];
  const list = `[${added.map((each) => JSON.stringify(each)).join(', ')}]`;
  return [
    {
      type: 'FieldValueForbidden',
      field: 'metadata.finalizers',
      detail: `no new finalizers can be added if the object is being deleted, found new finalizers []string{${list.slice(1, -1)}}`,
    },
  ];
}
