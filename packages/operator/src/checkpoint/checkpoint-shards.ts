import { INCOMPLETE_BASELINE, isBaseline, isTriggerError, type RuleIdentity, TriggerError } from '@kube-trigger/core';
import type { KubeClient, ObjectMeta } from '@kube-trigger/kube';
import { API_GROUP_VERSION, RULE_UID_LABEL, TRIGGER_CHECKPOINT } from '../api/resources.js';

export interface CheckpointObject {
  readonly metadata: ObjectMeta;
  readonly writer?: string;
  /** How many of the rule there were when it was written. */
  readonly objects?: number;
  readonly records?: Readonly<Record<string, string>>;
}

interface Shard {
  readonly name: string;
  /** Undefined until it was created. */
  resourceVersion: string | undefined;
  size: number;
  /** Of its records as they were when they were placed. */
  bytes: number;
  /** How many objects there are by what this one says. */
  told: number;
  /** It has, or had, a record by which a baseline is complete. */
  holdsBaseline: boolean;
}

const NOTHING: ReadonlyMap<string, string | null> = new Map();

/** A write carries the whole object to disk and through the API server's validation: 30 ms of its CPU for 1,000 records. */
const MAX_RECORDS = 250;
const MAX_BYTES = 64 * 1024;

/**
 * Who owns which record is nobody's question: an API server that keeps account of it for 1,000 records takes twice the time for each write and
 * makes the object a third larger. (https://kubernetes.io/docs/reference/using-api/server-side-apply/#clearing-managedfields)
 */
const UNTRACKED = [{}];

interface ShardOptions {
  readonly kube: KubeClient;
  readonly rule: RuleIdentity;
  readonly writer: string;
}

/**
 * Places records into objects: a record stays where it was first written; new ones go to the first object with room. Objects that say of a
 * baseline that it is complete tell how many there are, so that it does not count when one was deleted: its keys would be new.
 */
export class CheckpointShards {
  #shards: readonly Shard[] = [];
  readonly #placeOf = new Map<string, Shard>();

  constructor(private readonly options: ShardOptions) {}

  /** Takes over what is stored; returns all records. */
  load(objects: readonly CheckpointObject[]): ReadonlyMap<string, string> {
    const stored = new Map<string, string>();
    for (const { metadata, records, objects: told = 0 } of objects) {
      const shard = this.#addShard(metadata.name ?? '', metadata.resourceVersion, told);
      for (const [record, value] of Object.entries(records ?? {})) {
        stored.set(record, value);
        this.#place(record, shard, value);
      }
    }
    if (this.#shards.some(({ holdsBaseline, told }) => holdsBaseline && told > objects.length)) {
      for (const record of stored.keys()) if (isBaseline(record)) stored.set(record, INCOMPLETE_BASELINE);
    }
    return stored;
  }

  /** Writes all dirty records that live in the same object as `first`, as one request. */
  async write(dirty: ReadonlyMap<string, string | null>, first: string): Promise<Iterable<string>> {
    const shard = this.#shardFor(first, dirty.get(first) ?? '');
    const batch = new Map<string, string | null>();
    for (const [record, value] of dirty) {
      if (this.#shardFor(record, value ?? '') === shard) batch.set(record, value);
    }
    await this.#put(shard, batch);
    for (const other of this.#shards) {
      if (other.holdsBaseline && isCreated(other) && other.told < this.#created) await this.#put(other, NOTHING);
    }
    for (const [record, value] of batch) if (value === null) this.#free(record, shard);
    return batch.keys();
  }

  get #created(): number {
    return this.#shards.filter(isCreated).length;
  }

  #shardFor(record: string, value: string): Shard {
    const placed = this.#placeOf.get(record);
    if (placed !== undefined) return placed;
    const roomy = this.#shards.find((shard) => shard.size < MAX_RECORDS && shard.bytes < MAX_BYTES);
    const shard = roomy ?? this.#newShard();
    this.#place(record, shard, value);
    return shard;
  }

  #newShard(): Shard {
    const { rule } = this.options;
    const taken = new Set(this.#shards.map((shard) => shard.name));
    const stem = `${rule.name.slice(0, 200)}-${rule.uid.slice(0, 8)}`;
    let number = this.#shards.length;
    while (taken.has(`${stem}-${number}`)) number += 1;
    return this.#addShard(`${stem}-${number}`, undefined, 0);
  }

