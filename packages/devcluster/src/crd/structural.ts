import type { FieldError } from '../api-error.js';
import { asObject, isObject, type JsonObject } from '../json.js';

/**
 * Checks that a schema is structural: every value has a type, lists say what they hold, and what a value is made of is said outside of
 * allOf, anyOf, oneOf and not.
 *
 * @param path of the schema, for the errors.
 */
export function structuralErrors(schema: JsonObject, path: string): FieldError[] {
  const errors: FieldError[] = [];
  if (schema['type'] !== 'object') {
    errors.push(
      schema['type'] === undefined
        ? { type: 'FieldValueRequired', field: `${path}.type`, detail: 'must not be empty at the root' }
        : {
            type: 'FieldValueInvalid',
            field: `${path}.type`,
            value: schema['type'],
            detail: 'must be object at the root',
          },
    );
  }
  return [...errors, ...parts(schema, path)];
}

function parts(schema: JsonObject, path: string): FieldError[] {
  const errors: FieldError[] = [];
  for (const [name, child] of Object.entries(asObject(schema['properties']))) {
    errors.push(...value(asObject(child), `${path}.properties[${name}]`, 'for specified object fields'));
  }
  const { additionalProperties, items } = schema;
  if (isObject(additionalProperties)) {
    errors.push(...value(additionalProperties, `${path}.additionalProperties`, 'for specified object fields'));
    if (schema['properties'] !== undefined) {
      errors.push({
        type: 'FieldValueForbidden',
        field: `${path}.additionalProperties`,
        detail: 'additionalProperties and properties are mutual exclusive',
      });
    }
  }
  if (isObject(items)) errors.push(...value(items, `${path}.items`, 'for specified array items'));
  else if (schema['type'] === 'array')
    errors.push({ type: 'FieldValueRequired', field: `${path}.items`, detail: 'must be specified' });
  for (const word of ['allOf', 'anyOf', 'oneOf', 'not']) errors.push(...junctor(schema[word], `${path}.${word}`));
  if (typeof schema['pattern'] === 'string' && !isPattern(schema['pattern'])) {
    errors.push({
      type: 'FieldValueInvalid',
      field: `${path}.pattern`,
      value: schema['pattern'],
      detail: 'must be a valid regular expression',
    });
  }
  return errors;
}

function value(schema: JsonObject, path: string, where: string): FieldError[] {
  const untyped =
    schema['x-kubernetes-int-or-string'] === true || schema['x-kubernetes-preserve-unknown-fields'] === true;
  const errors: FieldError[] = [];
  if (schema['type'] === undefined && !untyped) {
    errors.push({ type: 'FieldValueRequired', field: `${path}.type`, detail: `must not be empty ${where}` });
  }
  return [...errors, ...parts(schema, path)];
}

/** What may not stand inside a logical junctor: it would say what a value is, instead of which values are good. */
const FORBIDDEN_INSIDE = [
  'type',
  'description',
  'default',
  'additionalProperties',
  'nullable',
  'x-kubernetes-preserve-unknown-fields',
];

function junctor(schemas: unknown, path: string): FieldError[] {
  const list = Array.isArray(schemas)
    ? schemas.map((each: unknown, i) => ({ each, at: `${path}[${i}]` }))
    : [{ each: schemas, at: path }];
  return list.flatMap(({ at, each }) => {
    if (!isObject(each)) return [];
    // Kubernetes' own int-or-string pattern is the exception.
    const found = FORBIDDEN_INSIDE.filter((key) => each[key] !== undefined && !(key === 'type' && isIntOrString(each)));
    return found.map((key): FieldError => ({
      type: 'FieldValueForbidden',
      field: `${at}.${key}`,
      detail: 'must be empty to be structural',
    }));
  });
}

function isIntOrString(schema: JsonObject): boolean {
  return Object.keys(schema).length === 1 && (schema['type'] === 'integer' || schema['type'] === 'string');
}

function isPattern(pattern: string): boolean {
  try {
    return new RegExp(pattern, 'u') instanceof RegExp;
  } catch {
    return false;
  }
}
