import { isObject, type JsonObject } from '../json.js';
import { childSchema, preservesUnknown, type Schema } from './schema.js';

const TYPE_FIELDS = new Set(['apiVersion', 'kind', 'metadata']);

/**
 * Removes in place every field that the schema does not name. At the root and in embedded resources apiVersion, kind and metadata stay.
 */
export function prune(value: unknown, schema: Schema, isRoot = false): void {
  if (Array.isArray(value)) {
    if (schema.items !== undefined) for (const item of value) prune(item, schema.items);
    return;
  }
  if (!isObject(value)) return;
  const keepTypes = isRoot || schema['x-kubernetes-embedded-resource'] === true;
  for (const key of Object.keys(value)) pruneKey(value, key, schema, keepTypes);
}

function pruneKey(value: JsonObject, key: string, schema: Schema, keepTypes: boolean): void {
  if (keepTypes && TYPE_FIELDS.has(key)) return;
  const child = childSchema(schema, key);
  if (child !== undefined) prune(value[key], child);
  else if (schema.additionalProperties !== true && !preservesUnknown(schema)) delete value[key];
}
