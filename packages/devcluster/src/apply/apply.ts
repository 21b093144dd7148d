import { ApiError, badRequest } from '../api-error.js';
import type { KubeObject } from '../api-types.js';
import { timestamp } from '../cluster.js';
import { decodeYaml } from '../http/body.js';
import { asObject, clone, isObject, type JsonObject } from '../json.js';
import { apiVersionOf, type ResourceDefinition } from '../resources/definition.js';
import { admission } from '../rest/admission.js';
import type { ResourceRequest } from '../rest/context.js';
import { refOf } from '../rest/context.js';
import { createObject } from '../rest/create.js';
import { decodeInto } from '../rest/decode.js';
import { inVersion, updateObject } from '../rest/update.js';
import { childSchema, preservesUnknown, type Schema } from '../schema/schema.js';
import { compareObjects, fieldsOf, ownable } from './compare.js';
import { difference, fieldSet, intersection, isEmptySet, pathsOf, union } from './field-set.js';
import { findManager, type Manager, managersOf, setFields, writeManagers } from './managers.js';
import { mergeApplied, removeFields } from './merge.js';
import { ownershipSchema } from './typed.js';

export interface Applied {
  readonly object: KubeObject;
  readonly created: boolean;
}

/** Serves PATCH with `application/apply-patch+yaml`: server-side apply, which creates what is missing. */
export function applyObject(request: ResourceRequest): Applied {
  const { cluster, definition, info } = request;
  const config = readConfig(request);
  const stored = cluster.store.get(refOf(request));
  const live = stored === undefined ? undefined : inVersion(definition, stored);
  const applied = applyTo(live, config, request);
  const options = {
    namespace: definition.namespaced ? info.namespace : '',
    subresource: info.subresource,
    manager: request.manager,
    dryRun: request.dryRun,
    tracked: false,
    patching: true,
    ...admission(request),
  };
  if (live !== undefined) {
    return {
      created: false,
      object: updateObject(cluster, definition, { ...options, name: info.name, change: () => applied }),
    };
  }
  if (applied.metadata.name !== info.name) throw wrongName(applied.metadata.name, info.name);
  return { created: true, object: createObject(cluster, definition, { ...options, object: applied }) };
}

function wrongName(given: string, wanted: string): ApiError {
  return badRequest(
    given === ''
      ? `the name of the object (${wanted} based on URL) was undeterminable: name must be provided`
      : `the name of the object (${given}) does not match the name on the URL (${wanted})`,
  );
}

function readConfig({ body, definition, info }: ResourceRequest): JsonObject {
  if (!info.query.has('fieldManager')) {
    const message = 'Required value: is required for apply patch';
    throw new ApiError(422, 'Invalid', `PatchOptions.meta.k8s.io "" is invalid: fieldManager: ${message}`, {
      group: 'meta.k8s.io',
      kind: 'PatchOptions',
      causes: [{ reason: 'FieldValueRequired', message, field: 'fieldManager' }],
    });
  }
  const config = decodeYaml(body);
  if (!isObject(config)) throw badRequest('error decoding YAML: expected an object');
  const expected = apiVersionOf(definition);
  const given = typeof config['apiVersion'] === 'string' ? config['apiVersion'] : '';
  if (given !== expected) {
    throw badRequest(
      `Incorrect version specified in apply patch. Specified patch version: ${given}, expected: ${expected}`,
    );
  }
  if (config['kind'] !== definition.kind) {
    throw badRequest(`failed to merge config: expected kind ${definition.kind}, but got ${String(config['kind'])}`);
  }
  if (asObject(config['metadata'])['managedFields'] !== undefined)
    throw badRequest('metadata.managedFields must be nil');
  if (!definition.custom) refuseUndeclared(definition, config);
  return config;
}

function refuseUndeclared(definition: ResourceDefinition, config: JsonObject): void {
  const { apiVersion: _apiVersion, kind: _kind, ...rest } = config;
  const path = undeclared(rest, ownershipSchema(definition), '');
  if (path !== undefined) {
    throw new ApiError(500, '', `failed to create typed patch object: ${path}: field not declared in schema`);
  }
}

