import type { KubeObject } from '../api-types.js';
import { type Change, type ChangeType, Collection } from './collection.js';

/** Names one stored object: `collection` is `group/plural`, `namespace` is empty for cluster-scoped ones. */
export interface ObjectRef {
  readonly collection: string;
  readonly namespace: string;
  readonly name: string;
}

export interface StoredChange extends Change {
  readonly collection: string;
}

export function keyOf(ref: { readonly namespace: string; readonly name: string }): string {
  return ref.namespace === '' ? ref.name : `${ref.namespace}/${ref.name}`;
}

/**
 * What etcd is to the API server: every object under one revision counter. All calls are synchronous, so a read followed by a write
 * without an await between them is a transaction.
 */
export class Store {
  private current: number;
  private readonly collections = new Map<string, Collection>();
  private readonly listeners = new Set<(change: StoredChange) => void>();
  /** Revisions up to here cannot be listed any more. */
  compactedTo = 0;

  constructor(private readonly options: { readonly historyLimit: number; readonly firstRevision?: number }) {
    this.current = options.firstRevision ?? 1;
  }

  /** The revision of the last write. */
  get revision(): number {
    return this.current;
  }

  /** Told of every change of every collection, after the collection's own listeners. */
  subscribe(listener: (change: StoredChange) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  collection(name: string): Collection {
    let found = this.collections.get(name);
    if (found === undefined) {
      found = new Collection(this.options.historyLimit);
      found.forgottenTo = this.compactedTo;
      this.collections.set(name, found);
    }
    return found;
  }

  names(): string[] {
    return [...this.collections.keys()];
  }

  get(ref: ObjectRef): KubeObject | undefined {
    return this.collections.get(ref.collection)?.objects.get(keyOf(ref));
  }

  /** Writes and returns the object as stored, with its new resourceVersion. */
  put(ref: ObjectRef, object: KubeObject): KubeObject {
    const previous = this.get(ref);
    return this.write(ref, previous === undefined ? 'ADDED' : 'MODIFIED', object);
  }

  /** Removes the object; the result is its last state with the revision of the removal. `last` overrides that state. */
  delete(ref: ObjectRef, last?: KubeObject): KubeObject | undefined {
    const previous = this.get(ref);
    return previous === undefined ? undefined : this.write(ref, 'DELETED', last ?? previous);
  }

  /** Forgets history up to `revision`: watches from before it and continue tokens of before it get 410. */
  compact(revision = this.current): void {
    this.compactedTo = Math.max(this.compactedTo, revision);
    for (const collection of this.collections.values()) collection.compact(revision);
  }

  /** Puts back a saved object under its saved revision. */
  load(ref: ObjectRef, object: KubeObject): void {
    this.collection(ref.collection).load(keyOf(ref), object);
  }

  private write(ref: ObjectRef, type: ChangeType, object: KubeObject): KubeObject {
    const collection = this.collection(ref.collection);
    const key = keyOf(ref);
    const previous = collection.objects.get(key);
    this.current += 1;
    const stored: KubeObject = { ...object, metadata: { ...object.metadata, resourceVersion: String(this.current) } };
    const change: Change = {
      type,
      revision: this.current,
      key,
      object: stored,
      ...(previous === undefined ? {} : { previous }),
    };
    collection.apply(change);
    const told: StoredChange = { ...change, collection: ref.collection };
    for (const listener of this.listeners) listener(told);
    return stored;
  }
}
