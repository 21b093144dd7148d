import { sameJson } from './canonical.js';
import { type Cluster, enqueueOwner, enqueueSelf, fieldManager, nodeName } from './cluster.js';
import { dropRevisions, revisionHashLabel, revisionHistory } from './controller-revisions.js';
import { resolvePercent } from './deployment-sizes.js';
import { fitsNode } from './kubelet.js';
import { type DaemonSet, type DaemonSetStatus, type Draft, type Pod } from './objects.js';
import { availability, claimPods, createPod, deletePod, isFinished, isReady, podFrom } from './pods.js';

const component = 'daemonset-controller';
const generationAnnotation = 'deprecated.daemonset.template.generation';

/** Keeps one pod of each DaemonSet on the one node. */
export function startDaemonSets(cluster: Cluster): void {
  const queue = cluster.queue('daemonsets', async (key) => {
    const set = cluster.daemonSets.get(key);
    if (set === undefined || set.metadata.deletionTimestamp !== undefined) return;
    const pods = await claimPods(cluster, set);
    const { latest, all, collisionCount } = await revisionHistory(cluster, set, revisionHashLabel);
    const hash = latest.metadata.labels?.[revisionHashLabel] ?? '';
    await step(cluster, set, { pods, hash });
    const remaining = cluster.pods.ownedBy(set);
    const { status, nextInMs } = statusOf(set, { pods: remaining, hash, collisionCount });
    if (!sameJson(status, set.status)) await cluster.daemonSets.updateStatus({ ...set, status }, fieldManager);
    const hashes = new Set([hash, ...remaining.map(hashOf)]);
    const inUse = all.filter((revision) => hashes.has(revision.metadata.labels?.[revisionHashLabel] ?? ''));
    await dropRevisions(cluster, set, { all, inUse: new Set(inUse.map((revision) => revision.metadata.name)) });
    if (nextInMs !== undefined) queue.addAfter(key, nextInMs + 1000);
  });
  enqueueSelf(cluster.daemonSets, queue);
  enqueueOwner(cluster.pods, cluster.daemonSets.definition, queue);
  enqueueOwner(cluster.revisions, cluster.daemonSets.definition, queue);
}

function hashOf(pod: Pod): string {
  return pod.metadata.labels?.[revisionHashLabel] ?? '';
}

async function step(cluster: Cluster, set: DaemonSet, { pods, hash }: { pods: Pod[]; hash: string }): Promise<void> {
  const owner = { object: set, component };
  const staying = pods.filter((pod) => pod.metadata.deletionTimestamp === undefined);
  const doomed = new Set(staying.filter(isFinished));
  const live = staying.filter((pod) => !doomed.has(pod));
  let missing = false;
  if (!fitsNode(set.spec.template.spec.nodeSelector)) {
    for (const pod of live) doomed.add(pod);
  } else if (set.spec.updateStrategy?.type === 'OnDelete') {
    for (const pod of surplus(live)) doomed.add(pod);
    missing = pods.length === 0;
  } else {
    const next = roll(set, live, hash);
    for (const pod of next.doomed) doomed.add(pod);
    // Without a surge the old pod must be gone before the new one comes.
    missing = next.missing && (next.surges || pods.length === 0);
  }
  for (const pod of doomed) await deletePod(cluster, pod, owner);
  if (missing) await createPod(cluster, daemonPod(set, hash), owner);
}

/** What a rolling update does next with the pods that are neither finished nor being deleted. */
function roll(set: DaemonSet, live: Pod[], hash: string): { doomed: Pod[]; missing: boolean; surges: boolean } {
  const updated = live.filter((pod) => hashOf(pod) === hash);
  const old = live.filter((pod) => hashOf(pod) !== hash);
  const surges = resolvePercent(set.spec.updateStrategy?.rollingUpdate?.maxSurge ?? 0, 1, Math.ceil) > 0;
  if (!surges) return { doomed: [...old, ...surplus(updated)], missing: live.length === 0, surges };
  const { available } = availability(updated, set.spec.minReadySeconds ?? 0);
  const replaced = available > 0 || old.every((pod) => !isReady(pod)) ? old : surplus(old);
  return { doomed: [...replaced, ...surplus(updated)], missing: updated.length === 0, surges };
}

/** All but the oldest. */
function surplus(pods: Pod[]): Pod[] {
  return pods
    .toSorted((a, b) => Date.parse(a.metadata.creationTimestamp) - Date.parse(b.metadata.creationTimestamp))
    .slice(1);
}

/** What every daemon pod tolerates: it stays whatever happens to its node. */
const tolerations = [
  ...['not-ready', 'unreachable'].map((taint) => ({
    key: `node.kubernetes.io/${taint}`,
    operator: 'Exists',
    effect: 'NoExecute',
  })),
  ...['disk-pressure', 'memory-pressure', 'pid-pressure', 'unschedulable'].map((taint) => ({
    key: `node.kubernetes.io/${taint}`,
    operator: 'Exists',
    effect: 'NoSchedule',
  })),
];

function daemonPod(set: DaemonSet, hash: string): Draft<Pod> {
  const pod = podFrom(set.spec.template, set);
  const generation = set.metadata.annotations?.[generationAnnotation];
  pod.metadata.labels = {
    ...pod.metadata.labels,
    [revisionHashLabel]: hash,
    ...(generation === undefined ? {} : { 'pod-template-generation': generation }),
  };
  pod.spec.tolerations = [...(pod.spec.tolerations ?? []), ...tolerations];
  const nodeSelectorTerms = [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: [nodeName] }] }];
  const nodeAffinity = {
    ...pod.spec.affinity?.nodeAffinity,
    requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms },
  };
  pod.spec.affinity = { ...pod.spec.affinity, nodeAffinity };
  return pod;
}

function one(condition: boolean): number {
  return condition ? 1 : 0;
}

function statusOf(
  set: DaemonSet,
  { pods, hash, collisionCount }: { pods: Pod[]; hash: string; collisionCount: number },
): { status: DaemonSetStatus; nextInMs: number | undefined } {
  const desired = fitsNode(set.spec.template.spec.nodeSelector);
  const live = pods.filter((pod) => pod.metadata.deletionTimestamp === undefined && !isFinished(pod));
  const { available, nextInMs } = availability(live, set.spec.minReadySeconds ?? 0);
  const status = {
    observedGeneration: set.metadata.generation,
    desiredNumberScheduled: one(desired),
    currentNumberScheduled: one(desired && live.length > 0),
    numberMisscheduled: one(!desired && live.length > 0),
    numberReady: one(desired && live.some(isReady)),
    updatedNumberScheduled: one(desired && live.some((pod) => hashOf(pod) === hash)) || undefined,
    numberAvailable: one(desired && available > 0) || undefined,
    numberUnavailable: one(desired && available === 0) || undefined,
    collisionCount: collisionCount || undefined,
  };
  return { status: status, nextInMs };
}
