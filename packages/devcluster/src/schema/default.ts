import { clone, isObject } from '../json.js';
import { childSchema, type Schema } from './schema.js';

/**
 * Fills in place what the schema has a `default` for. A null in a field that is not nullable is replaced by the default, or
 * removed when there is none, as the API server does.
 */
export function applyDefaults(value: unknown, schema: Schema): void {
  if (Array.isArray(value)) {
    if (schema.items !== undefined) for (const item of value) applyDefaults(item, schema.items);
    return;
  }
  if (!isObject(value)) return;
  for (const [key, property] of Object.entries(schema.properties ?? {})) {
    const missing = value[key] === undefined || (value[key] === null && property.nullable !== true);
    if (missing && property.default !== undefined) value[key] = clone(property.default);
  }
  for (const key of Object.keys(value)) {
    const child = childSchema(schema, key);
    if (child !== undefined && value[key] === null && child.nullable !== true) delete value[key];
    else if (child !== undefined) applyDefaults(value[key], child);
  }
}
