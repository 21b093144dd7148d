import { conflict, notFound } from '../api-error.js';
import type { KubeObject } from '../api-types.js';
import { type Cluster, timestamp } from '../cluster.js';
import { clone, isObject } from '../json.js';
import { collectionOf, type ResourceDefinition, resourceName } from '../resources/definition.js';

export interface DeleteOptions {
  readonly namespace: string;
  readonly name: string;
  readonly dryRun: boolean;
  readonly propagation: 'Background' | 'Foreground' | 'Orphan';
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string };
}

export interface Deletion {
  readonly object: KubeObject;
  /** False when finalizers still hold the object. */
  readonly gone: boolean;
}

/** Reads `DeleteOptions` from a body and the query. */
export function parseDeleteOptions(
  body: unknown,
  query: URLSearchParams,
): Pick<DeleteOptions, 'propagation' | 'preconditions'> {
  const options = isObject(body) ? body : {};
  const wanted = options['propagationPolicy'] ?? query.get('propagationPolicy');
  const orphan =
    options['orphanDependents'] ??
    (query.has('orphanDependents') ? query.get('orphanDependents') === 'true' : undefined);
  const propagation =
    wanted === 'Foreground' || wanted === 'Orphan' ? wanted : orphan === true ? 'Orphan' : 'Background';
  const { preconditions } = options;
  return {
    propagation,
    ...(isObject(preconditions) ? { preconditions } : {}),
  };
}

/**
 * Deletes an object: at once when nothing holds it, otherwise it is marked and goes with its last finalizer. Foreground and orphan
 * propagation are finalizers that the garbage collector takes away.
 */
export function deleteObject(cluster: Cluster, definition: ResourceDefinition, options: DeleteOptions): Deletion {
  const ref = { collection: collectionOf(definition), namespace: options.namespace, name: options.name };
  const old = cluster.store.get(ref);
  if (old === undefined) throw notFound(resourceName(definition), options.name);
  checkPreconditions(definition, old, options);
  const marked = mark(cluster, old, options.propagation);
  const held = (marked.metadata.finalizers ?? []).length > 0 || marked.kind === 'Namespace';
  if (options.dryRun) return { object: marked, gone: !held };
  if (!held) return { object: cluster.store.delete(ref) ?? old, gone: true };
  // A second delete of an object that is already going changes nothing.
  const same =
    old.metadata.deletionTimestamp !== undefined &&
    marked.metadata.finalizers?.length === old.metadata.finalizers?.length;
  return { object: same ? old : cluster.store.put(ref, marked), gone: false };
}

function checkPreconditions(
  definition: ResourceDefinition,
  old: KubeObject,
  { name, preconditions }: DeleteOptions,
): void {
  const { uid, resourceVersion } = preconditions ?? {};
  if (uid !== undefined && uid !== old.metadata.uid) {
    throw conflict(
      resourceName(definition),
      name,
      `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${String(old.metadata.uid)}`,
    );
  }
  if (resourceVersion !== undefined && resourceVersion !== old.metadata.resourceVersion) {
    throw conflict(
      resourceName(definition),
      name,
      `Precondition failed: ResourceVersion in precondition: ${resourceVersion}, ResourceVersion in object meta: ${String(old.metadata.resourceVersion)}`,
    );
  }
}

function mark(cluster: Cluster, old: KubeObject, propagation: DeleteOptions['propagation']): KubeObject {
  const next = clone(old);
  const finalizers = new Set(next.metadata.finalizers);
  if (old.metadata.deletionTimestamp === undefined) {
    next.metadata.deletionTimestamp = timestamp(cluster.now());
    next.metadata.deletionGracePeriodSeconds = 0;
    if (next.metadata.generation !== undefined) next.metadata.generation += 1;
  }
  if (propagation === 'Foreground') finalizers.add('foregroundDeletion');
  if (propagation === 'Orphan') finalizers.add('orphan');
  if (finalizers.size > 0) next.metadata.finalizers = [...finalizers];
  if (next.kind === 'Namespace' && next.apiVersion === 'v1')
    next['status'] = { ...(next['status'] as object), phase: 'Terminating' };
  return next;
}
