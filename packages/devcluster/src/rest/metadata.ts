import { badRequest, type FieldError } from '../api-error.js';
import type { KubeObject, ObjectMeta } from '../api-types.js';
import { asArray, isObject, type JsonObject } from '../json.js';
import { labelValueErrors, qualifiedNameErrors, subdomainErrors } from '../schema/names.js';

type FieldKind = 'string' | 'number' | 'map' | 'strings' | 'objects';

const META_FIELDS: { readonly [field: string]: FieldKind } = {
  name: 'string',
  generateName: 'string',
  namespace: 'string',
  selfLink: 'string',
  uid: 'string',
  resourceVersion: 'string',
  generation: 'number',
  creationTimestamp: 'string',
  deletionTimestamp: 'string',
  deletionGracePeriodSeconds: 'number',
  labels: 'map',
  annotations: 'map',
  ownerReferences: 'objects',
  finalizers: 'strings',
  clusterName: 'string',
  managedFields: 'objects',
};

const CHECKS: { readonly [kind in FieldKind]: (value: unknown) => boolean } = {
  string: (value) => typeof value === 'string',
  number: (value) => Number.isInteger(value),
  map: (value) => isObject(value) && Object.values(value).every((each) => typeof each === 'string' || each === null),
  strings: (value) => Array.isArray(value) && value.every((each) => typeof each === 'string'),
  objects: (value) => Array.isArray(value) && value.every(isObject),
};

/**
 * Reads `metadata` as Go's typed decoder does: unknown fields and nulls vanish, empty maps and lists too.
 *
 * @throws ApiError 400 when a field has the wrong type.
 */
export function decodeMetadata(raw: unknown, what: string): ObjectMeta {
  if (raw === undefined || raw === null) return { name: '' };
  if (!isObject(raw))
    throw badRequest(`${what}: json: cannot unmarshal into Go struct field metadata of type v1.ObjectMeta`);
  const out: JsonObject = {};
  for (const [field, kind] of Object.entries(META_FIELDS)) {
    const value = raw[field];
    if (value === undefined || value === null) continue;
    if (!CHECKS[kind](value)) {
      throw badRequest(
        `${what}: json: cannot unmarshal ${typeWord(value, kind)} into Go struct field ObjectMeta.metadata.${field} of type ${GO_TYPES[kind]}`,
      );
    }
    if (!isEmpty(value)) out[field] = kind === 'map' ? withoutNulls(value as JsonObject) : value;
  }
  return { name: '', ...out };
}

const GO_TYPES: { readonly [kind in FieldKind]: string } = {
  string: 'string',
  number: 'int64',
  map: 'string',
  strings: 'string',
  objects: 'v1.OwnerReference',
};

function typeWord(value: unknown, kind: FieldKind): string {
  const culprit =
    kind === 'map' && isObject(value) ? Object.values(value).find((each) => typeof each !== 'string') : value;
  if (Array.isArray(culprit)) return 'array';
  return typeof culprit === 'boolean' ? 'bool' : typeof culprit;
}

function isEmpty(value: unknown): boolean {
  return (
    value === '' || (Array.isArray(value) ? value.length === 0 : isObject(value) && Object.keys(value).length === 0)
  );
}

/** Go decodes a null map value as the empty string. */
function withoutNulls(map: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(map).map(([key, value]) => [key, value ?? '']));
}

const TOTAL_ANNOTATIONS_LIMIT = 256 * 1024;

/** Validates what every object's metadata must obey. */
export function validateMetadata(
  object: KubeObject,
  nameErrors: (name: string) => string[] = subdomainErrors,
): FieldError[] {
  const { metadata } = object;
  const errors: FieldError[] = [];
  const add = (field: string, value: unknown, details: readonly string[]): void => {
    for (const detail of details) errors.push({ type: 'FieldValueInvalid', field: `metadata.${field}`, value, detail });
  };
  if (metadata.generateName !== undefined) {
    // A generated name gets a suffix, so the prefix may end in a dash.
    add('generateName', metadata.generateName, nameErrors(metadata.generateName.replace(/-$/, 'a')));
  }
  if (metadata.name === '') {
    errors.push({ type: 'FieldValueRequired', field: 'metadata.name', detail: 'name or generateName is required' });
  } else add('name', metadata.name, nameErrors(metadata.name));
  errors.push(...validateLabels(metadata.labels, 'metadata.labels'), ...validateAnnotations(metadata));
  for (const finalizer of metadata.finalizers ?? []) add('finalizers', finalizer, qualifiedNameErrors(finalizer));
  errors.push(...validateOwners(metadata));
  return errors;
}

export function validateLabels(labels: unknown, field: string): FieldError[] {
  const errors: FieldError[] = [];
  for (const [key, value] of Object.entries(isObject(labels) ? labels : {})) {
    for (const detail of qualifiedNameErrors(key))
      errors.push({ type: 'FieldValueInvalid', field, value: key, detail });
    for (const detail of labelValueErrors(String(value)))
      errors.push({ type: 'FieldValueInvalid', field, value, detail });
  }
  return errors;
}

function validateAnnotations(metadata: ObjectMeta): FieldError[] {
  const errors: FieldError[] = [];
  let total = 0;
  for (const [key, value] of Object.entries(metadata.annotations ?? {})) {
    for (const detail of qualifiedNameErrors(key.toLowerCase())) {
      errors.push({ type: 'FieldValueInvalid', field: 'metadata.annotations', value: key, detail });
    }
    total += Buffer.byteLength(key) + Buffer.byteLength(value);
  }
  if (total > TOTAL_ANNOTATIONS_LIMIT) {
    errors.push({
      type: 'FieldValueTooLong',
      field: 'metadata.annotations',
      detail: `must have at most ${TOTAL_ANNOTATIONS_LIMIT} bytes`,
    });
  }
  return errors;
}

function validateOwners(metadata: ObjectMeta): FieldError[] {
  const errors: FieldError[] = [];
  const owners = asArray(metadata.ownerReferences).filter(isObject);
  for (const owner of owners) {
    for (const field of ['apiVersion', 'kind', 'name', 'uid']) {
      if (typeof owner[field] === 'string' && owner[field] !== '') continue;
      const detail = field === 'apiVersion' ? 'version must not be empty' : `${field} must not be empty`;
      errors.push({
        type: 'FieldValueInvalid',
        field: `metadata.ownerReferences.${field}`,
        value: owner[field] ?? '',
        detail,
      });
    }
  }
  const controllers = owners.filter((owner) => owner['controller'] === true);
  if (controllers.length > 1) {
    errors.push({
      type: 'FieldValueInvalid',
      field: 'metadata.ownerReferences',
      value: owners,
      detail: `Only one reference can have Controller set to true. Found "true" in references for ${String(controllers[0]?.['kind'])}/${String(controllers[0]?.['name'])} and ${String(controllers[1]?.['kind'])}/${String(controllers[1]?.['name'])}`,
    });
  }
  return errors;
}

const STANDARD_FINALIZERS = ['kubernetes', 'orphan', 'foregroundDeletion'];

/** Built-in kinds take only finalizers that are Kubernetes' own or have a domain. */
export function validateFinalizers({ metadata }: KubeObject): FieldError[] {
  return (metadata.finalizers ?? []).flatMap((finalizer, i): FieldError[] => {
    if (finalizer.includes('/') || STANDARD_FINALIZERS.includes(finalizer)) return [];
    const detail = 'name is neither a standard finalizer name nor is it fully qualified';
    return [{ type: 'FieldValueInvalid', field: `metadata.finalizers[${i}]`, value: finalizer, detail }];
  });
}
