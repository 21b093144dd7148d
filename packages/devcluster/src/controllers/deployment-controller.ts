import { sameJson } from './canonical.js';
import { type Cluster, enqueueOwner, enqueueSelf, fieldManager } from './cluster.js';
import {
  annotate,
  ensureNewSet,
  noteResize,
  renumber,
  revisionOf,
  type Rollout,
  sizeAnnotations,
  splitSets,
} from './deployment-revisions.js';
import { byAge, desiredAnnotation, nextNewSize, type Resizes, shrinkOld, spread, wanted } from './deployment-sizes.js';
import {
  isComplete,
  msUntilStuck,
  pauseCondition,
  plainStatus,
  rolloutStatus,
  withCondition,
} from './deployment-status.js';
import { controllerOf, type Deployment, type DeploymentStatus, keyOf, type ReplicaSet } from './objects.js';
import { isFinished } from './pods.js';

/** Rolls Deployments out over ReplicaSets. */
export function startDeployments(cluster: Cluster): void {
  const queue = cluster.queue('deployments', async (key) => {
    const deployment = cluster.deployments.get(key);
    if (deployment === undefined) return;
    const status = await reconcile(cluster, deployment);
    const stuckInMs = msUntilStuck(deployment, status);
    if (stuckInMs !== undefined && deployment.spec.paused !== true) queue.addAfter(key, stuckInMs);
  });
  enqueueSelf(cluster.deployments, queue);
  enqueueOwner(cluster.replicaSets, cluster.deployments.definition, queue);
  // Recreate waits for the last old pod, which no ReplicaSet counts any more once it is being deleted.
  cluster.pods.onChange((current, previous) => {
    if (current !== undefined || previous === undefined) return;
    const set = cluster.replicaSets.get(keyOf({ ...previous.metadata, name: controllerOf(previous)?.name ?? '' }));
    const deployment = set === undefined ? undefined : controllerOf(set);
    if (deployment?.kind === 'Deployment') queue.add(keyOf({ ...previous.metadata, name: deployment.name }));
  });
}

async function reconcile(cluster: Cluster, found: Deployment): Promise<DeploymentStatus> {
  const sets = splitSets(found, cluster.replicaSets.ownedBy(found));
  if (found.metadata.deletionTimestamp !== undefined) return writeStatus(cluster, found, plainStatus(found, sets));
  const pause = pauseCondition(found);
  const conditions = pause === undefined ? found.status?.conditions : withCondition(found.status?.conditions, pause);
  const deployment = { ...found, status: { ...found.status, conditions: conditions ?? [] } };
  if (deployment.spec.paused === true || isRescaled(deployment, sets)) return rescale(cluster, { deployment, ...sets });
  return deployment.spec.strategy?.type === 'Recreate'
    ? recreate(cluster, { deployment, ...sets })
    : rollingUpdate(cluster, await ensureNewSet(cluster, deployment, sets));
}

function isRescaled(deployment: Deployment, sets: Pick<Rollout, 'newSet' | 'oldSets'>): boolean {
  return active(sets).some((set) => {
    const desired = set.metadata.annotations?.[desiredAnnotation];
    return desired !== undefined && Number(desired) !== wanted(deployment);
  });
}

function active({ newSet, oldSets }: Pick<Rollout, 'newSet' | 'oldSets'>): ReplicaSet[] {
  return [...oldSets, ...(newSet === undefined ? [] : [newSet])].filter((set) => wanted(set) > 0).toSorted(byAge);
}

/** Only changes sizes: starts no rollout, and does not go on with one. */
async function rescale(cluster: Cluster, sets: Rollout): Promise<DeploymentStatus> {
  const rollout = await keepRevision(cluster, sets);
  await resize(cluster, rollout, rescaled(rollout));
  if (rollout.deployment.spec.paused === true) await dropHistory(cluster, rollout);
  return writeStatus(cluster, rollout.deployment, plainStatus(rollout.deployment, refreshed(cluster, rollout)));
}

/** Every active set is named, also where its size stays: it has to note the new total. */
function rescaled({ deployment, newSet, oldSets }: Rollout): Resizes {
  const running = active({ newSet, oldSets });
  if (running.length <= 1) {
    const only = running[0] ?? newSet ?? oldSets.toSorted(byAge).at(-1);
    return only === undefined ? [] : [{ set: only, replicas: wanted(deployment) }];
  }
  if (newSet !== undefined && isSaturated(deployment, newSet)) return oldSets.map((set) => ({ set, replicas: 0 }));
  if (deployment.spec.strategy?.type !== 'Recreate') return spread(deployment, running);
  return running.map((set) => ({ set, replicas: wanted(set) }));
}

