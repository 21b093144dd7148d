import { asError } from './api-client.js';
import { sameJson } from './canonical.js';
import { type Cluster, enqueueOwner, enqueueSelf, fieldManager } from './cluster.js';
import { dropRevisions, revisionHashLabel, revisionHistory } from './controller-revisions.js';
import { wanted } from './deployment-sizes.js';
import { type ControllerRevision, keyOf, type Pod, type StatefulSet, type StatefulSetStatus } from './objects.js';
import { availability, claimPods, createPod, deletePod, isFinished, isReady, type PodOwner } from './pods.js';
import { createClaims, ordinalOf, partitionOf, statefulPod } from './stateful-set-pods.js';

const component = 'statefulset-controller';
const hashLabel = 'controller.kubernetes.io/hash';

/** Keeps the numbered pods of StatefulSets, and updates them from the highest ordinal down. */
export function startStatefulSets(cluster: Cluster): void {
  const queue = cluster.queue('statefulsets', async (key) => {
    const set = cluster.statefulSets.get(key);
    if (set === undefined || set.metadata.deletionTimestamp !== undefined) return;
    await claimPods(cluster, set);
    const { latest, all, collisionCount } = await revisionHistory(cluster, set, hashLabel);
    const current = all.find((revision) => revision.metadata.name === set.status?.currentRevision) ?? latest;
    const step = new Step(cluster, set, { current, update: latest });
    let failure: Error | undefined;
    try {
      await step.run();
    } catch (error) {
      failure = asError(error);
    }
    const { status, nextInMs } = statusOf(cluster, set, { current, update: latest, collisionCount });
    if (!sameJson(status, set.status)) await cluster.statefulSets.updateStatus({ ...set, status }, fieldManager);
    if (failure !== undefined) throw failure;
    const names = [status.currentRevision, status.updateRevision, ...podsOf(cluster, set).map(revisionName)];
    await dropRevisions(cluster, set, { all, inUse: new Set(names.filter((name) => name !== undefined)) });
    if (nextInMs !== undefined) queue.addAfter(key, nextInMs + 1000);
  });
  enqueueSelf(cluster.statefulSets, queue);
  enqueueOwner(cluster.pods, cluster.statefulSets.definition, queue);
  enqueueOwner(cluster.revisions, cluster.statefulSets.definition, queue);
}

interface Revisions {
  current: ControllerRevision;
  update: ControllerRevision;
}

/** One pass over the set. Each part answers whether it has to wait for what it did, or found, before the next may begin. */
class Step {
  readonly #owner: PodOwner;
  readonly #first: number;
  readonly #end: number;
  readonly #ordered: boolean;

  constructor(
    private readonly cluster: Cluster,
    private readonly set: StatefulSet,
    private readonly revisions: Revisions,
  ) {
    const phrase: PodOwner['phrase'] = (verb, pod) =>
      `${verb} Pod ${pod} in StatefulSet ${set.metadata.name} successful`;
    this.#owner = { object: set, component, phrase };
    this.#first = set.spec.ordinals?.start ?? 0;
    this.#end = this.#first + wanted(set);
    this.#ordered = set.spec.podManagementPolicy !== 'Parallel';
  }

