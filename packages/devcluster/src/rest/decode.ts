import { badRequest } from '../api-error.js';
import type { KubeObject } from '../api-types.js';
import { isObject, type JsonObject } from '../json.js';
import { apiVersionOf, type ResourceDefinition } from '../resources/definition.js';
import { applyDefaults } from '../schema/default.js';
import { decodeTyped } from '../schema/decode-typed.js';
import { prune } from '../schema/prune.js';
import { decodeMetadata } from './metadata.js';

/**
 * Makes an object of a resource from decoded JSON that belongs to the caller: checks apiVersion and kind, decodes metadata, drops
 * unknown fields and sets defaults. Validation is a later step.
 *
 * @throws ApiError 400 when the value is not an object of that kind.
 */
export function decodeInto(definition: ResourceDefinition, raw: unknown): KubeObject {
  const apiVersion = apiVersionOf(definition);
  if (!isObject(raw)) {
    throw badRequest(
      `the object provided is unrecognized (must be of type ${definition.kind}): couldn't get version/kind`,
    );
  }
  checkType(definition, raw);
  const what = `${definition.kind} in version ${JSON.stringify(definition.version)} cannot be handled as a ${definition.kind}`;
  const metadata = decodeMetadata(raw['metadata'], what);
  const object: KubeObject = { ...raw, apiVersion, kind: definition.kind, metadata };
  if (definition.schema !== undefined) shape(definition, object, what);
  definition.defaults?.(object);
  return object;
}

function shape(definition: ResourceDefinition, object: KubeObject, what: string): void {
  const { schema } = definition;
  if (schema === undefined) return;
  if (definition.custom) {
    prune(object, schema, true);
    applyDefaults(object, schema);
  } else decodeTyped(object, schema, what);
}

function checkType(definition: ResourceDefinition, raw: JsonObject): void {
  const expected = apiVersionOf(definition);
  const { apiVersion, kind } = raw;
  if (definition.custom && (typeof kind !== 'string' || kind === '')) {
    throw badRequest(`error unmarshaling request body: Object 'Kind' is missing in '${JSON.stringify(raw)}'`);
  }
  if (typeof apiVersion === 'string' && apiVersion !== '' && apiVersion !== expected) {
    throw badRequest(
      `the API version in the data (${apiVersion}) does not match the expected API version (${expected})`,
    );
  }
  if (typeof kind === 'string' && kind !== '' && kind !== definition.kind) {
    throw badRequest(
      `${kind} in version ${JSON.stringify(definition.version)} cannot be handled as a ${definition.kind}: unknown conversion`,
    );
  }
}