function isSaturated(deployment: Deployment, set: ReplicaSet): boolean {
  const target = wanted(deployment);
  const noted = Number(set.metadata.annotations?.[desiredAnnotation] ?? -1) === target;
  return noted && wanted(set) === target && (set.status?.availableReplicas ?? 0) === target;
}

async function keepRevision(cluster: Cluster, sets: Rollout): Promise<Rollout> {
  if (sets.newSet === undefined) return sets;
  const revision = Math.max(0, ...sets.oldSets.map(revisionOf)) + 1;
  const newSet = await renumber(cluster, sets.deployment, { known: sets.newSet, revision });
  return { ...sets, newSet, deployment: annotate(sets.deployment, revisionOf(newSet)) };
}

async function rollingUpdate(cluster: Cluster, rollout: Rollout): Promise<DeploymentStatus> {
  const { deployment, newSet, oldSets } = rollout;
  if (newSet !== undefined) {
    const replicas = nextNewSize(deployment, wanted(newSet), [newSet, ...oldSets]);
    const resizes = replicas === wanted(newSet) ? shrinkOld(deployment, newSet, oldSets) : [{ set: newSet, replicas }];
    await resize(cluster, rollout, resizes);
  }
  return finish(cluster, rollout);
}

async function recreate(cluster: Cluster, sets: Rollout): Promise<DeploymentStatus> {
  const rollout = await keepRevision(cluster, sets);
  const running = rollout.oldSets.filter((set) => wanted(set) > 0);
  await resize(
    cluster,
    rollout,
    running.map((set) => ({ set, replicas: 0 })),
  );
  const remaining = rollout.oldSets.flatMap((set) => cluster.pods.ownedBy(set)).filter((pod) => !isFinished(pod));
  if (running.length > 0 || remaining.length > 0) return finish(cluster, rollout);
  const next = await ensureNewSet(cluster, rollout.deployment, rollout);
  if (next.newSet !== undefined) await resize(cluster, next, [{ set: next.newSet, replicas: wanted(next.deployment) }]);
  return finish(cluster, next);
}

/** Writes the status after a step of a rollout, and forgets old revisions once it is through. */
async function finish(cluster: Cluster, rollout: Rollout): Promise<DeploymentStatus> {
  const status = rolloutStatus(rollout.deployment, refreshed(cluster, rollout));
  if (isComplete(rollout.deployment, status)) await dropHistory(cluster, rollout);
  return writeStatus(cluster, rollout.deployment, status);
}

async function resize(cluster: Cluster, { deployment }: Rollout, resizes: Resizes): Promise<void> {
  for (const { set, replicas } of resizes) {
    const from = wanted(set);
    const annotations = sizeAnnotations(deployment);
    const noted = Object.entries(annotations).every(([name, value]) => set.metadata.annotations?.[name] === value);
    if (from === replicas && noted) continue;
    await cluster.replicaSets.patch(set, { metadata: { annotations }, spec: { replicas } }, fieldManager);
    if (from !== replicas) noteResize(cluster, deployment, { set, from, to: replicas });
  }
}

/** The same sets as they are after the writes. */
function refreshed(
  cluster: Cluster,
  { newSet, oldSets }: Rollout,
): { newSet: ReplicaSet | undefined; oldSets: ReplicaSet[] } {
  const latest = (set: ReplicaSet) => {
    const now = cluster.replicaSets.get(keyOf(set.metadata));
    return now?.metadata.uid === set.metadata.uid ? now : undefined;
  };
  return {
    newSet: newSet === undefined ? undefined : latest(newSet),
    oldSets: oldSets.map(latest).filter((set) => set !== undefined),
  };
}

async function dropHistory(cluster: Cluster, { deployment, oldSets }: Rollout): Promise<void> {
  const limit = deployment.spec.revisionHistoryLimit ?? 10;
  const alive = oldSets.filter((set) => set.metadata.deletionTimestamp === undefined);
  const surplus = alive.toSorted((a, b) => revisionOf(a) - revisionOf(b)).slice(0, Math.max(0, alive.length - limit));
  for (const set of surplus) {
    const observed = (set.status?.observedGeneration ?? 0) >= (set.metadata.generation ?? 0);
    if (observed && wanted(set) === 0 && (set.status?.replicas ?? 0) === 0) await cluster.replicaSets.delete(set);
  }
}

async function writeStatus(
  cluster: Cluster,
  deployment: Deployment,
  status: DeploymentStatus,
): Promise<DeploymentStatus> {
  const stored = cluster.deployments.get(keyOf(deployment.metadata));
  if (stored?.metadata.uid !== deployment.metadata.uid) return status;
  if (sameJson(stored.status, status) && revisionOf(stored) === revisionOf(deployment)) return status;
  await cluster.deployments.updateStatus({ ...deployment, status }, fieldManager);
  return status;
}