  async run(): Promise<void> {
    if (await this.#fill()) return;
    if (await this.#shrink()) return;
    if (this.set.spec.updateStrategy?.type !== 'OnDelete') await this.#update();
  }

  /** Creates what is missing, from the lowest ordinal up; in order, each waits for the one before it. */
  async #fill(): Promise<boolean> {
    for (let ordinal = this.#first; ordinal < this.#end; ordinal++) {
      const pod = this.#pod(ordinal);
      if (pod === undefined) {
        await this.#create(ordinal);
        if (this.#ordered) return true;
      } else if (isFinished(pod) && pod.metadata.deletionTimestamp === undefined) {
        await deletePod(this.cluster, pod, this.#owner);
        if (this.#ordered) return true;
      } else if (this.#ordered && !isHealthy(pod)) {
        return true;
      }
    }
    return false;
  }

  /** Deletes what is too much, from the highest ordinal down. */
  async #shrink(): Promise<boolean> {
    const isCondemned = (ordinal: number) => ordinal < this.#first || ordinal >= this.#end;
    const condemned = podsOf(this.cluster, this.set)
      .filter((pod) => isCondemned(ordinalOf(this.set, pod) ?? this.#first))
      .toSorted((a, b) => (ordinalOf(this.set, b) ?? 0) - (ordinalOf(this.set, a) ?? 0));
    for (const pod of condemned) {
      if (pod.metadata.deletionTimestamp === undefined) await deletePod(this.cluster, pod, this.#owner);
      if (this.#ordered) return true;
    }
    return false;
  }

  /** Deletes the highest pod of an old revision; the one above it must be healthy first. */
  async #update(): Promise<void> {
    for (let ordinal = this.#end - 1; ordinal >= Math.max(this.#first, partitionOf(this.set)); ordinal--) {
      const pod = this.#pod(ordinal);
      if (pod === undefined || pod.metadata.deletionTimestamp !== undefined) return;
      if (revisionName(pod) !== this.revisions.update.metadata.name) return deletePod(this.cluster, pod, this.#owner);
      if (!isHealthy(pod)) return;
    }
  }

  async #create(ordinal: number): Promise<void> {
    const keepsOld = this.set.spec.updateStrategy?.type !== 'OnDelete' && ordinal < partitionOf(this.set);
    const revision = keepsOld ? this.revisions.current : this.revisions.update;
    await createClaims(this.cluster, this.set, ordinal);
    await createPod(this.cluster, statefulPod(this.set, ordinal, revision), this.#owner);
  }

  #pod(ordinal: number): Pod | undefined {
    const key = keyOf({ ...this.set.metadata, name: `${this.set.metadata.name}-${ordinal}` });
    const pod = this.cluster.pods.get(key);
    return pod !== undefined && this.cluster.pods.ownedBy(this.set).includes(pod) ? pod : undefined;
  }
}

function isHealthy(pod: Pod): boolean {
  return pod.status?.phase === 'Running' && isReady(pod) && pod.metadata.deletionTimestamp === undefined;
}

function revisionName(pod: Pod): string | undefined {
  return pod.metadata.labels?.[revisionHashLabel];
}

function podsOf(cluster: Cluster, set: StatefulSet): Pod[] {
  return cluster.pods.ownedBy(set).filter((pod) => ordinalOf(set, pod) !== undefined);
}

function statusOf(
  cluster: Cluster,
  set: StatefulSet,
  { current, update, collisionCount }: Revisions & { collisionCount: number },
): { status: StatefulSetStatus; nextInMs: number | undefined } {
  const pods = podsOf(cluster, set);
  const ready = pods.filter((pod) => pod.status?.phase === 'Running' && isReady(pod));
  const staying = pods.filter((pod) => pod.metadata.deletionTimestamp === undefined);
  const count = (revision: ControllerRevision) =>
    staying.filter((pod) => revisionName(pod) === revision.metadata.name).length;
  const { available, nextInMs } = availability(ready, set.spec.minReadySeconds ?? 0);
  const updated = count(update);
  const rolling = set.spec.updateStrategy?.type !== 'OnDelete';
  // Once every pod is of the new revision and ready, that becomes the current one.
  const through = rolling && updated === pods.length && ready.length === pods.length && pods.length === wanted(set);
  const status = {
    observedGeneration: set.metadata.generation,
    replicas: pods.length,
    readyReplicas: ready.length || undefined,
    availableReplicas: available,
    currentReplicas: (through ? updated : count(current)) || undefined,
    updatedReplicas: updated || undefined,
    currentRevision: (through ? update : current).metadata.name,
    updateRevision: update.metadata.name,
    collisionCount,
    conditions: set.status?.conditions,
  };
  return { status: status, nextInMs };
}
