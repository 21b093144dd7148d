import type { Resource } from '@kube-trigger/kube';

export const API_GROUP = 'app.example.com';
export const API_VERSION = 'v1alpha1';
export const API_GROUP_VERSION = `${API_GROUP}/${API_VERSION}`;

export const TRIGGER_RULE: Resource = {
  group: API_GROUP,
  version: API_VERSION,
  plural: 'triggerrules',
  kind: 'TriggerRule',
  namespaced: true,
};

/** What rules remember; written by the operator only. */
export const TRIGGER_CHECKPOINT: Resource = {
  group: API_GROUP,
  version: API_VERSION,
  plural: 'triggercheckpoints',
  kind: 'TriggerCheckpoint',
  namespaced: true,
};

/** Set to any new value to make a rule act again after its breaker tripped. */
export const RESUME_ANNOTATION = `${API_GROUP}/resume`;
/** Set to any new value to have the rule's dead letters delivered again. */
export const RETRY_ANNOTATION = `${API_GROUP}/retry`;
/** Set to any new value to run the rule's actions by hand; `kube-trigger fire` writes who asked and for what (see `manualRunOf`). */
export const FIRE_ANNOTATION = `${API_GROUP}/fire`;
/** On checkpoints: the uid of the rule that they belong to. */
export const RULE_UID_LABEL = `${API_GROUP}/rule-uid`;
