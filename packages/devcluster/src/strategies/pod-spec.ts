import type { FieldError } from '../api-error.js';
import { asArray, asObject, asString, isObject, type JsonObject } from '../json.js';
import { labelErrors } from '../schema/names.js';

function setDefault(target: JsonObject, key: string, value: unknown): void {
  if (target[key] === undefined || target[key] === '') target[key] = value;
}

/** The defaults of `v1.PodSpec` that controllers and clients see. */
export function defaultPodSpec(spec: JsonObject): void {
  setDefault(spec, 'restartPolicy', 'Always');
  setDefault(spec, 'terminationGracePeriodSeconds', 30);
  setDefault(spec, 'dnsPolicy', 'ClusterFirst');
  setDefault(spec, 'securityContext', {});
  setDefault(spec, 'schedulerName', 'default-scheduler');
  // The deprecated name of the field goes along with the new one.
  if (spec['serviceAccountName'] !== undefined) spec['serviceAccount'] = spec['serviceAccountName'];
  else if (spec['serviceAccount'] !== undefined) spec['serviceAccountName'] = spec['serviceAccount'];
  for (const container of [...asArray(spec['initContainers']), ...asArray(spec['containers'])]) {
    if (isObject(container)) defaultContainer(container);
  }
  for (const volume of asArray(spec['volumes'])) if (isObject(volume)) defaultVolume(volume);
}

function defaultContainer(container: JsonObject): void {
  setDefault(container, 'resources', {});
  setDefault(container, 'terminationMessagePath', '/dev/termination-log');
  setDefault(container, 'terminationMessagePolicy', 'File');
  setDefault(container, 'imagePullPolicy', pullPolicy(asString(container['image']) ?? ''));
  for (const port of asArray(container['ports'])) if (isObject(port)) setDefault(port, 'protocol', 'TCP');
  for (const variable of asArray(container['env'])) {
    const reference = asObject(asObject(variable)['valueFrom'])['fieldRef'];
    if (isObject(reference)) setDefault(reference, 'apiVersion', 'v1');
  }
  for (const probe of ['livenessProbe', 'readinessProbe', 'startupProbe']) {
    const value = container[probe];
    if (isObject(value)) defaultProbe(value);
  }
}

/** `latest`, or no tag, is pulled always; a digest or another tag only when missing. */
function pullPolicy(image: string): string {
  const name = image.slice(image.lastIndexOf('/') + 1);
  if (image.includes('@')) return 'IfNotPresent';
  return !name.includes(':') || name.endsWith(':latest') ? 'Always' : 'IfNotPresent';
}

function defaultProbe(probe: JsonObject): void {
  setDefault(probe, 'timeoutSeconds', 1);
  setDefault(probe, 'periodSeconds', 10);
  setDefault(probe, 'successThreshold', 1);
  setDefault(probe, 'failureThreshold', 3);
  const get = probe['httpGet'];
  if (!isObject(get)) return;
  setDefault(get, 'path', '/');
  setDefault(get, 'scheme', 'HTTP');
}

function defaultVolume(volume: JsonObject): void {
  const sources = Object.keys(volume).filter((key) => key !== 'name');
  if (sources.length === 0) volume['emptyDir'] = {};
  for (const kind of ['secret', 'configMap', 'downwardAPI', 'projected']) {
    const source = volume[kind];
    if (isObject(source)) setDefault(source, 'defaultMode', 420);
  }
  const path = volume['hostPath'];
  if (isObject(path) && path['type'] === undefined) path['type'] = '';
}

/** Validates what a pod cannot do without: containers with a name each and an image. */
export function validatePodSpec(spec: JsonObject, path: string): FieldError[] {
  const containers = asArray(spec['containers']).filter(isObject);
  const errors: FieldError[] = [];
  if (containers.length === 0) errors.push({ type: 'FieldValueRequired', field: `${path}.containers`, detail: '' });
  errors.push(...validateContainers(containers, `${path}.containers`));
  errors.push(...validateContainers(asArray(spec['initContainers']).filter(isObject), `${path}.initContainers`));
  return errors;
}

function validateContainers(containers: readonly JsonObject[], path: string): FieldError[] {
  const errors: FieldError[] = [];
  const seen = new Set<string>();
  containers.forEach((container, i) => {
    const at = `${path}[${i}]`;
    const name = asString(container['name']) ?? '';
    if (name === '') errors.push({ type: 'FieldValueRequired', field: `${at}.name`, detail: '' });
    else
      for (const detail of labelErrors(name))
        errors.push({ type: 'FieldValueInvalid', field: `${at}.name`, value: name, detail });
    if (seen.has(name)) errors.push({ type: 'FieldValueDuplicate', field: `${at}.name`, value: name, detail: '' });
    seen.add(name);
    if ((asString(container['image']) ?? '') === '')
      errors.push({ type: 'FieldValueRequired', field: `${at}.image`, detail: '' });
  });
  return errors;
}
