import { TriggerError } from '@kube-trigger/core';
import { type ObjectRef, qualifiedName } from '@kube-trigger/kube';

export const SNAPSHOT_ERRORS = {
  KT_ROLLOUT_UNCOPYABLE: 'With configSnapshot, an object that cannot be copied: the message says why.',
  KT_ROLLOUT_SNAPSHOT_TAKEN: 'With configSnapshot, somebody else has an object of the name that a snapshot must have.',
  KT_ROLLOUT_BUSY: 'With configSnapshot, the workload is changed so often that no patch fits it; it is tried again.',
} as const;

export function uncopyable(origin: ObjectRef, because: string, fix: string): TriggerError {
  return new TriggerError('KT_ROLLOUT_UNCOPYABLE', `${described(origin)} cannot be copied: ${because}`, {
    retry: 'never',
    fix,
  });
}

export function taken(snapshot: ObjectRef, origin: ObjectRef): TriggerError {
  const message = `${described(snapshot)} exists, and is not the snapshot of ${described(origin)} that must have this name`;
  return new TriggerError('KT_ROLLOUT_SNAPSHOT_TAKEN', message, {
    fix: `Delete or rename it: kubectl delete ${snapshot.resource.kind.toLowerCase()} -n ${snapshot.namespace} ${snapshot.name}`,
  });
}

/** What copies need, besides what every rule does. */
export const COPY_VERBS = ['get', 'list', 'create', 'patch', 'delete'];

/** The Role that rules with `configSnapshot` need besides, for objects of this kind. */
export function mayNotCopy(origin: ObjectRef, cause: TriggerError): TriggerError {
  const { resource, namespace = '' } = origin;
  return new TriggerError('KT_ROLLOUT_FORBIDDEN', `kube-trigger may not copy ${described(origin)}: ${cause.message}`, {
    retry: cause.retry,
    cause,
    fix: `${roleFor(namespace, qualifiedName(resource))}; kube-trigger rbac prints all that the rule needs`,
  });
}

/** Found before the first change. `refused` are the first verbs that are missing, e.g. `create configmaps` and `get secrets`. */
export function mayCopyNothing(namespace: string, refused: readonly [string, string]): TriggerError {
  const message = `kube-trigger may copy neither ConfigMaps nor Secrets in ${namespace}: it may not ${refused.join(', nor ')}`;
  return new TriggerError('KT_ROLLOUT_FORBIDDEN', message, {
    retry: 'backoff',
    fix: `${roleFor(namespace, 'configmaps')}, or the same for secrets where the rule watches those; kube-trigger rbac prints all that the rule needs`,
  });
}

function roleFor(namespace: string, resource: string): string {
  const verbs = JSON.stringify(COPY_VERBS).replaceAll(',', ', ');
  return `Add to a Role in namespace ${namespace}, bound to kube-trigger's identity: {apiGroups: [""], resources: ["${resource}"], verbs: ${verbs}}`;
}

export function described({ resource, namespace, name }: ObjectRef): string {
  return `${resource.kind} ${namespace}/${name}`;
}
