import { controllerOf, keyOf, type KubeObject } from './objects.js';

/** Told of each change: `current` is undefined when the object is gone, `previous` when it is new. */
export type ChangeListener<T> = (current: T | undefined, previous: T | undefined) => void;

interface Entry<T> {
  object: T;
  /** The store's count of changes when this came; tells what is newer than a list that began earlier. */
  sequence: number;
}

/** How many deleted uids are remembered, so that a late answer to a write cannot bring a deleted object back. */
const rememberedDeletions = 4096;

/**
 * The latest known state of all objects of one kind, indexed by owner.
 *
 * It takes both what the watch brings and the answers to own writes (so a controller always sees what it did itself, and never
 * creates anything twice), in whatever order they arrive: the newer resourceVersion of the same object wins.
 */
export class Store<T extends KubeObject> {
  readonly #entries = new Map<string, Entry<T>>();
  readonly #byOwner = new Map<string, Set<string>>();
  readonly #deleted = new Set<string>();
  readonly #listeners: ChangeListener<T>[] = [];
  #sequence = 0;

  get sequence(): number {
    return this.#sequence;
  }

  get(key: string): T | undefined {
    return this.#entries.get(key)?.object;
  }

  values(): T[] {
    return Array.from(this.#entries.values(), (entry) => entry.object);
  }

  /** The objects whose controller reference names this uid. */
  ownedBy(uid: string): T[] {
    return Array.from(this.#byOwner.get(uid) ?? [], (key) => this.get(key)).filter((object) => object !== undefined);
  }

  onChange(listener: ChangeListener<T>): void {
    this.#listeners.push(listener);
  }

  /** Takes a state of an object, unless a newer one of it, or its deletion, is known already. */
  put(object: T): void {
    const key = keyOf(object.metadata);
    const previous = this.get(key);
    if (this.#deleted.has(object.metadata.uid)) return;
    if (previous?.metadata.uid === object.metadata.uid && !isNewer(object, previous)) return;
    if (previous !== undefined) this.#forget(key, previous);
    this.#entries.set(key, { object, sequence: ++this.#sequence });
    const owner = controllerOf(object)?.uid;
    if (owner !== undefined) {
      const keys = this.#byOwner.get(owner) ?? new Set();
      this.#byOwner.set(owner, keys.add(key));
    }
    this.#tell(object, previous);
  }

  /** Notes that the object is being deleted, before the watch says so. */
  markDeleting(object: T, at: string): void {
    const known = this.get(keyOf(object.metadata));
    if (known?.metadata.uid !== object.metadata.uid || known.metadata.deletionTimestamp !== undefined) return;
    const entry = this.#entries.get(keyOf(object.metadata));
    if (entry === undefined) return;
    entry.object = { ...known, metadata: { ...known.metadata, deletionTimestamp: at } };
    this.#tell(entry.object, known);
  }

  remove(object: T): void {
    const key = keyOf(object.metadata);
    this.#rememberDeletion(object.metadata.uid);
    const known = this.get(key);
    if (known?.metadata.uid !== object.metadata.uid) return;
    this.#forget(key, known);
    this.#sequence++;
    this.#tell(undefined, known);
  }

  /**
   * Takes a complete list, which was asked for when the store's sequence was `since` and shows the state at `version`: what is not
   * in it is gone, unless it was written later. Tells of every object, also of unchanged ones, so that what went wrong meanwhile
   * is looked at again.
   */
  replace(objects: T[], { since, version }: { since: number; version: string }): void {
    const listed = new Map(objects.map((object) => [keyOf(object.metadata), object]));
    for (const [key, entry] of this.#entries) {
      const object = listed.get(key);
      const replaced = object === undefined || object.metadata.uid !== entry.object.metadata.uid;
      const later = entry.sequence > since && BigInt(entry.object.metadata.resourceVersion) > BigInt(version);
      if (replaced && !later) this.remove(entry.object);
    }
    for (const object of objects) {
      const known = this.#entries.get(keyOf(object.metadata));
      this.#deleted.delete(object.metadata.uid);
      // A list is the truth even where its numbers are lower: the server may have been put back to an older state.
      if (known !== undefined && known.sequence <= since) known.object = withVersion(known.object, '0');
      this.put(object);
    }
  }

  #forget(key: string, object: T): void {
    this.#entries.delete(key);
    const owner = controllerOf(object)?.uid;
    if (owner === undefined) return;
    const keys = this.#byOwner.get(owner);
    keys?.delete(key);
    if (keys?.size === 0) this.#byOwner.delete(owner);
  }

  #rememberDeletion(uid: string): void {
    this.#deleted.add(uid);
    if (this.#deleted.size <= rememberedDeletions) return;
    for (const oldest of this.#deleted) {
      this.#deleted.delete(oldest);
      return;
    }
  }

  #tell(current: T | undefined, previous: T | undefined): void {
    for (const listener of this.#listeners) listener(current, previous);
  }
}

/** Both are states of one object, whose versions grow (as integers: etcd's revision, in Kubernetes' own servers and in this one). */
function isNewer(object: KubeObject, than: KubeObject): boolean {
  return BigInt(object.metadata.resourceVersion) > BigInt(than.metadata.resourceVersion);
}

function withVersion<T extends KubeObject>(object: T, resourceVersion: string): T {
  return { ...object, metadata: { ...object.metadata, resourceVersion } };
}
