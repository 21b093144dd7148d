import type { FieldError } from '../api-error.js';
import type { KubeObject } from '../api-types.js';
import { asArray, asObject, deepEqual, isObject, type JsonObject } from '../json.js';
import type { Strategy } from '../resources/definition.js';
import { label1035Errors, labelErrors, pathSegmentErrors } from '../schema/names.js';
import { defaultPodSpec, validatePodSpec } from './pod-spec.js';

export const namespaceStrategy: Strategy = {
  validateName: labelErrors,
  prepareCreate(namespace) {
    const finalizers = asArray(asObject(namespace['spec'])['finalizers']);
    namespace['spec'] = { finalizers: [...new Set([...finalizers, 'kubernetes'])] };
    namespace['status'] = { phase: 'Active' };
  },
  // spec.finalizers are changed through the `finalize` subresource only.
  prepareUpdate(next, old) {
    next['spec'] = old['spec'];
  },
};

const POD_MUTABLE = ['activeDeadlineSeconds', 'tolerations', 'terminationGracePeriodSeconds', 'schedulingGates'];

export const podStrategy: Strategy = {
  defaults(pod) {
    if (!isObject(pod['spec'])) pod['spec'] = {};
    const spec = pod['spec'] as JsonObject;
    defaultPodSpec(spec);
    if (spec['enableServiceLinks'] === undefined) spec['enableServiceLinks'] = true;
  },
  prepareCreate(pod) {
    pod['status'] = { phase: 'Pending', qosClass: qosClass(asObject(pod['spec'])) };
    const spec = asObject(pod['spec']);
    if (spec['serviceAccountName'] === undefined) {
      spec['serviceAccountName'] = 'default';
      spec['serviceAccount'] = 'default';
    }
  },
  validate: (pod) => validatePodSpec(asObject(pod['spec']), 'spec'),
  validateUpdate(next, old) {
    if (deepEqual(fixedPodSpec(next), fixedPodSpec(old))) return [];
    return [
      {
        type: 'FieldValueForbidden',
        field: 'spec',
        detail:
          'pod updates may not change fields other than `spec.containers[*].image`, `spec.initContainers[*].image`, `spec.activeDeadlineSeconds` or `spec.tolerations` (only additions to existing tolerations)',
      },
    ];
  },
};

function fixedPodSpec(pod: KubeObject): JsonObject {
  const spec = { ...asObject(pod['spec']) };
  for (const field of POD_MUTABLE) delete spec[field];
  for (const list of ['containers', 'initContainers']) {
    if (spec[list] !== undefined) spec[list] = asArray(spec[list]).map((each) => ({ ...asObject(each), image: '' }));
  }
  return spec;
}

/** Guaranteed when all limits equal all requests, BestEffort when there are none. */
function qosClass(spec: JsonObject): string {
  const resources = asArray(spec['containers']).map((each) => asObject(asObject(each)['resources']));
  const none = resources.every((each) => isEmpty(each['limits']) && isEmpty(each['requests']));
  if (none) return 'BestEffort';
  const equal = resources.every(({ limits, requests }) => {
    const { cpu, memory } = asObject(limits);
    return cpu !== undefined && memory !== undefined && (isEmpty(requests) || deepEqual(limits, requests));
  });
  return equal ? 'Guaranteed' : 'Burstable';
}

function isEmpty(value: unknown): boolean {
  return Object.keys(asObject(value)).length === 0;
}

export const leaseStrategy: Strategy = {
  validate(lease) {
    const { leaseDurationSeconds: seconds, leaseTransitions: transitions } = asObject(lease['spec']);
    const errors: FieldError[] = [];
    if (typeof seconds === 'number' && seconds <= 0) {
      errors.push({
        type: 'FieldValueInvalid',
        field: 'spec.leaseDurationSeconds',
        value: seconds,
        detail: 'must be greater than 0',
      });
    }
    if (typeof transitions === 'number' && transitions < 0) {
      const detail = 'must be greater than or equal to 0';
      errors.push({ type: 'FieldValueInvalid', field: 'spec.leaseTransitions', value: transitions, detail });
    }
    return errors;
  },
};

export const eventStrategy: Strategy = {
  validateName: pathSegmentErrors,
  defaults(event) {
    const defaults = {
      source: {},
      firstTimestamp: null,
      lastTimestamp: null,
      eventTime: null,
      reportingComponent: '',
      reportingInstance: '',
    };
    for (const [key, value] of Object.entries(defaults)) if (event[key] === undefined) event[key] = value;
  },
  validate(event) {
    const involved = asObject(event['involvedObject'])['namespace'] ?? '';
    const namespace = event.metadata.namespace ?? '';
    // Events about cluster-scoped objects live in `default`.
    if (involved === namespace || (involved === '' && (namespace === 'default' || namespace === ''))) return [];
    return [
      {
        type: 'FieldValueInvalid',
        field: 'involvedObject.namespace',
        value: involved,
        detail: 'does not match event.namespace',
      },
    ];
  },
};

export const serviceStrategy: Strategy = {
  validateName: label1035Errors,
  defaults(service) {
    if (!isObject(service['spec'])) service['spec'] = {};
    const spec = service['spec'] as JsonObject;
    if (spec['type'] === undefined) spec['type'] = 'ClusterIP';
    if (spec['sessionAffinity'] === undefined) spec['sessionAffinity'] = 'None';
    for (const port of asArray(spec['ports'])) {
      if (!isObject(port)) continue;
      if (port['protocol'] === undefined) port['protocol'] = 'TCP';
      if (port['targetPort'] === undefined && spec['clusterIP'] !== 'None') port['targetPort'] = port['port'];
    }
  },
  prepareCreate(service) {
    const spec = asObject(service['spec']);
    if (spec['type'] !== 'ExternalName' && spec['clusterIP'] === undefined) spec['clusterIP'] = nextClusterIp();
    if (typeof spec['clusterIP'] === 'string') spec['clusterIPs'] = [spec['clusterIP']];
    service['status'] = { loadBalancer: {} };
  },
  prepareUpdate(next, old) {
    const spec = asObject(next['spec']);
    const before = asObject(old['spec']);
    for (const field of ['clusterIP', 'clusterIPs'])
      if (spec[field] === undefined && before[field] !== undefined) spec[field] = before[field];
  },
  validate(service) {
    const spec = asObject(service['spec']);
    if (asArray(spec['ports']).length > 0 || spec['clusterIP'] === 'None' || spec['type'] === 'ExternalName') return [];
    return [{ type: 'FieldValueRequired', field: 'spec.ports', detail: '' }];
  },
};

let serviceCount = 0;

/** Addresses of 10.96.0.0/16 that only look right: nothing routes to them. */
function nextClusterIp(): string {
  serviceCount += 1;
  return `10.96.${(serviceCount >> 8) & 255}.${serviceCount & 255}`;
}
