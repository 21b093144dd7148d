import type { Deployment, ReplicaSet } from './objects.js';

/** Pure arithmetic of a rolling update: how many pods each ReplicaSet should have next. */

export const desiredAnnotation = 'deployment.kubernetes.io/desired-replicas';
export const maxAnnotation = 'deployment.kubernetes.io/max-replicas';

/** New sizes of some ReplicaSets. */
export type Resizes = { set: ReplicaSet; replicas: number }[];

export function wanted(owner: { spec: { replicas?: number } }): number {
  return owner.spec.replicas ?? 1;
}

export function totalWanted(sets: ReplicaSet[]): number {
  return sets.reduce((sum, set) => sum + wanted(set), 0);
}

export function totalAvailable(sets: ReplicaSet[]): number {
  return sets.reduce((sum, set) => sum + (set.status?.availableReplicas ?? 0), 0);
}

/** A number of pods given as such or as a percentage of `total`. */
export function resolvePercent(value: number | string, total: number, round: (value: number) => number): number {
  if (typeof value === 'number') return value;
  return round((Number.parseInt(value, 10) * total) / 100);
}

/** The resolved limits of the strategy; both are 0 for Recreate. Never both 0 for a rolling update, which could not move then. */
export function limits(deployment: Deployment): { maxSurge: number; maxUnavailable: number } {
  if (deployment.spec.strategy?.type === 'Recreate') return { maxSurge: 0, maxUnavailable: 0 };
  const { maxSurge = '25%', maxUnavailable = '25%' } = deployment.spec.strategy?.rollingUpdate ?? {};
  const replicas = wanted(deployment);
  const surge = resolvePercent(maxSurge, replicas, Math.ceil);
  const unavailable = resolvePercent(maxUnavailable, replicas, Math.floor);
  const least = surge === 0 && unavailable === 0 ? 1 : unavailable;
  return { maxSurge: surge, maxUnavailable: Math.min(least, replicas) };
}

/** The most pods that there may be at once. */
export function mostPods(deployment: Deployment): number {
  return wanted(deployment) + limits(deployment).maxSurge;
}

/** The next size of the new ReplicaSet (`current` 0 when it does not exist yet). */
export function nextNewSize(deployment: Deployment, current: number, sets: ReplicaSet[]): number {
  const target = wanted(deployment);
  if (deployment.spec.strategy?.type === 'Recreate' || current >= target) return target;
  const room = mostPods(deployment) - totalWanted(sets);
  return room <= 0 ? current : current + Math.min(room, target - current);
}

/** Which old pods can go without falling below the least number of available ones; the broken ones go first. */
export function shrinkOld(deployment: Deployment, newSet: ReplicaSet, oldSets: ReplicaSet[]): Resizes {
  const sets = [newSet, ...oldSets];
  const leastAvailable = wanted(deployment) - limits(deployment).maxUnavailable;
  const newUnavailable = wanted(newSet) - (newSet.status?.availableReplicas ?? 0);
  const spare = totalWanted(sets) - leastAvailable - newUnavailable;
  if (spare <= 0 || totalWanted(oldSets) === 0) return [];
  const sizes = new Map(oldSets.toSorted(byAge).map((set) => [set, wanted(set)]));
  take(sizes, spare, (set, size) => size - (set.status?.availableReplicas ?? 0));
  take(sizes, totalAvailable(sets) - leastAvailable, (_, size) => size);
  return Array.from(sizes, ([set, replicas]) => ({ set, replicas })).filter(
    ({ set, replicas }) => replicas !== wanted(set),
  );
}

/** Takes at most `total` off the sizes in their order, from each at most what `most` allows. */
function take(sizes: Map<ReplicaSet, number>, total: number, most: (set: ReplicaSet, size: number) => number): void {
  let left = total;
  for (const [set, size] of sizes) {
    const taken = Math.max(0, Math.min(left, size, most(set, size)));
    sizes.set(set, size - taken);
    left -= taken;
  }
}

/**
 * Spreads a changed `spec.replicas` over the ReplicaSets of a rollout in proportion to their sizes, so that a rollout that is
 * paused or stuck half-way stays half-way.
 */
export function spread(deployment: Deployment, active: ReplicaSet[]): Resizes {
  const most = wanted(deployment) > 0 ? mostPods(deployment) : 0;
  const toAdd = most - totalWanted(active);
  // Of equal sizes, growth goes to the younger first, and shrinking starts with the older.
  const ordered = active.toSorted((a, b) => wanted(b) - wanted(a) || (toAdd > 0 ? -byAge(a, b) : byAge(a, b)));
  let left = toAdd;
  const resizes = ordered.map((set) => {
    const before = Number(set.metadata.annotations?.[maxAnnotation] ?? wanted(deployment));
    const share = before > 0 ? Math.round((wanted(set) * most) / before) - wanted(set) : 0;
    const change = toAdd > 0 ? Math.max(0, Math.min(share, left)) : Math.min(0, Math.max(share, left));
    left -= change;
    return { set, replicas: wanted(set) + change };
  });
  const first = resizes[0];
  if (first !== undefined) first.replicas = Math.max(0, first.replicas + left);
  return resizes;
}

export function byAge(a: ReplicaSet, b: ReplicaSet): number {
  const difference = Date.parse(a.metadata.creationTimestamp) - Date.parse(b.metadata.creationTimestamp);
  return difference === 0 ? a.metadata.name.localeCompare(b.metadata.name) : difference;
}
