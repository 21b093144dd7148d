import { isTriggerError, TriggerError } from '@kube-trigger/core';
import { type ObjectRef, qualifiedName } from '@kube-trigger/kube';

export const ROLLOUT_ERRORS = {
  KT_ROLLOUT_TARGET_NOT_FOUND: 'The workload to roll does not exist; the action is repeated until it does.',
  KT_ROLLOUT_FORBIDDEN: 'The API server does not let kube-trigger read or patch the workload; the message has the fix.',
} as const;

/** `StatefulSet/shop/busybox`: how results name a target. */
export function targetOf({ resource, namespace, name }: ObjectRef): string {
  return `${resource.kind}/${namespace}/${name}`;
}

/** `StatefulSet shop/busybox`: how sentences name a target. */
export function describeTarget({ resource, namespace, name }: ObjectRef): string {
  return `${resource.kind} ${namespace}/${name}`;
}

/** What the Kubernetes client rejected with, as this action says it. Anything but 403 and 404 passes through. */
export function rolloutError(thrown: unknown, ref: ObjectRef, verb: 'get' | 'patch'): unknown {
  if (!isTriggerError(thrown)) return thrown;
  if (thrown.code === 'KT_KUBE_NOT_FOUND') return notFound(ref, thrown);
  if (thrown.code === 'KT_KUBE_FORBIDDEN') return refused(ref, verb, thrown);
  return thrown;
}

function notFound(ref: ObjectRef, cause: TriggerError): TriggerError {
  return new TriggerError('KT_ROLLOUT_TARGET_NOT_FOUND', `${describeTarget(ref)} does not exist`, {
    retry: cause.retry,
    cause,
    fix: 'Create it, or correct spec.actions[].updatePodTemplate.objectRef',
  });
}

/** A 403 is RBAC's, or else that of an admission plugin (a quota, a policy), which no Role can help. */
function refused(ref: ObjectRef, verb: 'get' | 'patch', cause: TriggerError): TriggerError {
  if (/\bcannot (get|patch) resource\b/.test(cause.message)) return forbidden(ref, verb, cause);
  return new TriggerError('KT_ROLLOUT_FORBIDDEN', `${describeTarget(ref)} may not be changed: ${cause.message}`, {
    retry: cause.retry,
    cause,
    fix: "Grant kube-trigger's identity get and patch on it; if it has them, an admission policy of the cluster refused this change",
  });
}

export function forbidden(ref: ObjectRef, verb: 'get' | 'patch', cause?: TriggerError): TriggerError {
  const { resource, namespace, name } = ref;
  const rule = `{apiGroups: ["${resource.group}"], resources: ["${resource.plural}"], verbs: ["get", "patch"], resourceNames: ["${name}"]}`;
  return new TriggerError(
    'KT_ROLLOUT_FORBIDDEN',
    `kube-trigger may not ${verb} ${describeTarget(ref)} (${qualifiedName(resource)})`,
    {
      retry: cause?.retry ?? 'backoff',
      cause,
      fix: `Add to a Role in namespace ${namespace}, bound to kube-trigger's identity: ${rule}`,
    },
  );
}
