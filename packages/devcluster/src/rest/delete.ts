import { ApiError, conflict, notFound } from '../api-error.js';
import type { KubeObject } from '../api-types.js';
import { type Cluster, timestamp } from '../cluster.js';
import { asArray, asObject, clone, deepEqual, isObject } from '../json.js';
import { collectionOf, kindName, type ResourceDefinition, resourceName } from '../resources/definition.js';

const POLICIES: readonly unknown[] = ['Foreground', 'Background', 'Orphan'];

export interface DeleteOptions {
  /** For pods on a node: how long the node may take; 0 removes at once. The pod's own period by default. */
  readonly graceSeconds?: number;
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

function badOption(field: string, message: string): ApiError {
  const words = `Unsupported value: ${message}`;
  return new ApiError(422, 'Invalid', `DeleteOptions.meta.k8s.io "" is invalid: ${field}: ${words}`, {
    group: 'meta.k8s.io',
    kind: 'DeleteOptions',
    causes: [{ reason: 'FieldValueNotSupported', message: words, field }],
  });
}

/** Reads `DeleteOptions` from a body and the query. @throws ApiError 422 for values it does not know. */
export function parseDeleteOptions(body: unknown, query: URLSearchParams): Omit<DeleteOptions, 'namespace' | 'name'> {
  const options = isObject(body) ? body : {};
  const wanted = options['propagationPolicy'] ?? query.get('propagationPolicy');
  if (wanted !== undefined && wanted !== null && !POLICIES.includes(wanted)) {
    const list = '"Foreground", "Background", "Orphan", "nil"';
    throw badOption('propagationPolicy', `${JSON.stringify(wanted)}: supported values: ${list}`);
  }
  const dryRun = asArray(options['dryRun']);
  const grace = options['gracePeriodSeconds'] ?? query.get('gracePeriodSeconds') ?? undefined;
  const orphan =
    options['orphanDependents'] ??
    (query.has('orphanDependents') ? query.get('orphanDependents') === 'true' : undefined);
  const propagation =
    wanted === 'Foreground' || wanted === 'Orphan' ? wanted : orphan === true ? 'Orphan' : 'Background';
  const { preconditions } = options;
  return {
    propagation,
    ...(grace === undefined ? {} : { graceSeconds: Number(grace) }),
    dryRun: dryRun.includes('All') || query.get('dryRun') === 'All',
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
  if (collectionOf(definition) === '/namespaces' && PROTECTED.includes(options.name))
    throw protectedNamespace(options.name);
  const graceSeconds = graceOf(old, options);
  const marked = mark(cluster, old, { ...options, graceSeconds });
  const held =
    (marked.metadata.finalizers ?? []).length > 0 || collectionOf(definition) === '/namespaces' || graceSeconds > 0;
  if (options.dryRun) return { object: marked, gone: !held };
  if (!held) return { object: cluster.store.delete(ref) ?? old, gone: true };
  // A second delete of an object that is already going changes nothing.
  return { object: deepEqual(marked, old) ? old : cluster.store.put(ref, marked), gone: false };
}

const PROTECTED = ['default', 'kube-public', 'kube-system'];

function protectedNamespace(name: string): ApiError {
  return new ApiError(
    403,
    'Forbidden',
    `namespaces ${JSON.stringify(name)} is forbidden: this namespace may not be deleted`,
    {
      name,
      kind: 'namespaces',
    },
  );
}

/** A pod on a node goes when its node says so, or with a period of zero; everything else at once. */
function graceOf(old: KubeObject, { graceSeconds }: DeleteOptions): number {
  if (old.kind !== 'Pod' || old.apiVersion !== 'v1') return 0;
  const spec = asObject(old['spec']);
  const { phase } = asObject(old['status']);
  if (spec['nodeName'] === undefined || phase === 'Succeeded' || phase === 'Failed') return 0;
  const own = spec['terminationGracePeriodSeconds'];
  return graceSeconds ?? (typeof own === 'number' ? own : 30);
}

function checkPreconditions(
  definition: ResourceDefinition,
  old: KubeObject,
  { name, preconditions }: DeleteOptions,
): void {
  const { uid, resourceVersion } = preconditions ?? {};
  if (uid !== undefined && uid !== old.metadata.uid) {
    throw conflict(
      kindName(definition),
      name,
      `the UID in the precondition (${uid}) does not match the UID in record (${String(old.metadata.uid)}). The object might have been deleted and then recreated`,
    );
  }
  if (resourceVersion !== undefined && resourceVersion !== old.metadata.resourceVersion) {
    throw conflict(
      kindName(definition),
      name,
      `the ResourceVersion in the precondition (${resourceVersion}) does not match the ResourceVersion in record (${String(old.metadata.resourceVersion)}). The object might have been modified`,
    );
  }
}

function mark(
  cluster: Cluster,
  old: KubeObject,
  { graceSeconds, propagation }: { graceSeconds: number; propagation: DeleteOptions['propagation'] },
): KubeObject {
  const next = clone(old);
  const isNamespace = next.kind === 'Namespace' && next.apiVersion === 'v1';
  const finalizers = new Set(next.metadata.finalizers);
  if (old.metadata.deletionTimestamp === undefined) {
    next.metadata.deletionTimestamp = timestamp(new Date(cluster.now().getTime() + graceSeconds * 1000));
    if (!isNamespace) next.metadata.deletionGracePeriodSeconds = graceSeconds;
    if (next.metadata.generation !== undefined) next.metadata.generation += 1;
  } else if (graceSeconds < (old.metadata.deletionGracePeriodSeconds ?? 0)) {
    next.metadata.deletionGracePeriodSeconds = graceSeconds;
  }
  if (propagation === 'Foreground') finalizers.add('foregroundDeletion');
  if (propagation === 'Orphan') finalizers.add('orphan');
  if (finalizers.size > 0) next.metadata.finalizers = [...finalizers];
  if (isNamespace) next['status'] = { ...asObject(next['status']), phase: 'Terminating' };
  return next;
}
