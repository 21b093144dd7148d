import { BUILTIN_TYPES } from '../builtin-types/index.js';
import { isObject, type JsonObject } from '../json.js';
import type { ResourceDefinition } from '../resources/definition.js';
import type { Registry } from '../resources/registry.js';
import { preservesUnknown, type Schema } from '../schema/schema.js';
import { VERSION } from '../version.js';

const META = 'io.k8s.apimachinery.pkg.apis.meta.v1.';
const META_TYPES = new Set([
  'ObjectMeta',
  'OwnerReference',
  'ManagedFieldsEntry',
  'LabelSelector',
  'LabelSelectorRequirement',
  'Condition',
]);
const NAMES = new Map([...BUILTIN_TYPES].map(([name, schema]) => [schema, definitionName(name)]));

function definitionName(type: string): string {
  return META_TYPES.has(type) ? META + type : `io.k8s.api.core.v1.${type}`;
}

/** The OpenAPI v2 document of everything served: what kubectl validates, explains and applies with. */
export function openApiDocument(registry: Registry): JsonObject {
  const definitions: JsonObject = {};
  for (const [name, schema] of BUILTIN_TYPES) definitions[definitionName(name)] = convert(schema, true);
  for (const definition of registry.all()) definitions[nameOf(definition)] = rootSchema(definition);
  const paths = Object.fromEntries(registry.all().map((each) => [pathOf(each), pathItem(each)]));
  return {
    swagger: '2.0',
    info: { title: 'Kubernetes', version: VERSION.gitVersion },
    paths,
    definitions,
    securityDefinitions: {
      BearerToken: { description: 'Bearer Token authentication', type: 'apiKey', name: 'authorization', in: 'header' },
    },
    security: [{ BearerToken: [] }],
  };
}

function nameOf({ custom, group, kind, version }: ResourceDefinition): string {
  if (custom) return `${group.split('.').toReversed().join('.')}.${version}.${kind}`;
  return `io.k8s.api.${group === '' ? 'core' : (group.split('.')[0] ?? '')}.${version}.${kind}`;
}

function gvkOf({ group, kind, version }: ResourceDefinition): JsonObject {
  return { group, kind, version };
}

function rootSchema(definition: ResourceDefinition): JsonObject {
  const body = definition.schema === undefined ? {} : convert(definition.schema, true);
  const own = isObject(body['properties']) ? body['properties'] : {};
  return {
    ...body,
    type: 'object',
    properties: {
      apiVersion: { type: 'string', description: 'The version of the API that this object is written in.' },
      kind: { type: 'string', description: 'The kind of this object.' },
      metadata: { $ref: `#/definitions/${META}ObjectMeta`, description: 'Name, labels, annotations and bookkeeping.' },
      ...Object.fromEntries(
        Object.entries(own).filter(([key]) => key !== 'metadata' && key !== 'apiVersion' && key !== 'kind'),
      ),
    },
    'x-kubernetes-group-version-kind': [gvkOf(definition)],
  };
}

/** What OpenAPI v2 can say of a structural schema. The rest (oneOf, nullable, defaults, …) is left to the server. */
const KEPT = [
  'description',
  'format',
  'enum',
  'pattern',
  'minimum',
  'maximum',
  'minLength',
  'maxLength',
  'minItems',
  'maxItems',
  'required',
  'x-kubernetes-list-type',
  'x-kubernetes-list-map-keys',
  'x-kubernetes-map-type',
  'x-kubernetes-patch-merge-key',
  'x-kubernetes-patch-strategy',
  'x-kubernetes-int-or-string',
  'x-kubernetes-preserve-unknown-fields',
] as const;

function convert(schema: Schema, isRoot = false): JsonObject {
  const name = isRoot ? undefined : NAMES.get(schema);
  if (name !== undefined) return { $ref: `#/definitions/${name}` };
  const out: JsonObject = {};
  for (const key of KEPT) if (schema[key] !== undefined) out[key] = schema[key];
  if (schema.format === 'int-or-string') return { ...out, type: 'string' };
  // A type would make kubectl refuse null, and an object with properties refuse unknown ones.
  if (schema.nullable === true || schema['x-kubernetes-int-or-string'] === true) return out;
  if (schema.type !== undefined) out['type'] = schema.type;
  if (preservesUnknown(schema)) {
    delete out['required'];
    return schema.type === 'array' ? { ...out, items: {} } : out;
  }
  if (schema.type === 'array') out['items'] = schema.items === undefined ? {} : convert(schema.items);
  if (schema.properties !== undefined) {
    out['properties'] = Object.fromEntries(
      Object.entries(schema.properties).map(([key, each]) => [key, convert(each)]),
    );
  }
  if (typeof schema.additionalProperties === 'object')
    out['additionalProperties'] = convert(schema.additionalProperties);
  return out;
}

function pathOf({ group, namespaced, plural, version }: ResourceDefinition): string {
  const prefix = group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
  return `${prefix}${namespaced ? '/namespaces/{namespace}' : ''}/${plural}/{name}`;
}

/** kubectl looks at the PATCH of a kind to learn whether the server knows dry runs. */
function pathItem(definition: ResourceDefinition): JsonObject {
  return {
    patch: {
      description: `partially update the specified ${definition.kind}`,
      operationId: `patch${nameOf(definition).replaceAll(/[^A-Za-z0-9]/g, '')}`,
      consumes: ['application/json-patch+json', 'application/merge-patch+json', 'application/apply-patch+yaml'],
      produces: ['application/json'],
      parameters: ['dryRun', 'fieldManager'].map((name) => ({ name, in: 'query', type: 'string', uniqueItems: true })),
      responses: { 200: { description: 'OK', schema: { $ref: `#/definitions/${nameOf(definition)}` } } },
      'x-kubernetes-action': 'patch',
      'x-kubernetes-group-version-kind': gvkOf(definition),
    },
  };
}
