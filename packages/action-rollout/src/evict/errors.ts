import { TriggerError } from '@kube-trigger/core';
import { describeTarget, type Place } from '../errors.js';

export function forbiddenToEvict(namespace: string, cause?: TriggerError): TriggerError {
  return new TriggerError('KT_ROLLOUT_FORBIDDEN', `kube-trigger may not evict pods in ${namespace}`, {
    retry: cause?.retry ?? 'backoff',
    cause,
    fix: `Add to a Role in namespace ${namespace}, bound to kube-trigger's identity: {apiGroups: [""], resources: ["pods/eviction"], verbs: ["create"]}`,
  });
}

export function noSelector(place: Place): TriggerError {
  return new TriggerError(
    'KT_ROLLOUT_NO_SELECTOR',
    `${describeTarget(place)} has no labels of its pods at spec.selector`,
    {
      fix: 'Name the pods instead: selector: {kind: Pod, matchLabels: …}, or use strategy: annotate',
    },
  );
}
