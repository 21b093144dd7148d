import { limits, totalAvailable, totalWanted, wanted } from './deployment-sizes.js';
import {
  type Condition,
  type Deployment,
  type DeploymentStatus,
  findCondition,
  type ReplicaSet,
  timestamp,
} from './objects.js';

/** Means "no deadline". */
const noDeadline = 2 ** 31 - 1;

export const reasons = {
  created: 'NewReplicaSetCreated',
  found: 'FoundNewReplicaSet',
  updated: 'ReplicaSetUpdated',
  complete: 'NewReplicaSetAvailable',
  timedOut: 'ProgressDeadlineExceeded',
  paused: 'DeploymentPaused',
  resumed: 'DeploymentResumed',
} as const;

export interface RolloutSets {
  newSet: ReplicaSet | undefined;
  oldSets: ReplicaSet[];
}

export function hasDeadline(deployment: Deployment): boolean {
  const seconds = deployment.spec.progressDeadlineSeconds;
  return seconds !== undefined && seconds !== noDeadline;
}

/** A condition that says something new keeps its transition time as long as its status stays the same. */
export function withCondition(conditions: Condition[] | undefined, next: Condition, now = Date.now()): Condition[] {
  const known = findCondition(conditions, next.type);
  if (known?.status === next.status && known.reason === next.reason && known.message === next.message)
    return conditions ?? [];
  const at = timestamp(now);
  const lastTransitionTime = known?.status === next.status ? (known.lastTransitionTime ?? at) : at;
  const others = (conditions ?? []).filter((condition) => condition.type !== next.type);
  return [...others, { ...next, lastUpdateTime: at, lastTransitionTime }];
}

/** The Progressing condition that pausing or resuming asks for, if it is not there yet. */
export function pauseCondition(deployment: Deployment): Condition | undefined {
  const known = findCondition(deployment.status?.conditions, 'Progressing');
  if (!hasDeadline(deployment) || known?.reason === reasons.timedOut) return undefined;
  const notedAsPaused = known?.reason === reasons.paused;
  const paused = deployment.spec.paused === true;
  if (paused && !notedAsPaused) {
    return { type: 'Progressing', status: 'Unknown', reason: reasons.paused, message: 'Deployment is paused' };
  }
  if (!paused && notedAsPaused) {
    return { type: 'Progressing', status: 'Unknown', reason: reasons.resumed, message: 'Deployment is resumed' };
  }
  return undefined;
}

/** The numbers and the conditions Available and ReplicaFailure: what is told while nothing is being rolled out, too. */
export function plainStatus(deployment: Deployment, { newSet, oldSets }: RolloutSets): DeploymentStatus {
  const sets = [...oldSets, ...(newSet === undefined ? [] : [newSet])];
  const available = totalAvailable(sets);
  const sum = (field: 'replicas' | 'readyReplicas') =>
    sets.reduce((total, set) => total + (set.status?.[field] ?? 0), 0);
  const enough = available >= wanted(deployment) - limits(deployment).maxUnavailable;
  const condition: Condition = enough
    ? {
        type: 'Available',
        status: 'True',
        reason: 'MinimumReplicasAvailable',
        message: 'Deployment has minimum availability.',
      }
    : {
        type: 'Available',
        status: 'False',
        reason: 'MinimumReplicasUnavailable',
        message: 'Deployment does not have minimum availability.',
      };
  // Zeros are left out, as Kubernetes' own encoder does.
  return {
    observedGeneration: deployment.metadata.generation,
    replicas: sum('replicas') || undefined,
    updatedReplicas: newSet?.status?.replicas || undefined,
    readyReplicas: sum('readyReplicas') || undefined,
    availableReplicas: available || undefined,
    unavailableReplicas: Math.max(0, totalWanted(sets) - available) || undefined,
    collisionCount: deployment.status?.collisionCount,
    conditions: withFailure(withCondition(deployment.status?.conditions, condition), sets),
  };
}

