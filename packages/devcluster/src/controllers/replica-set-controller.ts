import { asError } from './api-client.js';
import { sameJson } from './canonical.js';
import { type Cluster, enqueueOwner, enqueueSelf, fieldManager } from './cluster.js';
import { type Condition, findCondition, type Pod, type ReplicaSet, timestamp } from './objects.js';
import { availability, claimPods, createPod, deletePod, isActive, isReady, podFrom } from './pods.js';

const component = 'replicaset-controller';

/** So many pods are created or deleted at once for one ReplicaSet. */
const batchSize = 16;

/** Keeps `spec.replicas` pods per ReplicaSet, and counts them in its status. */
export function startReplicaSets(cluster: Cluster): void {
  const queue = cluster.queue('replicasets', async (key) => {
    const set = cluster.replicaSets.get(key);
    if (set === undefined) return;
    const pods = (await claimPods(cluster, set)).filter(isActive);
    let failure: Error | undefined;
    try {
      if (set.metadata.deletionTimestamp === undefined) await adjust(cluster, set, pods);
    } catch (error) {
      failure = asError(error);
    }
    const nextInMs = await writeStatus(cluster, key, failure);
    if (failure !== undefined) throw failure;
    // Times have whole seconds; the extra one keeps a rounded-down time from being asked about too early.
    if (nextInMs !== undefined) queue.addAfter(key, nextInMs + 1000);
  });
  enqueueSelf(cluster.replicaSets, queue);
  enqueueOwner(cluster.pods, cluster.replicaSets.definition, queue);
}

async function adjust(cluster: Cluster, set: ReplicaSet, pods: Pod[]): Promise<void> {
  const owner = { object: set, component };
  const missing = (set.spec.replicas ?? 1) - pods.length;
  const work =
    missing > 0
      ? Array.from({ length: missing }, () => () => createPod(cluster, podFrom(set.spec.template, set), owner))
      : pods
          .toSorted(byReadinessToGo)
          .slice(0, -missing)
          .map((pod) => () => deletePod(cluster, pod, owner));
  for (let from = 0; from < work.length; from += batchSize) {
    const results = await Promise.allSettled(work.slice(from, from + batchSize).map((start) => start()));
    const failed = results.find((result) => result.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  }
}

/** Those that are worth least go first: not yet on a node, not running, not ready, and among equals the youngest. */
function byReadinessToGo(a: Pod, b: Pod): number {
  return worth(a) - worth(b) || Date.parse(b.metadata.creationTimestamp) - Date.parse(a.metadata.creationTimestamp);
}

function worth(pod: Pod): number {
  if (pod.spec.nodeName === undefined) return 0;
  if (pod.status?.phase !== 'Running') return 1;
  return isReady(pod) ? 3 : 2;
}

/** Writes the status when it changed; answers after how many milliseconds it changes by itself (`minReadySeconds`), if it does. */
async function writeStatus(cluster: Cluster, key: string, failure: Error | undefined): Promise<number | undefined> {
  const set = cluster.replicaSets.get(key);
  if (set === undefined) return undefined;
  const pods = cluster.pods.ownedBy(set).filter(isActive);
  const { available, nextInMs } = availability(pods, set.spec.minReadySeconds ?? 0);
  const templateLabels = Object.entries(set.spec.template.metadata?.labels ?? {});
  const labeled = pods.filter((pod) => templateLabels.every(([name, value]) => pod.metadata.labels?.[name] === value));
  // Zeros are left out, as Kubernetes' own encoder does.
  const status = {
    replicas: pods.length,
    fullyLabeledReplicas: labeled.length || undefined,
    readyReplicas: pods.filter(isReady).length || undefined,
    availableReplicas: available || undefined,
    observedGeneration: set.metadata.generation,
    conditions: failureConditions(set, failure),
  };
  if (!sameJson(status, set.status)) await cluster.replicaSets.updateStatus({ ...set, status }, fieldManager);
  return nextInMs;
}

function failureConditions(set: ReplicaSet, failure: Error | undefined): Condition[] | undefined {
  const others = (set.status?.conditions ?? []).filter((condition) => condition.type !== 'ReplicaFailure');
  if (failure === undefined) return others.length === 0 ? undefined : others;
  const known = findCondition(set.status?.conditions, 'ReplicaFailure');
  const lastTransitionTime = known?.lastTransitionTime ?? timestamp(Date.now());
  const { message } = failure;
  return [...others, { type: 'ReplicaFailure', status: 'True', reason: 'FailedCreate', message, lastTransitionTime }];
}
