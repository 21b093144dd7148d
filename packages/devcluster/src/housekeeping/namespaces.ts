import type { KubeObject } from '../api-types.js';
import { type Cluster, timestamp } from '../cluster.js';
import { deleteObject } from '../rest/delete.js';
import { randomUUID } from 'node:crypto';
import { asArray, asObject } from '../json.js';

const COLLECTION = '/namespaces';
const FIRST_NAMESPACES = ['default', 'kube-node-lease', 'kube-public', 'kube-system'];

export function createFirstNamespaces(cluster: Cluster): void {
  for (const name of FIRST_NAMESPACES) {
    const ref = { collection: COLLECTION, namespace: '', name };
    if (cluster.store.get(ref) !== undefined) continue;
    const metadata = { name, uid: randomUUID(), creationTimestamp: timestamp(cluster.now()) };
    cluster.store.put(ref, {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata,
      spec: { finalizers: ['kubernetes'] },
      status: { phase: 'Active' },
    });
  }
}

/** Empties namespaces that are being deleted, then lets them go. @returns what stops it. */
export function runNamespaceDeletion(cluster: Cluster): () => void {
  const dying = new Set<string>();
  const settle = (name: string): void => setImmediateUnlessStopped(() => empty(cluster, name) && dying.delete(name));
  let stopped = false;
  const setImmediateUnlessStopped = (work: () => unknown): void => {
    setImmediate(() => {
      if (!stopped) work();
    });
  };
  for (const { metadata } of cluster.store.collection(COLLECTION).objects.values()) {
    if (metadata.deletionTimestamp !== undefined) settle(metadata.name);
  }
  const unsubscribe = cluster.store.subscribe(({ collection, object, type }) => {
    if (collection === COLLECTION) {
      if (type === 'DELETED' || object.metadata.deletionTimestamp === undefined) return;
      dying.add(object.metadata.name);
      settle(object.metadata.name);
    } else if (type === 'DELETED' && dying.has(object.metadata.namespace ?? ''))
      settle(object.metadata.namespace ?? '');
  });
  return () => {
    stopped = true;
    unsubscribe();
  };
}

/** @returns true when the namespace is gone. */
function empty(cluster: Cluster, name: string): boolean {
  const ref = { collection: COLLECTION, namespace: '', name };
  const namespace = cluster.store.get(ref);
  if (namespace === undefined) return true;
  if (namespace.metadata.deletionTimestamp === undefined) return false;
  if (deleteContents(cluster, name) > 0) return false;
  const left = remaining(namespace);
  if (left.length > 0 || (namespace.metadata.finalizers ?? []).length > 0) {
    if (asArray(asObject(namespace['spec'])['finalizers']).includes('kubernetes')) {
      cluster.store.put(ref, { ...namespace, spec: { ...asObject(namespace['spec']), finalizers: left } });
    }
    return false;
  }
  cluster.store.delete(ref);
  return true;
}

function remaining(namespace: KubeObject): unknown[] {
  return asArray(asObject(namespace['spec'])['finalizers']).filter((each) => each !== 'kubernetes');
}

/** @returns how many objects finalizers still hold. */
function deleteContents(cluster: Cluster, name: string): number {
  let held = 0;
  for (const collectionName of cluster.store.names()) {
    const definition = cluster.registry.ofCollection(collectionName);
    if (definition?.namespaced !== true) continue;
    for (const key of cluster.store.collection(collectionName).keysFrom(`${name}/`)) {
      const object = cluster.store.collection(collectionName).objects.get(key);
      if (object === undefined) continue;
      const { gone } = deleteObject(cluster, definition, {
        namespace: name,
        name: object.metadata.name,
        dryRun: false,
        propagation: 'Background',
      });
      if (!gone) held += 1;
    }
  }
  return held;
}
