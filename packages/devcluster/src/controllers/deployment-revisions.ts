import { isApiError } from './api-client.js';
import { sameJson, shortHash } from './canonical.js';
import { type Cluster, fieldManager } from './cluster.js';
import { byAge, desiredAnnotation, maxAnnotation, mostPods, nextNewSize, wanted } from './deployment-sizes.js';
import { hasDeadline, reasons, type RolloutSets, withCondition } from './deployment-status.js';
import {
  controllerReference,
  type Deployment,
  type Draft,
  findCondition,
  type PodTemplate,
  type ReplicaSet,
} from './objects.js';

export const hashLabel = 'pod-template-hash';
export const revisionAnnotation = 'deployment.kubernetes.io/revision';
export const component = 'deployment-controller';
const historyAnnotation = 'deployment.kubernetes.io/revision-history';

/** What a ReplicaSet does not take over from its Deployment's annotations. */
const ownAnnotations = new Set([
  'kubectl.kubernetes.io/last-applied-configuration',
  revisionAnnotation,
  historyAnnotation,
  desiredAnnotation,
  maxAnnotation,
  'deprecated.deployment.rollback.to',
]);

export function revisionOf(object: Deployment | ReplicaSet): number {
  return Number.parseInt(object.metadata.annotations?.[revisionAnnotation] ?? '', 10) || 0;
}

/** Splits the Deployment's ReplicaSets into the one of the present template, the oldest if there are several, and all others. */
export function splitSets(deployment: Deployment, sets: ReplicaSet[]): RolloutSets {
  const ordered = sets.toSorted(byAge);
  const newSet = ordered.find((set) => sameTemplate(set.spec.template, deployment.spec.template));
  return { newSet, oldSets: ordered.filter((set) => set !== newSet) };
}

function sameTemplate(ofSet: PodTemplate, ofDeployment: PodTemplate): boolean {
  return sameJson(withoutHash(ofSet), withoutHash(ofDeployment));
}

function withoutHash(template: PodTemplate): PodTemplate {
  const { [hashLabel]: _, ...labels } = template.metadata?.labels ?? {};
  return { ...template, metadata: { ...template.metadata, labels, annotations: template.metadata?.annotations ?? {} } };
}

export interface Rollout extends RolloutSets {
  /** With the revision and the conditions that are to be written with the next status. */
  deployment: Deployment;
}

/**
 * Makes the ReplicaSet of the present template the one of the highest revision, creates it when it is missing, and copies its
 * revision to the Deployment. An existing one, as after `kubectl rollout undo`, is taken again under a new revision.
 */
export async function ensureNewSet(cluster: Cluster, deployment: Deployment, sets: RolloutSets): Promise<Rollout> {
  const revision = Math.max(0, ...sets.oldSets.map(revisionOf)) + 1;
  const known = sets.newSet;
  const newSet =
    known === undefined
      ? await createSet(cluster, deployment, { ...sets, revision })
      : await renumber(cluster, deployment, { known, revision });
  const annotated = annotate(deployment, revisionOf(newSet));
  const { name } = newSet.metadata;
  const { reason, message } =
    known === undefined
      ? { reason: reasons.created, message: `Created new replica set "${name}"` }
      : { reason: reasons.found, message: `Found new replica set "${name}"` };
  const due =
    hasDeadline(deployment) &&
    (known === undefined || findCondition(deployment.status?.conditions, 'Progressing') === undefined);
  const { conditions } = deployment.status ?? {};
  const noted = due ? withCondition(conditions, { type: 'Progressing', status: 'True', reason, message }) : conditions;
  return {
    deployment: { ...annotated, status: { ...annotated.status, conditions: noted ?? [] } },
    newSet,
    oldSets: sets.oldSets,
  };
}

