import type { KubeObject, OwnerReference } from '../api-types.js';
import { groupOf, versionOf } from '../api-types.js';
import type { Cluster } from '../cluster.js';
import { collectionOf, type ResourceDefinition } from '../resources/definition.js';
import { deleteObject } from '../rest/delete.js';
import type { ObjectRef, StoredChange } from '../store/store.js';

const FOREGROUND = 'foregroundDeletion';
const ORPHAN = 'orphan';

interface Dependent {
  readonly ref: ObjectRef;
  readonly definition: ResourceDefinition;
}

/**
 * The garbage collector: deletes what its owners left behind, at once or before its owner (foreground), or cuts the reference (orphan).
 * Works a turn of the event loop after the write that caused it, so clients see the steps one by one.
 */
export class GarbageCollector {
  /** Who names an owner, by the owner's uid. */
  private readonly dependents = new Map<string, Map<string, Dependent>>();
  private readonly owners = new Map<string, readonly string[]>();
  private readonly stopListening: () => void;
  private stopped = false;

  constructor(private readonly cluster: Cluster) {
    for (const collection of cluster.store.names()) {
      for (const object of cluster.store.collection(collection).objects.values()) this.index(collection, object);
    }
    this.stopListening = cluster.store.subscribe((change) => this.onChange(change));
  }

  stop(): void {
    this.stopped = true;
    this.stopListening();
  }

  private onChange({ collection, key, object, type }: StoredChange): void {
    const uid = object.metadata.uid ?? '';
    if (type === 'DELETED') {
      this.forget(`${collection}/${key}`);
      if (this.dependents.has(uid)) this.later(() => this.release(uid));
      for (const owner of object.metadata.ownerReferences ?? []) this.later(() => this.finishForeground(owner.uid));
      return;
    }
    this.index(collection, object);
    const finalizers = object.metadata.finalizers ?? [];
    if (object.metadata.deletionTimestamp !== undefined) {
      if (finalizers.includes(ORPHAN)) this.later(() => this.orphan(collection, object));
      else if (finalizers.includes(FOREGROUND)) this.later(() => this.release(uid));
    }
    if ((object.metadata.ownerReferences ?? []).length > 0) this.later(() => this.check(collection, object.metadata));
  }

  private later(work: () => void): void {
    setImmediate(() => {
      if (!this.stopped) work();
    });
  }

  private index(collection: string, object: KubeObject): void {
    const { name, namespace = '', ownerReferences = [] } = object.metadata;
    const definition = this.cluster.registry.ofCollection(collection);
    const id = `${collection}/${namespace === '' ? name : `${namespace}/${name}`}`;
    this.forget(id);
    if (definition === undefined || ownerReferences.length === 0) return;
    const uids = ownerReferences.map((owner) => owner.uid);
    this.owners.set(id, uids);
    for (const uid of uids) {
      const known = this.dependents.get(uid) ?? new Map<string, Dependent>();
      this.dependents.set(uid, known.set(id, { ref: { collection, namespace, name }, definition }));
    }
  }

  private forget(id: string): void {
    for (const uid of this.owners.get(id) ?? []) {
      const known = this.dependents.get(uid);
      known?.delete(id);
      if (known?.size === 0) this.dependents.delete(uid);
    }
    this.owners.delete(id);
  }

  /** A copy: what is done to the dependents changes the index. */
  private dependentsOf(uid: string): Dependent[] {
    return Array.from(this.dependents.get(uid)?.values() ?? []);
  }

  /** Looks again at everything that names this owner, which is gone or going. */
  private release(uid: string): void {
    for (const { ref } of this.dependentsOf(uid)) this.check(ref.collection, ref);
    this.finishForeground(uid);
  }