  #addShard(name: string, resourceVersion: string | undefined, told: number): Shard {
    const shard: Shard = { name, resourceVersion, size: 0, bytes: 0, told, holdsBaseline: false };
    this.#shards = [...this.#shards, shard];
    return shard;
  }

  #place(record: string, shard: Shard, value: string): void {
    this.#placeOf.set(record, shard);
    shard.size += 1;
    shard.bytes += record.length + value.length + 8;
    if (isBaseline(record)) shard.holdsBaseline = true;
  }

  /** It counts as the average: what it was when it was placed nobody knows any more. */
  #free(record: string, shard: Shard): void {
    this.#placeOf.delete(record);
    shard.bytes -= Math.round(shard.bytes / shard.size);
    shard.size -= 1;
  }

  async #put(shard: Shard, batch: ReadonlyMap<string, string | null>): Promise<void> {
    const objects = this.#created + (isCreated(shard) ? 0 : 1);
    try {
      shard.resourceVersion = await this.#send(shard, batch, objects);
      shard.told = objects;
    } catch (thrown) {
      await this.#reconsider(shard, thrown);
      throw thrown;
    }
  }

  /** Resolves with the object's version. */
  async #send(shard: Shard, batch: ReadonlyMap<string, string | null>, objects: number): Promise<string | undefined> {
    const { kube, rule, writer } = this.options;
    // Only the new version is wanted of the answer, not 64 KiB of records.
    const as = 'metadata';
    const written = await (shard.resourceVersion === undefined
      ? kube.create<CheckpointObject>(TRIGGER_CHECKPOINT, rule.namespace, this.#newObject(shard, batch, objects), {
          as,
        })
      : kube.patch<CheckpointObject>(
          { resource: TRIGGER_CHECKPOINT, namespace: rule.namespace, name: shard.name },
          {
            metadata: { resourceVersion: shard.resourceVersion, managedFields: UNTRACKED },
            writer,
            objects,
            records: Object.fromEntries(batch),
          },
          { type: 'merge', as },
        ));
    return written.metadata.resourceVersion;
  }

  #newObject(shard: Shard, batch: ReadonlyMap<string, string | null>, objects: number): object {
    const { rule, writer } = this.options;
    return {
      apiVersion: API_GROUP_VERSION,
      kind: TRIGGER_CHECKPOINT.kind,
      metadata: {
        name: shard.name,
        labels: { [RULE_UID_LABEL]: rule.uid },
        ownerReferences: [
          { apiVersion: API_GROUP_VERSION, kind: 'TriggerRule', name: rule.name, uid: rule.uid, controller: true },
        ],
      },
      writer,
      objects,
      records: Object.fromEntries([...batch].filter(([, value]) => value !== null)),
    };
  }

  /**
   * A conflict may be the echo of an own write whose answer was lost: then its resourceVersion is adopted and the write repeated.
   * An object that somebody else wrote or deleted is not ours any more.
   */
  async #reconsider(shard: Shard, thrown: unknown): Promise<void> {
    if (!isTriggerError(thrown) || (thrown.code !== 'KT_KUBE_CONFLICT' && thrown.code !== 'KT_KUBE_NOT_FOUND')) return;
    const { kube, rule, writer } = this.options;
    const ref = { resource: TRIGGER_CHECKPOINT, namespace: rule.namespace, name: shard.name };
    const current = await kube.get<CheckpointObject>(ref).catch((error: unknown) => {
      if (isTriggerError(error) && error.code === 'KT_KUBE_NOT_FOUND') return undefined;
      throw error;
    });
    if (current?.writer === writer) {
      shard.resourceVersion = current.metadata.resourceVersion;
      return;
    }
    const what = current === undefined ? 'was deleted' : 'was written by another process';
    throw new TriggerError('KT_CHECKPOINT_CONFLICT', `TriggerCheckpoint ${rule.namespace}/${shard.name} ${what}`, {
      retry: 'never',
      cause: thrown,
    });
  }
}

function isCreated({ resourceVersion }: Shard): boolean {
  return resourceVersion !== undefined;
}
