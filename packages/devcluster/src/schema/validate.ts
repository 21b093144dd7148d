import type { FieldError } from '../api-error.js';
import { GoSyntax } from '../go-syntax.js';
import { deepEqual, isObject, type JsonObject } from '../json.js';
import { childSchema, type Schema } from './schema.js';
import { validateNumber, validateSizes, validateString } from './validate-scalar.js';

/**
 * Validates a value against a structural schema.
 *
 * @param path the field's path, `spec.rules[0].name`; empty at the root.
 * @returns the errors in the words of the API server.
 */
export function validateSchema(value: unknown, schema: Schema, path: string): FieldError[] {
  if (value === null && schema.nullable === true) return [];
  const mismatch = checkType(value, schema, path);
  if (mismatch !== undefined) return [mismatch];
  return [
    ...checkEnum(value, schema, path),
    ...checkValue(value, schema, path),
    ...checkCombinations(value, schema, path),
  ];
}

function checkValue(value: unknown, schema: Schema, path: string): FieldError[] {
  if (typeof value === 'string') return validateString(value, schema, path);
  if (typeof value === 'number') return validateNumber(value, schema, path);
  if (Array.isArray(value)) return checkArray(value, schema, path);
  return isObject(value) ? checkObject(value, schema, path) : [];
}

function checkType(value: unknown, schema: Schema, path: string): FieldError | undefined {
  if (schema['x-kubernetes-int-or-string'] === true) {
    if (typeof value === 'string' || Number.isInteger(value)) return undefined;
    return typeError(path, 'integer,string', value);
  }
  if (schema.type === undefined || typeMatches(value, schema.type)) return undefined;
  return typeError(path, schema.type, value);
}

function typeError(path: string, wanted: string, value: unknown): FieldError {
  const got = goType(value);
  const detail = `${path} in body must be of type ${wanted}: ${JSON.stringify(got)}`;
  return { type: 'FieldValueInvalid', field: path, value: got, detail };
}

function typeMatches(value: unknown, type: string): boolean {
  switch (type) {
    case 'integer':
      return Number.isInteger(value);
    case 'number':
      return typeof value === 'number';
    case 'array':
      return Array.isArray(value);
    case 'object':
      return isObject(value);
    case 'null':
      return value === null;
    default:
      return typeof value === type;
  }
}

function goType(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number';
  return typeof value;
}

function checkEnum(value: unknown, schema: Schema, path: string): FieldError[] {
  if (schema.enum === undefined || schema.enum.some((allowed) => deepEqual(allowed, value))) return [];
  const list = schema.enum.map((allowed) => JSON.stringify(String(allowed))).join(', ');
  return [{ type: 'FieldValueNotSupported', field: path, value, detail: `supported values: ${list}` }];
}

function checkArray(value: readonly unknown[], schema: Schema, path: string): FieldError[] {
  const errors = validateSizes(value, schema, path);
  const { items } = schema;
  // Kubernetes 1.20 leaves the index out of the path.
  if (items !== undefined) for (const item of value) errors.push(...validateSchema(item, items, path));
  errors.push(...checkListType(value, schema, path));
  return errors;
}

function checkListType(value: readonly unknown[], schema: Schema, path: string): FieldError[] {
  const type = schema['x-kubernetes-list-type'];
  if (type !== 'set' && type !== 'map') return [];
  const keys = schema['x-kubernetes-list-map-keys'] ?? [];
  const seen: unknown[] = [];
  const errors: FieldError[] = [];
  value.forEach((item, i) => {
    const identity = type === 'set' || !isObject(item) ? item : Object.fromEntries(keys.map((key) => [key, item[key]]));
    if (seen.some((each) => deepEqual(each, identity))) {
      const shown = isObject(identity) ? new GoSyntax(`map[string]interface {}${JSON.stringify(identity)}`) : identity;
      errors.push({ type: 'FieldValueDuplicate', field: `${path}[${i}]`, value: shown, detail: '' });
    }
    seen.push(identity);
  });
  return errors;
}

function checkObject(value: JsonObject, schema: Schema, path: string): FieldError[] {
  const errors = validateSizes(Object.keys(value), schema, path);
  for (const key of schema.required ?? []) {
    if (value[key] === undefined) errors.push({ type: 'FieldValueRequired', field: join(path, key), detail: '' });
  }
  for (const key of Object.keys(value)) {
    const child = childSchema(schema, key);
    if (child !== undefined) errors.push(...validateSchema(value[key], child, join(path, key)));
  }
  return errors;
}

function join(path: string, key: string): string {
  return path === '' ? key : `${path}.${key}`;
}

function checkCombinations(value: unknown, schema: Schema, path: string): FieldError[] {
  const errors: FieldError[] = [];
  const passes = (each: Schema): boolean => validateSchema(value, each, path).length === 0;
  if (schema.anyOf !== undefined && !schema.anyOf.some(passes)) {
    errors.push(combinationError(path, 'must validate at least one schema (anyOf)'));
    errors.push(...firstFailures(value, schema.anyOf, path));
  }
  if (schema.oneOf !== undefined) {
    const count = schema.oneOf.filter(passes).length;
    const found = count === 0 ? 'none valid' : `${count} valid alternatives`;
    if (count !== 1)
      errors.push(combinationError(path, `must validate one and only one schema (oneOf). Found ${found}`));
    if (count === 0) errors.push(...firstFailures(value, schema.oneOf, path));
  }
  if (schema.allOf !== undefined && !schema.allOf.every(passes)) {
    for (const each of schema.allOf) errors.push(...validateSchema(value, each, path));
    const none = schema.allOf.some(passes) ? '' : '. None validated';
    errors.push(combinationError(path, `must validate all the schemas (allOf)${none}`));
  }
  if (schema.not !== undefined && passes(schema.not)) {
    errors.push(combinationError(path, 'must not validate the schema (not)'));
  }
  return errors;
}

/** The API server prints no field for these. */
function combinationError(path: string, detail: string): FieldError {
  return { type: 'FieldValueInvalid', field: '<nil>', value: '', detail: `${JSON.stringify(path)} ${detail}` };
}

/** The API server names the failures of the alternative that came closest. */
function firstFailures(value: unknown, alternatives: readonly Schema[], path: string): FieldError[] {
  const failures = alternatives.map((each) => validateSchema(value, each, path));
  return failures.toSorted((a, b) => a.length - b.length)[0] ?? [];
}