  /** Deletes an object all of whose owners are gone; with some left it only loses the references to the others. */
  private check(collection: string, { name, namespace = '' }: { name: string; namespace?: string }): void {
    const ref: ObjectRef = { collection, namespace, name };
    const object = this.cluster.store.get(ref);
    const definition = this.cluster.registry.ofCollection(collection);
    if (object === undefined || definition === undefined) return;
    const references = object.metadata.ownerReferences ?? [];
    const states = references.map((reference) => this.stateOf(reference, namespace));
    if (references.length === 0 || states.every((state) => state === 'present')) return;
    if (states.some((state) => state === 'present' || state === 'unknown')) {
      const kept = references.filter((_, i) => states[i] !== 'absent' && states[i] !== 'waiting');
      if (kept.length < references.length) this.setOwners(ref, object, kept);
      return;
    }
    if (object.metadata.deletionTimestamp !== undefined) return;
    const foreground = states.includes('waiting') && this.dependents.has(object.metadata.uid ?? '');
    deleteObject(this.cluster, definition, {
      namespace,
      name,
      dryRun: false,
      propagation: foreground ? 'Foreground' : 'Background',
    });
  }

  private setOwners(ref: ObjectRef, object: KubeObject, owners: OwnerReference[]): void {
    const { ownerReferences: _old, ...metadata } = object.metadata;
    const next = { ...metadata, ...(owners.length === 0 ? {} : { ownerReferences: owners }) };
    this.cluster.store.put(ref, { ...object, metadata: next });
  }

  /** `waiting`: the owner is being deleted in the foreground. `unknown`: its kind is not served, so nothing is concluded. */
  private stateOf(
    { apiVersion, kind, name, uid }: OwnerReference,
    namespace: string,
  ): 'present' | 'absent' | 'waiting' | 'unknown' {
    const definition = this.cluster.registry.findKind(groupOf(apiVersion), versionOf(apiVersion), kind);
    if (definition === undefined) return 'unknown';
    const ref = { collection: collectionOf(definition), namespace: definition.namespaced ? namespace : '', name };
    const owner = this.cluster.store.get(ref);
    if (owner === undefined || owner.metadata.uid !== uid) return 'absent';
    const waiting =
      owner.metadata.deletionTimestamp !== undefined && owner.metadata.finalizers?.includes(FOREGROUND) === true;
    return waiting ? 'waiting' : 'present';
  }

  /** Lets an owner go whose blocking dependents are all gone. */
  private finishForeground(uid: string): void {
    const blocked = this.dependentsOf(uid).some(({ ref }) => {
      const dependent = this.cluster.store.get(ref);
      return (
        dependent?.metadata.ownerReferences?.some((each) => each.uid === uid && each.blockOwnerDeletion === true) ===
        true
      );
    });
    const owner = blocked ? undefined : this.findByUid(uid);
    if (owner !== undefined) this.dropFinalizer(owner, FOREGROUND);
  }

  private findByUid(uid: string): { collection: string; object: KubeObject } | undefined {
    for (const collection of this.cluster.store.names()) {
      for (const object of this.cluster.store.collection(collection).objects.values()) {
        const waiting = object.metadata.uid === uid && object.metadata.deletionTimestamp !== undefined;
        if (waiting) return { collection, object };
      }
    }
    return undefined;
  }

  private orphan(collection: string, owner: KubeObject): void {
    const uid = owner.metadata.uid ?? '';
    for (const { ref } of this.dependentsOf(uid)) {
      const object = this.cluster.store.get(ref);
      if (object === undefined) continue;
      this.setOwners(
        ref,
        object,
        (object.metadata.ownerReferences ?? []).filter((each) => each.uid !== uid),
      );
    }
    this.dropFinalizer({ collection, object: owner }, ORPHAN);
  }

  private dropFinalizer({ collection, object }: { collection: string; object: KubeObject }, finalizer: string): void {
    const ref: ObjectRef = { collection, namespace: object.metadata.namespace ?? '', name: object.metadata.name };
    const current = this.cluster.store.get(ref);
    if (current?.metadata.finalizers?.includes(finalizer) !== true) return;
    const { finalizers = [], ...metadata } = current.metadata;
    const left = finalizers.filter((each) => each !== finalizer);
    if (left.length === 0) this.cluster.store.delete(ref);
    else this.cluster.store.put(ref, { ...current, metadata: { ...metadata, finalizers: left } });
  }
}
