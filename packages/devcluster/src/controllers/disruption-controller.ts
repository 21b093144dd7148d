import { matchesLabelSelector } from '../selectors/match-labels.js';
import { sameJson } from './canonical.js';
import { type Cluster, enqueueSelf, fieldManager } from './cluster.js';
import { resolvePercent, wanted } from './deployment-sizes.js';
import {
  type Condition,
  controllerOf,
  findCondition,
  keyOf,
  type Pod,
  type PodDisruptionBudget,
  type PodDisruptionBudgetStatus,
  timestamp,
} from './objects.js';
import { isActive, isReady } from './pods.js';

/** An eviction counts as a disruption for so long when the pod does not go. */
const disruptionMs = 120_000;

/** Keeps the status of PodDisruptionBudgets, by which evictions are allowed. */
export function startDisruptionBudgets(cluster: Cluster): void {
  const budgets = cluster.disruptionBudgets;
  const queue = cluster.queue('disruptionbudgets', async (key) => {
    const budget = budgets.get(key);
    if (budget === undefined || budget.metadata.deletionTimestamp !== undefined) return;
    const { status, nextInMs } = statusOf(cluster, budget);
    if (!sameJson(status, budget.status)) await budgets.updateStatus({ ...budget, status }, fieldManager);
    if (nextInMs !== undefined) queue.addAfter(key, nextInMs);
  });
  enqueueSelf(budgets, queue);
  cluster.pods.onChange((current, previous) => {
    for (const pod of [current, previous]) {
      if (pod === undefined) continue;
      for (const budget of budgets.values()) if (protects(budget, pod)) queue.add(keyOf(budget.metadata));
    }
  });
  const all = () => {
    for (const budget of budgets.values()) queue.add(keyOf(budget.metadata));
  };
  for (const owners of [cluster.deployments, cluster.replicaSets, cluster.statefulSets]) owners.onChange(all);
}

function protects({ metadata, spec }: PodDisruptionBudget, pod: Pod): boolean {
  return metadata.namespace === pod.metadata.namespace && matchesLabelSelector(spec.selector, pod.metadata.labels);
}

function statusOf(
  cluster: Cluster,
  budget: PodDisruptionBudget,
): { status: PodDisruptionBudgetStatus; nextInMs: number | undefined } {
  const pods = cluster.pods.values().filter((pod) => protects(budget, pod) && isActive(pod));
  const { disruptedPods, nextInMs } = stillDisrupted(budget, pods);
  const { expectedPods, desiredHealthy } = expectation(cluster, budget, pods);
  const healthy = pods.filter((pod) => isReady(pod) && disruptedPods?.[pod.metadata.name] === undefined);
  const allowed = expectedPods === 0 ? 0 : Math.max(0, healthy.length - desiredHealthy);
  const status = {
    observedGeneration: budget.metadata.generation,
    disruptedPods,
    disruptionsAllowed: allowed,
    currentHealthy: healthy.length,
    desiredHealthy,
    expectedPods,
    conditions: conditionsOf(budget, allowed),
  };
  return { status, nextInMs };
}

/** Evicted, and not yet gone: a pod that is being deleted counts as gone. */
function stillDisrupted({ status }: PodDisruptionBudget, pods: readonly Pod[]) {
  const now = Date.now();
  const there = new Set(pods.map((pod) => pod.metadata.name));
  const left = Object.entries(status?.disruptedPods ?? {})
    .map(([name, at]) => ({ name, at, inMs: Date.parse(at) + disruptionMs - now }))
    .filter(({ name, inMs }) => there.has(name) && inMs > 0);
  return {
    disruptedPods: left.length === 0 ? undefined : Object.fromEntries(left.map(({ name, at }) => [name, at])),
    nextInMs: left.length === 0 ? undefined : Math.min(...left.map(({ inMs }) => inMs)) + 1000,
  };
}

function expectation(
  cluster: Cluster,
  { spec: { minAvailable = 0, maxUnavailable } }: PodDisruptionBudget,
  pods: readonly Pod[],
): { expectedPods: number; desiredHealthy: number } {
  if (maxUnavailable === undefined && typeof minAvailable === 'number') {
    return { expectedPods: pods.length, desiredHealthy: minAvailable };
  }
  const expectedPods = wantedByOwners(cluster, pods);
  if (maxUnavailable === undefined) {
    return { expectedPods, desiredHealthy: resolvePercent(minAvailable, expectedPods, Math.ceil) };
  }
  return {
    expectedPods,
    desiredHealthy: Math.max(0, expectedPods - resolvePercent(maxUnavailable, expectedPods, Math.ceil)),
  };
}

/** What can be scaled says how many pods it wants. As in a real cluster, pods of other owners (or of none) have no such number. */
function wantedByOwners(cluster: Cluster, pods: readonly Pod[]): number {
  const owners = new Map<string, number>();
  for (const pod of pods) {
    const owner = scalableOwnerOf(cluster, pod);
    if (owner === undefined) return 0;
    owners.set(owner.metadata.uid, wanted(owner));
  }
  return [...owners.values()].reduce((sum, replicas) => sum + replicas, 0);
}

function scalableOwnerOf(cluster: Cluster, pod: Pod) {
  const { namespace } = pod.metadata;
  const owner = controllerOf(pod);
  if (owner === undefined) return undefined;
  const key = keyOf({ ...(namespace === undefined ? {} : { namespace }), name: owner.name });
  if (owner.kind === 'StatefulSet') return cluster.statefulSets.get(key);
  const set = owner.kind === 'ReplicaSet' ? cluster.replicaSets.get(key) : undefined;
  const above = set === undefined ? undefined : controllerOf(set);
  if (above?.kind !== 'Deployment') return set;
  return cluster.deployments.get(keyOf({ ...(namespace === undefined ? {} : { namespace }), name: above.name }));
}

function conditionsOf({ metadata, status }: PodDisruptionBudget, allowed: number): Condition[] {
  const known = findCondition(status?.conditions, 'DisruptionAllowed');
  const value = allowed > 0 ? 'True' : 'False';
  const condition = {
    type: 'DisruptionAllowed',
    status: value,
    reason: allowed > 0 ? 'SufficientPods' : 'InsufficientPods',
    message: '',
    observedGeneration: metadata.generation,
    lastTransitionTime: known?.status === value ? known.lastTransitionTime : timestamp(Date.now()),
  } as const;
  return [condition];
}