function undeclared(value: unknown, schema: Schema | undefined, path: string): string | undefined {
  if (schema === undefined || preservesUnknown(schema)) return undefined;
  if (Array.isArray(value)) {
    return value.map((item, i) => undeclared(item, schema.items, `${path}[${i}]`)).find((each) => each !== undefined);
  }
  if (!isObject(value) || schema.type !== 'object') return undefined;
  for (const key of Object.keys(value)) {
    const child = childSchema(schema, key);
    const found = child === undefined ? `${path}.${key}` : undeclared(value[key], child, `${path}.${key}`);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The live object with the configuration laid over it, and its owners brought up to date. */
function applyTo(live: KubeObject | undefined, config: JsonObject, request: ResourceRequest): KubeObject {
  const { cluster, definition, info, manager } = request;
  const schema = ownershipSchema(definition);
  const managers = managersOf(live);
  const writer = { name: manager, operation: 'Apply' as const, apiVersion: apiVersionOf(definition) };
  const own = findManager(managers, writer);
  const others = managers.filter((each) => each !== own);
  const fields = fieldsOf(ownable(asConfig(config)), schema);
  const merged = clone(mergeApplied(live, config, schema));
  const dropped = difference(own?.fields ?? fieldSet(), fields);
  const kept = others.reduce((all, each) => union(all, each.fields), fieldSet());
  removeFields(merged, dropped, { others: kept, schema });
  const next = decodeInto(definition, merged);
  if (next.metadata.name !== '' && next.metadata.name !== info.name) throw wrongName(next.metadata.name, info.name);
  const { added, modified, removed } = compareObjects(live === undefined ? undefined : ownable(live), ownable(next), {
    schema,
    structs: definition.custom,
  });
  settleConflicts(others, intersection(union(added, modified), fields), info.query.get('force') === 'true');
  for (const each of others) each.fields = difference(each.fields, removed);
  setFields(managers, { ...writer, fields }, timestamp(cluster.now()));
  writeManagers(next, managers);
  return next;
}

/** The configuration seen as an object, for the parts of it that can be owned. */
function asConfig(config: JsonObject): KubeObject {
  const metadata = { name: '', ...asObject(config['metadata']) };
  return { ...config, apiVersion: '', kind: '', metadata };
}

function settleConflicts(others: readonly Manager[], changed: Manager['fields'], force: boolean): void {
  const conflicts = others
    .map((manager) => ({ manager, fields: intersection(manager.fields, changed) }))
    .filter(({ fields }) => !isEmptySet(fields));
  if (!force && conflicts.length > 0) throw applyConflict(conflicts);
  for (const { manager, fields } of conflicts) manager.fields = difference(manager.fields, fields);
}

function applyConflict(conflicts: readonly { manager: Manager; fields: Manager['fields'] }[]): ApiError {
  const named = conflicts
    .map(({ manager, fields }) => ({ who: describe(manager), paths: pathsOf(fields) }))
    .toSorted((a, b) => (a.who < b.who ? -1 : 1));
  const causes = named.flatMap(({ who, paths }) =>
    paths.map((field) => ({ reason: 'FieldManagerConflict', message: `conflict with ${who}`, field })),
  );
  const [only] = causes;
  const words =
    causes.length === 1 && only !== undefined
      ? `1 conflict: ${only.message}: ${only.field}`
      : `${causes.length} conflicts: ${named.map(({ who, paths }) => `conflicts with ${who}:\n${paths.map((path) => `- ${path}`).join('\n')}`).join('\n')}`;
  return new ApiError(409, 'Conflict', `Apply failed with ${words}`, { causes });
}

function describe({ apiVersion, name, operation }: Manager): string {
  return operation === 'Apply' ? JSON.stringify(name) : `${JSON.stringify(name)} using ${apiVersion}`;
}
