import type { FieldError } from '../api-error.js';
import type { KubeObject } from '../api-types.js';
import { asArray, asObject, asString, deepEqual, isObject, type JsonObject } from '../json.js';
import type { Strategy } from '../resources/definition.js';
import { validateLabels } from '../rest/metadata.js';
import { matchesLabelSelector } from '../selectors/match-labels.js';
import { goLabelSelector, goStringMap } from '../go-syntax.js';
import { defaultPodSpec, validatePodSpec } from './pod-spec.js';

function specOf(object: KubeObject): JsonObject {
  if (!isObject(object['spec'])) object['spec'] = {};
  return object['spec'] as JsonObject;
}

function setDefaults(target: JsonObject, defaults: JsonObject): void {
  for (const [key, value] of Object.entries(defaults)) if (target[key] === undefined) target[key] = value;
}

function defaultTemplate(spec: JsonObject): void {
  if (!isObject(spec['template'])) return;
  const { template } = spec;
  template['metadata'] = { creationTimestamp: null, ...asObject(template['metadata']) };
  if (!isObject(template['spec'])) template['spec'] = {};
  defaultPodSpec(template['spec'] as JsonObject);
}

/** Selector and template of a workload must agree. */
function validateWorkload(object: KubeObject): FieldError[] {
  const spec = asObject(object['spec']);
  const template = asObject(spec['template']);
  const labels = asObject(asObject(template['metadata'])['labels']) as { [key: string]: string };
  const selector = spec['selector'];
  const errors: FieldError[] = [];
  const empty = !isObject(selector) || Object.keys(selector).length === 0;
  if (!isObject(selector)) errors.push({ type: 'FieldValueRequired', field: 'spec.selector', detail: '' });
  else if (empty)
    errors.push({
      type: 'FieldValueInvalid',
      field: 'spec.selector',
      value: {},
      detail: `empty selector is invalid for ${object.kind.toLowerCase()}`,
    });
  if (empty || !matchesLabelSelector(selector, labels)) {
    errors.push({
      type: 'FieldValueInvalid',
      field: 'spec.template.metadata.labels',
      value: goStringMap(labels),
      detail: '`selector` does not match template `labels`',
    });
  }
  errors.push(...validateLabels(labels, 'spec.template.labels'));
  const replicas = spec['replicas'];
  if (typeof replicas === 'number' && replicas < 0) {
    errors.push({
      type: 'FieldValueInvalid',
      field: 'spec.replicas',
      value: replicas,
      detail: 'must be greater than or equal to 0',
    });
  }
  errors.push(...validatePodSpec(asObject(template['spec']), 'spec.template.spec'));
  const policy = asObject(template['spec'])['restartPolicy'];
  if (policy !== undefined && policy !== 'Always') {
    errors.push({
      type: 'FieldValueNotSupported',
      field: 'spec.template.spec.restartPolicy',
      value: policy,
      detail: 'supported values: "Always"',
    });
  }
  return errors;
}

function immutableSelector(next: KubeObject, old: KubeObject): FieldError[] {
  const { selector } = asObject(next['spec']);
  if (deepEqual(selector, asObject(old['spec'])['selector'])) return [];
  return [
    {
      type: 'FieldValueInvalid',
      field: 'spec.selector',
      value: goLabelSelector(selector),
      detail: 'field is immutable',
    },
  ];
}

const ROLLING = { type: 'RollingUpdate' };

function initialStatus(status: JsonObject): (object: KubeObject) => void {
  return (object) => {
    object['status'] = { ...status };
  };
}

export const deploymentStrategy: Strategy = {
  prepareCreate: initialStatus({}),
  defaults(object) {
    const spec = specOf(object);
    setDefaults(spec, { replicas: 1, revisionHistoryLimit: 10, progressDeadlineSeconds: 600, strategy: {} });
    const strategy = asObject(spec['strategy']);
    setDefaults(strategy, ROLLING);
    if (strategy['type'] === 'RollingUpdate') {
      if (!isObject(strategy['rollingUpdate'])) strategy['rollingUpdate'] = {};
      setDefaults(strategy['rollingUpdate'] as JsonObject, { maxSurge: '25%', maxUnavailable: '25%' });
    }
    defaultTemplate(spec);
  },
  validate(object) {
    const strategy = asObject(asObject(object['spec'])['strategy']);
    const errors = validateWorkload(object);
    if (strategy['type'] === 'Recreate' && strategy['rollingUpdate'] !== undefined) {
      errors.push({
        type: 'FieldValueForbidden',
        field: 'spec.strategy.rollingUpdate',
        detail: "may not be specified when strategy `type` is 'Recreate'",
      });
    }
    return errors;
  },
  validateUpdate: immutableSelector,
};

const STATEFUL_SET_MUTABLE = [
  'replicas',
  'template',
  'updateStrategy',
  'minReadySeconds',
  'persistentVolumeClaimRetentionPolicy',
  'ordinals',
  'revisionHistoryLimit',
];

function fixedStatefulSetSpec(object: KubeObject): JsonObject {
  const rest = { ...asObject(object['spec']) };
  for (const field of STATEFUL_SET_MUTABLE) delete rest[field];
  return rest;
}

