import { matchesLabelSelector } from '../selectors/match-labels.js';
import { asError, isApiError } from './api-client.js';
import { randomSuffix } from './canonical.js';
import { type Cluster, fieldManager } from './cluster.js';
import {
  controllerOf,
  controllerReference,
  type Draft,
  findCondition,
  type KubeObject,
  type LabelSelector,
  type Pod,
  type PodTemplate,
} from './objects.js';

/** Neither finished nor being deleted: it counts towards the wanted number. */
export function isActive(pod: Pod): boolean {
  return !isFinished(pod) && pod.metadata.deletionTimestamp === undefined;
}

export function isFinished(pod: Pod): boolean {
  return pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
}

export function isReady(pod: Pod): boolean {
  return findCondition(pod.status?.conditions, 'Ready')?.status === 'True';
}

/** Milliseconds until the pod has been ready for `minReadySeconds`: 0 when it is available, undefined when it is not ready. */
export function msUntilAvailable(pod: Pod, minReadySeconds: number, now: number): number | undefined {
  const ready = findCondition(pod.status?.conditions, 'Ready');
  if (ready?.status !== 'True') return undefined;
  if (minReadySeconds === 0) return 0;
  return Math.max(0, Date.parse(ready.lastTransitionTime ?? '') + minReadySeconds * 1000 - now);
}

/** Counts the available ones, and says after how many milliseconds the next one will be (undefined: none is on the way). */
export function availability(
  pods: Pod[],
  minReadySeconds: number,
): { available: number; nextInMs: number | undefined } {
  const now = Date.now();
  const waits = pods.map((pod) => msUntilAvailable(pod, minReadySeconds, now)).filter((wait) => wait !== undefined);
  const coming = waits.filter((wait) => wait > 0);
  return { available: waits.length - coming.length, nextInMs: coming.length === 0 ? undefined : Math.min(...coming) };
}

/** A pod made from a template for its owner. Without a name it gets `<owner>-<five random characters>`. */
export function podFrom(template: PodTemplate, owner: KubeObject, name?: string): Draft<Pod> {
  // A name has at most 63 characters.
  const generateName = `${owner.metadata.name.slice(0, 57)}-`;
  return {
    metadata: {
      name: name ?? `${generateName}${randomSuffix()}`,
      generateName,
      namespace: owner.metadata.namespace ?? '',
      labels: { ...template.metadata?.labels },
      annotations: { ...template.metadata?.annotations },
      ownerReferences: [controllerReference(owner)],
    },
    spec: structuredClone(template.spec),
  };
}

/** Who makes and deletes pods, and how it says so in Events. */
export interface PodOwner {
  object: KubeObject;
  component: string;
  phrase?: (verb: 'create' | 'delete', pod: string) => string;
}

function plainPhrase(verb: 'create' | 'delete', pod: string): string {
  return verb === 'create' ? `Created pod: ${pod}` : `Deleted pod: ${pod}`;
}

/** Creates a pod and tells so in an Event on its owner. In a namespace that is going away there is nothing to do: false. */
export async function createPod(cluster: Cluster, draft: Draft<Pod>, owner: PodOwner): Promise<boolean> {
  const { object, component, phrase = plainPhrase } = owner;
  try {
    const pod = await cluster.pods.create(draft, fieldManager);
    const message = phrase('create', pod.metadata.name);
    cluster.events.record(object, { type: 'Normal', reason: 'SuccessfulCreate', message, component });
    return true;
  } catch (error) {
    if (isNamespaceGoing(error)) return false;
    const message = `Error creating: ${asError(error).message}`;
    cluster.events.record(object, { type: 'Warning', reason: 'FailedCreate', message, component });
    throw error;
  }
}

export async function deletePod(cluster: Cluster, pod: Pod, owner: PodOwner): Promise<void> {
  const { object, component, phrase = plainPhrase } = owner;
  await cluster.pods.delete(pod);
  const message = phrase('delete', pod.metadata.name);
  cluster.events.record(object, { type: 'Normal', reason: 'SuccessfulDelete', message, component });
}

/** The owner's pods. One whose labels the selector no longer matches is set free first, so that someone can look into it. */
export async function claimPods(
  cluster: Cluster,
  owner: KubeObject & { spec: { selector: LabelSelector } },
): Promise<Pod[]> {
  const claimed: Pod[] = [];
  for (const pod of cluster.pods.ownedBy(owner)) {
    const stays =
      matchesLabelSelector(owner.spec.selector, pod.metadata.labels) || owner.metadata.deletionTimestamp !== undefined;
    if (stays || pod.metadata.deletionTimestamp !== undefined) claimed.push(pod);
    else await release(cluster, pod);
  }
  return claimed;
}

async function release(cluster: Cluster, pod: Pod): Promise<void> {
  const owner = controllerOf(pod);
  const ownerReferences = pod.metadata.ownerReferences?.filter((reference) => reference !== owner);
  const { resourceVersion } = pod.metadata;
  await cluster.pods.patch(pod, { metadata: { resourceVersion, ownerReferences } }, fieldManager);
}

function isNamespaceGoing(error: unknown): boolean {
  return isApiError(error, 403) && (error as { causes?: string[] }).causes?.includes('NamespaceTerminating') === true;
}
