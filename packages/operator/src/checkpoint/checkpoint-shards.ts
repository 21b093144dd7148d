import { isTriggerError, type RuleIdentity, TriggerError } from '@kube-trigger/core';
import type { KubeClient, ObjectMeta } from '@kube-trigger/kube';
import { API_GROUP_VERSION, RULE_UID_LABEL, TRIGGER_CHECKPOINT } from '../api/resources.js';

export interface CheckpointObject {
  readonly metadata: ObjectMeta;
  readonly writer?: string;
  readonly records?: Readonly<Record<string, string>>;
}

interface Shard {
  readonly name: string;
  /** Undefined until it was created. */
  resourceVersion: string | undefined;
  size: number;
  bytes: number;
}

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

/** Places records into objects: a record stays where it was first written; new ones go to the first object with room. */
export class CheckpointShards {
  #shards: readonly Shard[] = [];
  readonly #placeOf = new Map<string, Shard>();

  constructor(private readonly options: ShardOptions) {}

  /** Takes over what is stored; returns all records. */
  load(objects: readonly CheckpointObject[]): ReadonlyMap<string, string> {
    const stored = new Map<string, string>();
    for (const { metadata, records } of objects) {
      const shard: Shard = { name: metadata.name ?? '', resourceVersion: metadata.resourceVersion, size: 0, bytes: 0 };
      this.#shards = [...this.#shards, shard];
      for (const [record, value] of Object.entries(records ?? {})) {
        stored.set(record, value);
        this.#place(record, shard, value);
      }
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
    try {
      await this.#put(shard, batch);
    } catch (thrown) {
      await this.#reconsider(shard, thrown);
      throw thrown;
    }
    for (const [record, value] of batch) if (value === null) this.#placeOf.delete(record);
    return batch.keys();
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
    const shard: Shard = { name: `${stem}-${number}`, resourceVersion: undefined, size: 0, bytes: 0 };
    this.#shards = [...this.#shards, shard];
    return shard;
  }

  #place(record: string, shard: Shard, value: string): void {
    this.#placeOf.set(record, shard);
    shard.size += 1;
    shard.bytes += record.length + value.length + 8;
  }

  async #put(shard: Shard, batch: ReadonlyMap<string, string | null>): Promise<void> {
    const { kube, rule, writer } = this.options;
    // Only the new version is wanted of the answer, not 64 KiB of records.
    const as = 'metadata';
    const written = await (shard.resourceVersion === undefined
      ? kube.create<CheckpointObject>(TRIGGER_CHECKPOINT, rule.namespace, this.#newObject(shard, batch), { as })
      : kube.patch<CheckpointObject>(
          { resource: TRIGGER_CHECKPOINT, namespace: rule.namespace, name: shard.name },
          {
            metadata: { resourceVersion: shard.resourceVersion, managedFields: UNTRACKED },
            writer,
            records: Object.fromEntries(batch),
          },
          { type: 'merge', as },
        ));
    shard.resourceVersion = written.metadata.resourceVersion;
  }

  #newObject(shard: Shard, batch: ReadonlyMap<string, string | null>): object {
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
