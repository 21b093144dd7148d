import { TriggerError } from '@kube-trigger/core';
import type { KubeObject } from '../model.js';
import type { Projection, WatchEvent } from './contract.js';

export interface Entry<T> {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  resourceVersion: string;
  value: T;
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
    private readonly emit: (event: WatchEvent<T>) => void,
  ) {}

  get size(): number {
    return this.#entries.size;
  }

  /** The fault of the first object whose projection throws, if any does. */
  get fault(): TriggerError | undefined {
    return this.#faulty.values().next().value;
  }

  find(namespace: string, name: string): Entry<T> | undefined {
    return this.#entries.get(keyOf(namespace, name));
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

  present(object: KubeObject): void {
    const { namespace = '', name = '', uid = '', resourceVersion = '' } = object.metadata;
    const key = keyOf(namespace, name);
    const old = this.#entries.get(key);
    if (old !== undefined && old.uid === uid && old.resourceVersion === resourceVersion) {
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
    if (old !== undefined && old.uid !== uid) this.#drop(key, old);
    this.#entries.set(key, { namespace, name, uid, resourceVersion, value, listing: this.#listing });
    this.emit({ type: 'present', namespace, name, uid, resourceVersion, value });
  }

  absent(object: KubeObject): void {
    const key = keyOf(object.metadata.namespace ?? '', object.metadata.name ?? '');
    this.#faulty.delete(key);
    const old = this.#entries.get(key);
    if (old !== undefined) this.#drop(key, old);
  }

  #drop(key: string, { namespace, name }: Entry<T>): void {
    this.#entries.delete(key);
    this.#faulty.delete(key);
    this.emit({ type: 'absent', namespace, name });
  }
}

function keyOf(namespace: string, name: string): string {
  return `${namespace}/${name}`;
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
