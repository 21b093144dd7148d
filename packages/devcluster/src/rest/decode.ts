import { ApiError, badRequest, type FieldError, invalid } from '../api-error.js';
import type { KubeObject } from '../api-types.js';
import { asObject, asString, isObject, type JsonObject } from '../json.js';
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
  const given = { apiVersion: asString(apiVersion) ?? '', kind: asString(kind) ?? '' };
  if (definition.custom) checkCustomType(definition, { ...given, raw });
  else if (given.apiVersion !== '' && given.apiVersion !== expected) {
    throw badRequest(
      `${definition.kind} in version ${JSON.stringify(given.apiVersion)} cannot be handled as a ${definition.kind}: no kind ${JSON.stringify(given.kind)} is registered for version ${JSON.stringify(given.apiVersion)}`,
    );
  } else if (given.kind !== '' && given.kind !== definition.kind) {
    throw badRequest(
      `${given.kind} in version ${JSON.stringify(definition.version)} cannot be handled as a ${definition.kind}: unknown conversion`,
    );
  }
}

function checkCustomType(
  definition: ResourceDefinition,
  { apiVersion, kind, raw }: { apiVersion: string; kind: string; raw: JsonObject },
): void {
  const expected = apiVersionOf(definition);
  if (kind === '') {
    throw badRequest(
      `${definition.kind} in version ${JSON.stringify(definition.version)} cannot be handled as a ${definition.kind}: unmarshalerDecoder: Object 'Kind' is missing in '${JSON.stringify(raw)}'`,
    );
  }
  if (apiVersion === '') {
    const words = "Object 'apiVersion' is missing in 'object has no apiVersion field'";
    throw new ApiError(500, 'InternalError', `Internal error occurred: ${words}`, { causes: [{ message: words }] });
  }
  if (apiVersion !== expected) {
    throw badRequest(
      `the API version in the data (${apiVersion}) does not match the expected API version (${expected})`,
    );
  }
  if (kind !== definition.kind) {
    const error: FieldError = {
      type: 'FieldValueInvalid',
      field: 'kind',
      value: kind,
      detail: `must be ${definition.kind}`,
    };
    throw invalid({ group: definition.group, name: kind }, asString(asObject(raw['metadata'])['name']) ?? '', [error]);
  }
}