/** Keeps the existing set's revision up to date without making one. */
export async function renumber(
  cluster: Cluster,
  deployment: Deployment,
  { known, revision }: { known: ReplicaSet; revision: number },
): Promise<ReplicaSet> {
  const present = known.metadata.annotations ?? {};
  const annotations: Record<string, string> = { ...inherited(deployment), ...sizeAnnotations(deployment) };
  const before = present[revisionAnnotation];
  if (revisionOf(known) < revision) {
    annotations[revisionAnnotation] = String(revision);
    const history = present[historyAnnotation];
    if (before !== undefined) annotations[historyAnnotation] = history === undefined ? before : `${history},${before}`;
  }
  const minReadySeconds = deployment.spec.minReadySeconds ?? 0;
  // The sizes are noted when the set is resized: a difference is how a change of spec.replicas is noticed.
  delete annotations[desiredAnnotation];
  delete annotations[maxAnnotation];
  const same = Object.entries(annotations).every(([name, value]) => present[name] === value);
  if (same && (known.spec.minReadySeconds ?? 0) === minReadySeconds) return known;
  const spec = { minReadySeconds: minReadySeconds === 0 ? null : minReadySeconds };
  return cluster.replicaSets.patch(known, { metadata: { annotations }, spec }, fieldManager);
}

async function createSet(
  cluster: Cluster,
  deployment: Deployment,
  { oldSets, revision }: { oldSets: ReplicaSet[]; revision: number },
): Promise<ReplicaSet> {
  const draft = draftSet(deployment, { revision, replicas: nextNewSize(deployment, 0, oldSets) });
  try {
    const set = await cluster.replicaSets.create(draft, fieldManager);
    if (wanted(set) > 0) noteResize(cluster, deployment, { set, from: 0, to: wanted(set) });
    return set;
  } catch (error) {
    if (isApiError(error, 409, 'AlreadyExists')) await noteCollision(cluster, deployment, draft);
    throw error;
  }
}

/** The name is taken: unless by the very set that is wanted (its news are late), the next attempt takes another hash. */
async function noteCollision(cluster: Cluster, deployment: Deployment, draft: Draft<ReplicaSet>): Promise<void> {
  const existing = await cluster.replicaSets.read({
    namespace: deployment.metadata.namespace ?? '',
    name: draft.metadata.name,
  });
  const owned = existing.metadata.ownerReferences?.some(
    ({ uid, controller }) => controller === true && uid === deployment.metadata.uid,
  );
  if (owned === true && sameTemplate(existing.spec.template, deployment.spec.template)) return;
  const status = { ...deployment.status, collisionCount: (deployment.status?.collisionCount ?? 0) + 1 };
  await cluster.deployments.updateStatus({ ...deployment, status }, fieldManager);
}

function draftSet(
  deployment: Deployment,
  { revision, replicas }: { revision: number; replicas: number },
): Draft<ReplicaSet> {
  const { template, selector, minReadySeconds } = deployment.spec;
  const hash = shortHash(template, deployment.status?.collisionCount ?? 0);
  const labels = { ...template.metadata?.labels, [hashLabel]: hash };
  return {
    metadata: {
      name: `${deployment.metadata.name}-${hash}`,
      namespace: deployment.metadata.namespace ?? '',
      labels,
      annotations: { ...inherited(deployment), ...sizeAnnotations(deployment), [revisionAnnotation]: String(revision) },
      ownerReferences: [controllerReference(deployment)],
    },
    spec: {
      replicas,
      minReadySeconds,
      selector: { ...selector, matchLabels: { ...selector.matchLabels, [hashLabel]: hash } },
      template: { ...template, metadata: { ...template.metadata, labels } },
    },
  };
}

function inherited(deployment: Deployment): Record<string, string> {
  return Object.fromEntries(
    Object.entries(deployment.metadata.annotations ?? {}).filter(([name]) => !ownAnnotations.has(name)),
  );
}

export function sizeAnnotations(deployment: Deployment): Record<string, string> {
  return { [desiredAnnotation]: String(wanted(deployment)), [maxAnnotation]: String(mostPods(deployment)) };
}

/** Notes the revision on the Deployment; it is written with the next status, since another way would bump the generation. */
export function annotate(deployment: Deployment, revision: number): Deployment {
  const annotations = { ...deployment.metadata.annotations, [revisionAnnotation]: String(revision) };
  return { ...deployment, metadata: { ...deployment.metadata, annotations } };
}

export function noteResize(
  cluster: Cluster,
  deployment: Deployment,
  { set, from, to }: { set: ReplicaSet; from: number; to: number },
): void {
  const message = `Scaled ${to > from ? 'up' : 'down'} replica set ${set.metadata.name} to ${to}`;
  cluster.events.record(deployment, { type: 'Normal', reason: 'ScalingReplicaSet', message, component });
}
