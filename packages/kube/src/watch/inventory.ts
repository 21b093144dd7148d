import { TriggerError } from '@kube-trigger/core';
import type { KubeObject } from '../model.js';
import type { ObjectVersion, Projection, WatchEvent } from './contract.js';
import { isLater } from './versions.js';

/** Nobody needed the contents so far: all who listen recalled the version. */
export const UNREAD = Symbol('unread');

export type InventoryEvent<T> =
  | Extract<WatchEvent<T>, { type: 'present' | 'absent' }>
  /** Present, in a version that all who listen know. */
  | (ObjectVersion & { readonly type: 'recalled' });

export interface Entry<T> extends ObjectVersion {
  readonly value: T | typeof UNREAD;
  /** The list that last said this object. */
  listing: number;
}

/**
 * What is known of a scope: a projection per object, never its body. Turns objects into the events that make a difference: an equal
 * uid and resourceVersion is nothing, another uid is an `absent` and a `present`.
 *
 * A projection that throws costs its own object only: the last good value stands and `faults` names it until a later version works
 * or the object goes.
 */
export class Inventory<T> {
  readonly #entries = new Map<string, Entry<T>>();
  readonly #faulty = new Map<string, TriggerError>();
  #listing = 0;

  constructor(
    private readonly projection: Projection<T>,
    private readonly emit: (event: InventoryEvent<T>) => void,
    /** Whether all who listen know this version. */
    private readonly isKnown: (version: ObjectVersion) => boolean = () => false,
    /** Where all objects are, if that is known. */
    private readonly namespace?: string,
  ) {}

  get size(): number {
    return this.#entries.size;
  }

  /** The fault of the first object whose projection throws, if any does. */
  get fault(): TriggerError | undefined {
    return this.#faulty.values().next().value;
  }

  find(namespace: string, name: string): Entry<T> | undefined {
    return this.#entries.get(this.#keyOf({ namespace, name }));
  }

  entries(): Iterable<Entry<T>> {
    return this.#entries.values();
  }

  /** A list begins (again): whatever it does not say until `endList` is absent. */
  beginList(): void {
    this.#listing += 1;
    // Told again by whichever of them the list still has.
    this.#faulty.clear();
  }

  endList(): void {
    for (const [key, entry] of this.#entries) {
      if (entry.listing !== this.#listing) this.#drop(key, entry);
    }
  }

  /** What a list says without contents, or before anybody looks at them. False when they are needed. */
  recognise(object: KubeObject): boolean {
    const version = this.#versionOf(object);
    const key = this.#keyOf(version);
    const old = this.#entries.get(key);
    const isSame = old !== undefined && isSameVersion(old, version);
    if (isSame && (old.value !== UNREAD || this.isKnown(version))) {
      old.listing = this.#listing;
      return true;
    }
    if (!this.isKnown(version)) return false;
    if (old !== undefined && old.uid !== version.uid) this.#drop(key, old);
    this.#keep(key, version, UNREAD);
    this.emit({ type: 'recalled', ...version });
    return true;
  }

  /**
   * What happened since a list. An object that was read after the list may be ahead of what is said here, also when it was made anew
   * meanwhile: then it is no news.
   */
  changed(object: KubeObject): void {
    const version = this.#versionOf(object);
    const old = this.#entries.get(this.#keyOf(version));
    const isBehind = old !== undefined && isLater(old.resourceVersion, version.resourceVersion);
    if (!isBehind) this.present(object);
  }

  present(object: KubeObject): void {
    const version = this.#versionOf(object);
    const key = this.#keyOf(version);
    const old = this.#entries.get(key);
    if (old !== undefined && isSameVersion(old, version) && old.value !== UNREAD) {
      old.listing = this.#listing;
      return;
    }
    let value: T;
    try {
      value = this.projection.of(object);
    } catch (thrown) {
      this.#faulty.set(key, projectionFault(this.projection.id, object, thrown));
      if (old !== undefined) old.listing = this.#listing;
      return;
    }
    this.#faulty.delete(key);
    if (old !== undefined && old.uid !== version.uid) this.#drop(key, old);
    this.#keep(key, version, value);
    this.emit({ type: 'present', ...version, value });
  }

  absent(object: KubeObject): void {
    const version = this.#versionOf(object);
    const key = this.#keyOf(version);
    const old = this.#entries.get(key);
    // Read after it was made anew: the deletion of the one before was said with that.
    if (old !== undefined && old.uid !== version.uid) return;
    this.#faulty.delete(key);
    if (old !== undefined) this.#drop(key, old);
  }

  /** Texts that all objects have in common are kept once: there may be tens of thousands. */
  #versionOf(object: KubeObject): ObjectVersion {
    const version = versionOf(object);
    return version.namespace === this.namespace ? { ...version, namespace: this.namespace } : version;
  }

  /** No name has a slash. */
  #keyOf({ namespace, name }: Pick<ObjectVersion, 'namespace' | 'name'>): string {
    return namespace === this.namespace ? name : `${namespace}/${name}`;
  }

  /** Written out: a copy by `...` has its further fields in an array of their own. */
  #keep(key: string, { namespace, name, uid, resourceVersion }: ObjectVersion, value: T | typeof UNREAD): void {
    this.#entries.set(key, { namespace, name, uid, resourceVersion, value, listing: this.#listing });
  }

  #drop(key: string, { namespace, name }: Entry<T>): void {
    this.#entries.delete(key);
    this.#faulty.delete(key);
    this.emit({ type: 'absent', namespace, name });
  }
}

export function versionOf({ metadata }: KubeObject): ObjectVersion {
  const { namespace = '', name = '', uid = '', resourceVersion = '' } = metadata;
  return { namespace, name, uid, resourceVersion };
}

function isSameVersion(one: ObjectVersion, other: ObjectVersion): boolean {
  return one.uid === other.uid && one.resourceVersion === other.resourceVersion;
}

/** Names the object and the kind of error only: a message made from an object's content may carry a Secret's value. */
function projectionFault(id: string, object: KubeObject, thrown: unknown): TriggerError {
  const what = thrown instanceof Error ? thrown.name : typeof thrown;
  const { namespace = '', name = '' } = object.metadata;
  return new TriggerError('KT_KUBE_PROJECTION', `projection "${id}" threw ${what} for ${namespace}/${name}`, {
    retry: 'never',
    fix: 'This is a bug in the plugin that watches; other objects are not affected',
  });
}