function withFailure(conditions: Condition[], sets: ReplicaSet[]): Condition[] {
  const failure = sets
    .map((set) => findCondition(set.status?.conditions, 'ReplicaFailure'))
    .find((found) => found !== undefined);
  if (failure === undefined) return conditions.filter((condition) => condition.type !== 'ReplicaFailure');
  const { type, status, reason = '', message = '' } = failure;
  return withCondition(conditions, { type, status, reason, message });
}

/** `plainStatus` with how the rollout goes on: the condition Progressing. */
export function rolloutStatus(deployment: Deployment, sets: RolloutSets, now = Date.now()): DeploymentStatus {
  const status = plainStatus(deployment, sets);
  const known = findCondition(status.conditions, 'Progressing');
  if (!hasDeadline(deployment)) {
    return { ...status, conditions: (status.conditions ?? []).filter((condition) => condition !== known) };
  }
  const settled = (status.replicas ?? 0) === (status.updatedReplicas ?? 0) && known?.reason === reasons.complete;
  if (settled) return status;
  const what =
    sets.newSet === undefined
      ? `Deployment "${deployment.metadata.name}"`
      : `ReplicaSet "${sets.newSet.metadata.name}"`;
  const say = (state: Pick<Condition, 'status' | 'reason'>, ending: string) =>
    withCondition(status.conditions, { type: 'Progressing', ...state, message: `${what} ${ending}` }, now);
  if (isComplete(deployment, status)) {
    return { ...status, conditions: say({ status: 'True', reason: reasons.complete }, 'has successfully progressed.') };
  }
  if (hasProgressed(deployment.status ?? {}, status)) {
    return {
      ...status,
      conditions: refreshed(say({ status: 'True', reason: reasons.updated }, 'is progressing.'), now),
    };
  }
  if (deadline(deployment, known) < now) {
    return { ...status, conditions: say({ status: 'False', reason: reasons.timedOut }, 'has timed out progressing.') };
  }
  return status;
}

/** All wanted pods are new and available, and no other is left. */
export function isComplete(deployment: Deployment, status: DeploymentStatus): boolean {
  const target = wanted(deployment);
  const { updatedReplicas = 0, replicas = 0, availableReplicas = 0, observedGeneration = 0 } = status;
  const all = updatedReplicas === target && replicas === target && availableReplicas === target;
  return all && observedGeneration >= (deployment.metadata.generation ?? 0);
}

/** After how many milliseconds a rollout that does not move has to be declared stuck; undefined when there is no such time. */
export function msUntilStuck(deployment: Deployment, status: DeploymentStatus, now = Date.now()): number | undefined {
  const known = findCondition(status.conditions, 'Progressing');
  if (!hasDeadline(deployment) || isComplete(deployment, status)) return undefined;
  const at = deadline(deployment, known);
  return Number.isFinite(at) ? Math.max(0, at - now) + 50 : undefined;
}

function deadline(deployment: Deployment, progressing: Condition | undefined): number {
  const over =
    progressing === undefined || progressing.reason === reasons.complete || progressing.reason === reasons.timedOut;
  if (over) return Infinity;
  return Date.parse(progressing.lastUpdateTime ?? '') + (deployment.spec.progressDeadlineSeconds ?? 0) * 1000;
}

function oldReplicas({ replicas = 0, updatedReplicas = 0 }: DeploymentStatus): number {
  return replicas - updatedReplicas;
}

function hasProgressed(before: DeploymentStatus, after: DeploymentStatus): boolean {
  const grew = (field: 'updatedReplicas' | 'readyReplicas' | 'availableReplicas') =>
    (after[field] ?? 0) > (before[field] ?? 0);
  return (
    grew('updatedReplicas') ||
    oldReplicas(after) < oldReplicas(before) ||
    grew('readyReplicas') ||
    grew('availableReplicas')
  );
}

/** Every sign of progress starts the deadline anew. */
function refreshed(conditions: Condition[], now: number): Condition[] {
  return conditions.map((condition) =>
    condition.type === 'Progressing' ? { ...condition, lastUpdateTime: timestamp(now) } : condition,
  );
}
