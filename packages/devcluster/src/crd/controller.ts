import type { KubeObject } from '../api-types.js';
import { type Cluster, timestamp } from '../cluster.js';
import { asObject, asString } from '../json.js';
import type { StoredChange } from '../store/store.js';
import { definitionsOf } from './definition.js';

const COLLECTION = 'apiextensions.k8s.io/customresourcedefinitions';
const CLEANUP_FINALIZER = 'customresourcecleanup.apiextensions.k8s.io';

/**
 * Serves what CustomResourceDefinitions define: keeps the registry in step, reports the conditions, and when a definition goes
 * removes its objects and ends their watches. @returns what stops it.
 */
export function runDefinitions(cluster: Cluster): () => void {
  for (const crd of cluster.store.collection(COLLECTION).objects.values()) register(cluster, crd);
  return cluster.store.subscribe((change) => {
    if (change.collection === COLLECTION) onChange(cluster, change);
  });
}

function onChange(cluster: Cluster, { type, object }: StoredChange): void {
  if (type === 'DELETED') {
    unregister(cluster, object);
    return;
  }
  register(cluster, object);
  const deleting = object.metadata.deletionTimestamp !== undefined;
  // After this write is answered: a client that creates a definition sees it without conditions first, as on a real server.
  setImmediate(() => (deleting ? cleanUp(cluster, object) : establish(cluster, object.metadata.name)));
}

function namesOf(crd: KubeObject): { group: string; plural: string } {
  const spec = asObject(crd['spec']);
  return { group: asString(spec['group']) ?? '', plural: asString(asObject(spec['names'])['plural']) ?? '' };
}

function register(cluster: Cluster, crd: KubeObject): void {
  const { group, plural } = namesOf(crd);
  cluster.registry.replace(group, plural, definitionsOf(crd));
}

function unregister(cluster: Cluster, crd: KubeObject): void {
  const { group, plural } = namesOf(crd);
  cluster.registry.replace(group, plural, []);
  for (const watch of cluster.watches) if (watch.collection === `${group}/${plural}`) watch.end();
}

function establish(cluster: Cluster, name: string): void {
  const ref = { collection: COLLECTION, namespace: '', name };
  const crd = cluster.store.get(ref);
  if (crd === undefined || crd.metadata.deletionTimestamp !== undefined) return;
  const spec = asObject(crd['spec']);
  const status = asObject(crd['status']);
  const acceptedNames = spec['names'];
  const done = Array.isArray(status['conditions']) && status['conditions'].length > 0;
  if (done && JSON.stringify(status['acceptedNames']) === JSON.stringify(acceptedNames)) return;
  const lastTransitionTime = timestamp(cluster.now());
  const conditions = [
    { lastTransitionTime, message: 'no conflicts found', reason: 'NoConflicts', status: 'True', type: 'NamesAccepted' },
    {
      lastTransitionTime,
      message: 'the initial names have been accepted',
      reason: 'InitialNamesAccepted',
      status: 'True',
      type: 'Established',
    },
  ];
  cluster.store.put(ref, {
    ...crd,
    status: { ...status, acceptedNames, conditions: done ? status['conditions'] : conditions },
  });
}

function cleanUp(cluster: Cluster, crd: KubeObject): void {
  const { group, plural } = namesOf(crd);
  const collection = cluster.store.collection(`${group}/${plural}`);
  for (const key of collection.keysFrom('')) {
    const object = collection.objects.get(key);
    if (object === undefined) continue;
    const ref = {
      collection: `${group}/${plural}`,
      namespace: object.metadata.namespace ?? '',
      name: object.metadata.name,
    };
    if ((object.metadata.finalizers ?? []).length === 0) cluster.store.delete(ref);
    else if (object.metadata.deletionTimestamp === undefined) {
      const metadata = {
        ...object.metadata,
        deletionTimestamp: timestamp(cluster.now()),
        deletionGracePeriodSeconds: 0,
      };
      cluster.store.put(ref, { ...object, metadata });
    }
  }
  const ref = { collection: COLLECTION, namespace: '', name: crd.metadata.name };
  const current = cluster.store.get(ref);
  if (current === undefined || collection.objects.size > 0) return;
  const finalizers = (current.metadata.finalizers ?? []).filter((each) => each !== CLEANUP_FINALIZER);
  if (finalizers.length > 0) cluster.store.put(ref, { ...current, metadata: { ...current.metadata, finalizers } });
  else cluster.store.delete(ref);
}
