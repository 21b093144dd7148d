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

/** The Role that rules with `configSnapshot` need besides, for objects of this kind. */
export function mayNotCopy(origin: ObjectRef, cause: TriggerError): TriggerError {
  const { resource, namespace } = origin;
  const verbs = '["get", "list", "create", "patch", "delete"]';
  return new TriggerError('KT_ROLLOUT_FORBIDDEN', `kube-trigger may not copy ${described(origin)}: ${cause.message}`, {
    retry: cause.retry,
    cause,
    fix: `Add to a Role in namespace ${namespace}, bound to kube-trigger's identity: {apiGroups: [""], resources: ["${qualifiedName(resource)}"], verbs: ${verbs}}; kube-trigger rbac prints all that the rule needs`,
  });
}

export function described({ resource, namespace, name }: ObjectRef): string {
  return `${resource.kind} ${namespace}/${name}`;
}
