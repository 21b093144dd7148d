import { badRequest } from '../api-error.js';
import { isObject, type JsonObject } from '../json.js';
import { childSchema, preservesUnknown, type Schema } from './schema.js';

/**
 * Reads a built-in kind in place as Go's typed decoder does: unknown fields and nulls vanish, empty maps and lists too (their Go
 * fields are `omitempty`).
 *
 * @param what how the error names the object.
 * @throws ApiError 400 when a value has the wrong type.
 */
export function decodeTyped(object: JsonObject, schema: Schema, what: string): void {
  for (const key of Object.keys(object)) {
    if (key === 'apiVersion' || key === 'kind' || key === 'metadata') continue;
    decodeField(object, key, { schema, what, path: key });
  }
}

interface Place {
  readonly schema: Schema;
  readonly what: string;
  readonly path: string;
}

function decodeField(parent: JsonObject, key: string, place: Place): void {
  const schema = childSchema(place.schema, key);
  const value = parent[key];
  if (schema === undefined) {
    if (!preservesUnknown(place.schema)) delete parent[key];
    return;
  }
  if (value === null) {
    // In a map Go keeps the key with the zero value; a field is left out.
    if (place.schema.additionalProperties !== undefined && schema.type === 'string') parent[key] = '';
    else delete parent[key];
    return;
  }
  decodeValue(value, schema, place);
  if (isEmptyCollection(value, schema)) delete parent[key];
}

function isEmptyCollection(value: unknown, schema: Schema): boolean {
  if (Array.isArray(value)) return value.length === 0;
  return schema.additionalProperties !== undefined && isObject(value) && Object.keys(value).length === 0;
}

function decodeValue(value: unknown, schema: Schema, place: Place): void {
  if (!matches(value, schema)) {
    throw badRequest(
      `${place.what}: json: cannot unmarshal ${jsonType(value)} into Go struct field .${place.path} of type ${goType(schema)}`,
    );
  }
  if (Array.isArray(value)) {
    const { items } = schema;
    if (items !== undefined)
      value.forEach((item, i) => decodeValue(item, items, { ...place, path: `${place.path}[${i}]` }));
  } else if (isObject(value)) {
    for (const key of Object.keys(value))
      decodeField(value, key, { schema, what: place.what, path: `${place.path}.${key}` });
  }
}

function matches(value: unknown, schema: Schema): boolean {
  if (schema['x-kubernetes-int-or-string'] === true) return typeof value === 'string' || Number.isInteger(value);
  switch (schema.type) {
    case 'integer':
      return Number.isInteger(value);
    case 'array':
      return Array.isArray(value);
    case 'object':
      return isObject(value);
    case 'string':
      // Quantities are strings that may be written as numbers.
      return typeof value === 'string' || (schema.format === 'quantity' && typeof value === 'number');
    case undefined:
      return true;
    default:
      return typeof value === schema.type;
  }
}

function jsonType(value: unknown): string {
  if (Array.isArray(value)) return 'array';
  return typeof value === 'boolean' ? 'bool' : typeof value;
}

function goType(schema: Schema): string {
  if (schema.type === 'integer') return schema.format === 'int64' ? 'int64' : 'int32';
  if (schema.type === 'boolean') return 'bool';
  return schema.type ?? 'interface {}';
}
