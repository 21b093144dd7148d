import { badRequest, conflict, type FieldError, modified, notFound } from '../api-error.js';
import type { KubeObject } from '../api-types.js';
import type { Cluster } from '../cluster.js';
import { trackUpdate } from '../apply/track.js';
import { clone, deepEqual } from '../json.js';
import { apiVersionOf, collectionOf, type ResourceDefinition, resourceName } from '../resources/definition.js';
import type { ObjectRef } from '../store/store.js';
import { throwInvalid, validateObject, type WriteOptions } from './create.js';

export interface UpdateOptions extends WriteOptions {
  readonly name: string;
  /** False when server-side apply has set managedFields itself. */
  readonly tracked?: boolean;
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
  checkIdentity(definition, { next, old });
  keepSystemFields(next, old);
  if (options.subresource !== '') takeOnlyStatus(next, old);
  else keepStatus(definition, next, old);
  definition.prepareUpdate?.(next, old);
  bumpGeneration(definition, { next, old });
  throwInvalid(definition, next, [
    ...immutableMetadata(next, old),
    ...validateObject(definition, next),
    ...(definition.validateUpdate?.(next, old) ?? []),
  ]);
  if (options.tracked !== false) {
    trackUpdate(cluster, definition, { next, old, manager: options.manager, subresource: options.subresource });
  }
  if (deepEqual(next, old)) return old;
  if (options.dryRun) return next;
  const done = next.metadata.deletionTimestamp !== undefined && (next.metadata.finalizers ?? []).length === 0;
  if (done && !holdsNamespace(next)) return cluster.store.delete(ref, next) ?? next;
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

function checkIdentity(definition: ResourceDefinition, { next, old }: { next: KubeObject; old: KubeObject }): void {
  const { metadata } = next;
  const name = old.metadata.name;
  if (metadata.name !== name) {
    if (metadata.name !== '') {
      throw badRequest(`the name of the object (${metadata.name}) does not match the name on the URL (${name})`);
    }
    metadata.name = name;
  }
  if (metadata.namespace !== undefined && metadata.namespace !== old.metadata.namespace) {
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
  }
  if (metadata.uid !== undefined && metadata.uid !== old.metadata.uid) {
    throw conflict(
      resourceName(definition),
      name,
      `Precondition failed: UID in precondition: ${metadata.uid}, UID in object meta: ${String(old.metadata.uid)}`,
    );
  }
  const version = metadata.resourceVersion;
  if (version !== undefined && version !== '0' && version !== old.metadata.resourceVersion) {
    throw modified(resourceName(definition), name);
  }
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

/** A write to the status subresource takes status alone, and from the metadata what controllers may set there. */
function takeOnlyStatus(next: KubeObject, old: KubeObject): void {
  const { status } = next;
  const { managedFields } = next.metadata;
  for (const key of Object.keys(next)) delete next[key];
  Object.assign(next, clone(old));
  if (managedFields !== undefined) next.metadata.managedFields = managedFields;
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
  next.metadata.generation = (old.metadata.generation ?? 1) + (same ? 0 : 1);
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