export const statefulSetStrategy: Strategy = {
  prepareCreate: initialStatus({ replicas: 0 }),
  defaults(object) {
    const spec = specOf(object);
    setDefaults(spec, {
      replicas: 1,
      revisionHistoryLimit: 10,
      podManagementPolicy: 'OrderedReady',
      serviceName: '',
      updateStrategy: {},
    });
    const strategy = asObject(spec['updateStrategy']);
    setDefaults(strategy, ROLLING);
    if (strategy['type'] === 'RollingUpdate') {
      if (!isObject(strategy['rollingUpdate'])) strategy['rollingUpdate'] = {};
      setDefaults(strategy['rollingUpdate'] as JsonObject, { partition: 0 });
    }
    defaultTemplate(spec);
    for (const claim of asArray(spec['volumeClaimTemplates'])) if (isObject(claim)) defaultClaim(claim);
  },
  validate: validateWorkload,
  validateUpdate(next, old) {
    if (deepEqual(fixedStatefulSetSpec(next), fixedStatefulSetSpec(old))) return [];
    return [
      {
        type: 'FieldValueForbidden',
        field: 'spec',
        detail:
          "updates to statefulset spec for fields other than 'replicas', 'template', and 'updateStrategy' are forbidden",
      },
    ];
  },
};

function defaultClaim(claim: JsonObject): void {
  setDefaults(claim, { apiVersion: 'v1', kind: 'PersistentVolumeClaim', status: { phase: 'Pending' } });
  claim['metadata'] = { creationTimestamp: null, ...asObject(claim['metadata']) };
  setDefaults(asObject(claim['spec']), { volumeMode: 'Filesystem' });
}

export const daemonSetStrategy: Strategy = {
  prepareCreate: initialStatus({
    currentNumberScheduled: 0,
    numberMisscheduled: 0,
    desiredNumberScheduled: 0,
    numberReady: 0,
  }),
  defaults(object) {
    const spec = specOf(object);
    setDefaults(spec, { revisionHistoryLimit: 10, updateStrategy: {} });
    const strategy = asObject(spec['updateStrategy']);
    setDefaults(strategy, ROLLING);
    if (strategy['type'] === 'RollingUpdate') {
      if (!isObject(strategy['rollingUpdate'])) strategy['rollingUpdate'] = {};
      setDefaults(strategy['rollingUpdate'] as JsonObject, { maxUnavailable: 1 });
    }
    defaultTemplate(spec);
  },
  validate: validateWorkload,
  validateUpdate: immutableSelector,
};

export const replicaSetStrategy: Strategy = {
  prepareCreate: initialStatus({ replicas: 0 }),
  defaults(object) {
    const spec = specOf(object);
    setDefaults(spec, { replicas: 1 });
    defaultTemplate(spec);
  },
  validate: validateWorkload,
  validateUpdate: immutableSelector,
};

/** Jobs get a selector of their own uid, so that they never adopt another's pods. */
export const jobStrategy: Strategy = {
  defaults(object) {
    const spec = specOf(object);
    if (spec['completions'] === undefined && spec['parallelism'] === undefined)
      setDefaults(spec, { completions: 1, parallelism: 1 });
    setDefaults(spec, { parallelism: 1, backoffLimit: 6 });
    defaultTemplate(spec);
  },
  prepareCreate(object) {
    object['status'] = {};
    const spec = specOf(object);
    if (spec['manualSelector'] === true) return;
    const uid = object.metadata.uid ?? '';
    spec['selector'] = { matchLabels: { 'controller-uid': uid } };
    const metadata = asObject(asObject(spec['template'])['metadata']);
    metadata['labels'] = { ...asObject(metadata['labels']), 'controller-uid': uid, 'job-name': object.metadata.name };
  },
  validate(object) {
    const spec = asObject(asObject(asObject(object['spec'])['template'])['spec']);
    const errors = validatePodSpec(spec, 'spec.template.spec');
    const policy = spec['restartPolicy'];
    if (policy === 'Always') {
      errors.push({
        type: 'FieldValueNotSupported',
        field: 'spec.template.spec.restartPolicy',
        value: policy,
        detail: 'supported values: "OnFailure", "Never"',
      });
    }
    return errors;
  },
  validateUpdate: immutableSelector,
};

export const cronJobStrategy: Strategy = {
  prepareCreate: initialStatus({}),
  defaults(object) {
    const spec = specOf(object);
    setDefaults(spec, {
      concurrencyPolicy: 'Allow',
      suspend: false,
      successfulJobsHistoryLimit: 3,
      failedJobsHistoryLimit: 1,
    });
    const jobSpec = asObject(asObject(spec['jobTemplate'])['spec']);
    defaultTemplate(jobSpec);
  },
  validate(object) {
    const { schedule } = asObject(object['spec']);
    const text = asString(schedule) ?? '';
    if (text === '') return [{ type: 'FieldValueRequired', field: 'spec.schedule', detail: '' }];
    const fields = text.trim().split(/\s+/).length;
    if (fields === 5 || text.startsWith('@') || /^(?:CRON_)?TZ=/.test(text)) return [];
    return [
      {
        type: 'FieldValueInvalid',
        field: 'spec.schedule',
        value: text,
        detail: `Expected exactly 5 fields, found ${fields}: ${text}`,
      },
    ];
  },
};
