import { isTriggerError } from '@kube-trigger/core';
import type { DigestKey, DigestKeyProvider, KubeClient, ObjectRef, OwnerReference } from '@kube-trigger/kube';
import {
  type Config,
  contentDigest,
  copyOf,
  isSnapshot,
  type Making,
  marksOf,
  mustBeCopyable,
  pointedNow,
} from './copy.js';
import { mayNotCopy, taken, uncopyable } from './errors.js';
import { withOwners } from './owners.js';
import { type Pins, pinOf } from './pins.js';
import { snapshotName } from './names.js';

/** Between a refused creation and the next look somebody may delete the snapshot, or point another workload to it: not forever. */
const MAX_ROUNDS = 5;

export interface Order {
  /** The ConfigMap or Secret. */
  readonly origin: ObjectRef;
  readonly owners: readonly OwnerReference[];
  /** For people. */
  readonly cause: string;
  readonly nowMs: number;
  readonly signal: AbortSignal;
}

/** A snapshot that is there, and stays until it is released. */
export interface Held {
  readonly name: string;
  release(): void;
}

/** Makes snapshots of ConfigMaps and Secrets. Reads each once and keeps nothing of it. */
export class Copier {
  constructor(
    private readonly kube: KubeClient,
    private readonly pins: Pins,
    private readonly digestKey: DigestKeyProvider | undefined,
  ) {}

  /** Of what the object holds now; undefined when there is nothing to copy: it is gone, or a snapshot itself. */
  async copy(order: Order): Promise<Held | undefined> {
    const { origin, signal } = order;
    try {
      const object = await unless('KT_KUBE_NOT_FOUND', () => this.kube.get<Config>(origin, { signal }));
      if (object === undefined || marksOf(object) !== undefined) return undefined;
      mustBeCopyable(origin, object);
      const key = await this.keyFor(origin);
      const digest = contentDigest(object, key);
      const name = snapshotName(origin.name, digest);
      const release = this.pins.pin(pinOf(origin.resource.kind, origin.namespace, name));
      try {
        await this.#bring(object, { ...order, digest }, key);
      } catch (thrown) {
        release();
        throw thrown;
      }
      return { name, release };
    } catch (thrown) {
      if (isTriggerError(thrown) && thrown.code === 'KT_KUBE_FORBIDDEN') throw mayNotCopy(origin, thrown);
      throw thrown;
    }
  }

  /** Digests of Secrets must tell nothing to who reads a pod template. */
  async keyFor(origin: Pick<ObjectRef, 'resource' | 'namespace' | 'name'>): Promise<DigestKey | undefined> {
    if (origin.resource.kind !== 'Secret') return undefined;
    if (this.digestKey !== undefined) return this.digestKey();
    const fix = 'The program that embeds kube-trigger registers DigestKeyToken';
    throw uncopyable(origin, 'there is no key to make its digest with', fix);
  }

  /** It is there afterwards: made, or found with equal contents and marked as used once more. */
  async #bring(object: Config, making: Making & Order, key: DigestKey | undefined): Promise<void> {
    const { origin, signal, digest } = making;
    const snapshot = { ...origin, name: snapshotName(origin.name, digest) };
    for (let round = 1; ; round += 1) {
      const made = await unless(round === MAX_ROUNDS ? '' : 'KT_KUBE_CONFLICT', () =>
        this.kube.create(origin.resource, origin.namespace, copyOf(object, making), { signal }),
      );
      if (made !== undefined) return;
      const found = await unless('KT_KUBE_NOT_FOUND', () => this.kube.get<Config>(snapshot, { signal }));
      if (found === undefined) continue;
      if (!isSnapshot(found, key) || marksOf(found)?.digest !== digest) throw taken(snapshot, origin);
      if (await this.#touch(snapshot, found, making)) return;
    }
  }

  /** A collector that saw it before cannot delete it any more: it has another resourceVersion. False when it was changed meanwhile. */
  async #touch(snapshot: ObjectRef, found: Config, making: Making & Order): Promise<boolean> {
    const { resourceVersion, uid, ownerReferences: before = [] } = found.metadata;
    const ownerReferences = withOwners(before, making.owners);
    const metadata = { uid, resourceVersion, annotations: pointedNow(making), ownerReferences };
    const options = { type: 'merge', fieldManager: 'kube-trigger', signal: making.signal } as const;
    const touched = await unless('KT_KUBE_CONFLICT', () =>
      unless('KT_KUBE_NOT_FOUND', () => this.kube.patch(snapshot, { metadata }, options)),
    );
    return touched !== undefined;
  }
}

async function unless<T>(code: string, work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (thrown) {
    if (isTriggerError(thrown) && thrown.code === code) return undefined;
    throw thrown;
  }
}
