import { isTriggerError, TriggerError } from '@kube-trigger/core';
import { EVICT_ERRORS } from './evict/error-codes.js';
import { type ObjectRef, qualifiedName, type Resource } from '@kube-trigger/kube';
import { SNAPSHOT_ERRORS } from './snapshot/errors.js';

export const ROLLOUT_ERRORS = {
  KT_ROLLOUT_TARGET_NOT_FOUND: 'The workload to roll does not exist; the action is repeated until it does.',
  KT_ROLLOUT_FORBIDDEN:
    'The API server does not let kube-trigger watch, read or patch the workload; the message has the fix.',
  KT_ROLLOUT_TEMPLATE:
    'The workload has no pod template at the path that the rule names, or its schema does not keep annotations there.',
  KT_ROLLOUT_NO_OBJECT:
    'With referencing, an event that is not about a ConfigMap, Secret or SecretProviderClass; or one asked for by hand, about an object in another namespace than the rule.',
  KT_ROLLOUT_INCOMPLETE: 'Some targets failed, the others are done; only those that failed are tried again.',
  KT_ROLLOUT_CONTESTED: 'Somebody else keeps removing the annotation, and each removal rolls the workload once more.',
  KT_ROLLOUT_WAVE_FAILED: 'With pacing, a rollout failed or came no further: the rest of the change is not rolled.',
  ...EVICT_ERRORS,
  ...SNAPSHOT_ERRORS,
} as const;

/** One object, or all of a kind in a namespace. */
export interface Place {
  readonly resource: Resource;
  readonly namespace?: string | undefined;
  readonly name?: string | undefined;
  /** What is needed there. Default: what targets need. */
  readonly verbs?: readonly string[] | undefined;
}

const TARGET_VERBS = ['get', 'list', 'watch', 'patch'];
/** Pods are looked at and evicted, never changed. */
const POD_VERBS = ['list', 'watch'];

/** `StatefulSet/shop/busybox`: how results name a target. */
export function targetOf({ resource, namespace, name }: ObjectRef): string {
  return `${resource.kind}/${namespace}/${name}`;
}

/** `StatefulSet shop/busybox`: how sentences name a target. */
export function describeTarget({ resource, namespace, name }: Place): string {
  return name === undefined ? `${resource.plural} in ${namespace}` : `${resource.kind} ${namespace}/${name}`;
}

/** What the Kubernetes client rejected with, as this action says it. Anything but 403 and 404 passes through. */
export function rolloutError(thrown: unknown, place: Place): unknown {
  if (!isTriggerError(thrown)) return thrown;
  if (thrown.code === 'KT_KUBE_NOT_FOUND' && place.name !== undefined) return notFound(place, thrown);
  if (thrown.code === 'KT_KUBE_FORBIDDEN') return refused(place, thrown);
  return thrown;
}

export async function failingAs<T>(place: Place, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (thrown) {
    throw rolloutError(thrown, place);
  }
}

export function notFound(place: Place, cause?: TriggerError): TriggerError {
  return new TriggerError('KT_ROLLOUT_TARGET_NOT_FOUND', `${describeTarget(place)} does not exist`, {
    retry: cause?.retry ?? 'backoff',
    cause,
    fix: 'Create it, or correct updatePodTemplate.objectRef of the action',
  });
}

export function noTemplate(place: Place, path: readonly string[]): TriggerError {
  return new TriggerError('KT_ROLLOUT_TEMPLATE', `${describeTarget(place)} has no pod template at ${path.join('.')}`, {
    fix: 'Correct updatePodTemplate.podTemplatePath of the action',
  });
}

/** A 403 is RBAC's, or else that of an admission plugin (a quota, a policy), which no Role can help. */
function refused(place: Place, cause: TriggerError): TriggerError {
  const verb = /\bcannot (get|list|watch|patch) resource\b/.exec(cause.message)?.[1];
  if (verb !== undefined) return forbidden(place, verb, cause);
  return new TriggerError('KT_ROLLOUT_FORBIDDEN', `${describeTarget(place)} may not be changed: ${cause.message}`, {
    retry: cause.retry,
    cause,
    fix: "Grant kube-trigger's identity get, list, watch and patch on it; if it has them, an admission policy of the cluster refused this change",
  });
}

export function forbidden(place: Place, verb: string, cause?: TriggerError): TriggerError {
  const { resource, namespace, name, verbs = resource.kind === 'Pod' ? POD_VERBS : TARGET_VERBS } = place;
  const names = name === undefined ? '' : `, resourceNames: ["${name}"]`;
  const rule = `{apiGroups: ["${resource.group}"], resources: ["${resource.plural}"], verbs: ${JSON.stringify(verbs).replaceAll(',', ', ')}${names}}`;
  return new TriggerError(
    'KT_ROLLOUT_FORBIDDEN',
    `kube-trigger may not ${verb} ${describeTarget(place)} (${qualifiedName(resource)})`,
    {
      retry: cause?.retry ?? 'backoff',
      cause,
      fix: `Add to a Role in namespace ${namespace}, bound to kube-trigger's identity: ${rule}`,
    },
  );
}

/** Undefined for a target that is gone: one of many may go at any time, but one that the rule names (`objectRef`) must be there. */
export async function unlessGone<T>(
  { objectRef }: { readonly objectRef?: unknown },
  call: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await call();
  } catch (thrown) {
    const gone = isTriggerError(thrown) && thrown.code === 'KT_ROLLOUT_TARGET_NOT_FOUND';
    if (gone && objectRef === undefined) return undefined;
    throw thrown;
  }
}
