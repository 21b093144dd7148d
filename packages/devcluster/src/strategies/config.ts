import { badRequest, type FieldError } from '../api-error.js';
import type { KubeObject } from '../api-types.js';
import { asObject, deepEqual, isObject } from '../json.js';
import type { Strategy } from '../resources/definition.js';
import { configKeyErrors } from '../schema/names.js';

/** Kubernetes' limit for the contents of a ConfigMap or Secret, in bytes. */
const LIMIT = 1024 * 1024;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

function validateKeys(map: unknown, field: string): FieldError[] {
  return Object.keys(asObject(map)).flatMap((key) =>
    configKeyErrors(key).map((detail) => ({
      type: 'FieldValueInvalid' as const,
      field: `${field}[${key}]`,
      value: key,
      detail,
    })),
  );
}

function tooLong(field: string): FieldError {
  return { type: 'FieldValueTooLong', field, detail: `must have at most ${LIMIT} bytes` };
}

function decodedSize(map: unknown): number {
  return Object.values(asObject(map)).reduce<number>(
    (sum, value) => sum + Buffer.byteLength(String(value), 'base64'),
    0,
  );
}

function checkBase64(object: KubeObject, field: 'data' | 'binaryData'): void {
  for (const value of Object.values(asObject(object[field]))) {
    // Line breaks are skipped by Go's decoder.
    if (typeof value === 'string' && BASE64.test(value.replaceAll(/[\r\n]/g, ''))) continue;
    throw badRequest(
      `${object.kind} in version "v1" cannot be handled as a ${object.kind}: v1.${object.kind}.${field === 'data' ? 'Data' : 'BinaryData'}: decode base64: illegal base64 data at input byte 0`,
    );
  }
}

/** Nothing but metadata may change once `immutable` is set. */
function frozen(next: KubeObject, old: KubeObject, fields: readonly string[]): FieldError[] {
  if (old['immutable'] !== true) return [];
  const detail = 'field is immutable when `immutable` is set';
  const errors: FieldError[] =
    next['immutable'] === true ? [] : [{ type: 'FieldValueForbidden', field: 'immutable', detail }];
  for (const field of fields) {
    if (!deepEqual(next[field], old[field])) errors.push({ type: 'FieldValueForbidden', field, detail });
  }
  return errors;
}

export const configMapStrategy: Strategy = {
  defaults: (object) => checkBase64(object, 'binaryData'),
  validate(object) {
    const errors = [...validateKeys(object['data'], 'data'), ...validateKeys(object['binaryData'], 'binaryData')];
    for (const key of Object.keys(asObject(object['data']))) {
      if (!Object.hasOwn(asObject(object['binaryData']), key)) continue;
      errors.push({
        type: 'FieldValueInvalid',
        field: `data[${key}]`,
        value: key,
        detail: 'duplicate of key present in binaryData',
      });
    }
    const size = Object.values(asObject(object['data'])).reduce<number>(
      (sum, value) => sum + Buffer.byteLength(String(value)),
      0,
    );
    // The API server names the field so.
    if (size + decodedSize(object['binaryData']) > LIMIT) errors.push(tooLong('[]'));
    return errors;
  },
  validateUpdate: (next, old) => frozen(next, old, ['data', 'binaryData']),
};

/** Keys that a type of Secret must have. */
const REQUIRED_KEYS: { readonly [type: string]: readonly string[] } = {
  'kubernetes.io/tls': ['tls.crt', 'tls.key'],
  'kubernetes.io/dockerconfigjson': ['.dockerconfigjson'],
  'kubernetes.io/dockercfg': ['.dockercfg'],
  'kubernetes.io/ssh-auth': ['ssh-privatekey'],
};

export const secretStrategy: Strategy = {
  defaults(object) {
    checkBase64(object, 'data');
    const { stringData } = object;
    if (isObject(stringData)) {
      const encoded = Object.entries(stringData).map(([key, value]) => [
        key,
        Buffer.from(String(value)).toString('base64'),
      ]);
      object['data'] = { ...asObject(object['data']), ...(Object.fromEntries(encoded) as object) };
    }
    delete object['stringData'];
    if (object['type'] === undefined || object['type'] === '') object['type'] = 'Opaque';
  },
  validate(object) {
    const errors = validateKeys(object['data'], 'data');
    for (const key of REQUIRED_KEYS[String(object['type'])] ?? []) {
      if (asObject(object['data'])[key] === undefined)
        errors.push({ type: 'FieldValueRequired', field: `data[${key}]`, detail: '' });
    }
    if (decodedSize(object['data']) > LIMIT) errors.push(tooLong('data'));
    return errors;
  },
  validateUpdate(next, old) {
    if (next['type'] !== old['type']) {
      return [{ type: 'FieldValueInvalid', field: 'type', value: next['type'], detail: 'field is immutable' }];
    }
    return frozen(next, old, ['data']);
  },
};
