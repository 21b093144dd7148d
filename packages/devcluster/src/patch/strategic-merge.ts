import { ApiError, badRequest } from '../api-error.js';
import { clone, deepEqual, getKey, isObject, type JsonObject, setKey } from '../json.js';
import { childSchema, type Schema } from '../schema/schema.js';

const DIRECTIVE = '$patch';
const RETAIN_KEYS = '$retainKeys';
const DELETE_FROM_PRIMITIVES = '$deleteFromPrimitiveList/';
const ELEMENT_ORDER = '$setElementOrder/';

/**
 * Kubernetes' strategic merge patch. Lists whose schema says `x-kubernetes-patch-strategy: merge` are merged, by merge key when they
 * hold objects; all other lists are replaced. The target is not changed.
 *
 * @throws ApiError 500 for an unknown `$patch` value, 400 for a list item without its merge key.
 */
export function strategicMerge(target: unknown, patch: unknown, schema: Schema | undefined): unknown {
  if (!isObject(patch)) return clone(patch);
  return mergeObject(isObject(target) ? target : {}, patch, schema);
}

function mergeObject(target: JsonObject, patch: JsonObject, schema: Schema | undefined): JsonObject {
  const directive = patch[DIRECTIVE];
  if (directive === 'replace') return clone(withoutDirectives(patch));
  if (directive === 'delete') return {};
  if (directive !== undefined && directive !== 'merge')
    throw new ApiError(500, '', `unknown patch type: ${JSON.stringify(directive)}`);
  const out = retain(target, patch[RETAIN_KEYS]);
  for (const [key, value] of Object.entries(patch)) {
    if (key === DIRECTIVE || key === RETAIN_KEYS || key.startsWith(ELEMENT_ORDER)) continue;
    if (key.startsWith(DELETE_FROM_PRIMITIVES))
      deleteFromPrimitives(out, key.slice(DELETE_FROM_PRIMITIVES.length), value);
    else if (value === null) delete out[key];
    else setKey(out, key, mergeValue(getKey(out, key), value, childSchema(schema, key)));
  }
  for (const [key, value] of Object.entries(patch)) {
    if (key.startsWith(ELEMENT_ORDER)) reorder(out, key.slice(ELEMENT_ORDER.length), { order: value, schema });
  }
  return out;
}

function mergeValue(target: unknown, patch: unknown, schema: Schema | undefined): unknown {
  if (Array.isArray(patch)) return mergeList(Array.isArray(target) ? target : [], patch, schema);
  if (!isObject(patch)) return patch;
  return mergeObject(isObject(target) ? target : {}, patch, schema);
}

function mergeStrategy(schema: Schema | undefined): boolean {
  return schema?.['x-kubernetes-patch-strategy']?.split(',').includes('merge') === true;
}

function mergeList(target: readonly unknown[], patch: readonly unknown[], schema: Schema | undefined): unknown[] {
  if (patch.some((item) => isObject(item) && item[DIRECTIVE] === 'replace')) {
    return clone(
      patch.filter((item) => !(isObject(item) && item[DIRECTIVE] === 'replace' && Object.keys(item).length === 1)),
    ).map((item) => (isObject(item) ? withoutDirectives(item) : item));
  }
  if (!mergeStrategy(schema)) return clone(patch.map((item) => (isObject(item) ? stripNulls(item) : item)));
  const mergeKey = schema?.['x-kubernetes-patch-merge-key'];
  if (mergeKey === undefined)
    return [...target, ...patch.filter((item) => !target.some((has) => deepEqual(has, item)))];
  return mergeByKey(target, patch, { mergeKey, items: schema?.items });
}

interface KeyedList {
  readonly mergeKey: string;
  readonly items: Schema | undefined;
}

function mergeByKey(target: readonly unknown[], patch: readonly unknown[], { mergeKey, items }: KeyedList): unknown[] {
  let out = [...target];
  for (const item of patch) {
    if (!isObject(item)) throw badRequest(`expected an object with the merge key ${mergeKey}`);
    const id = item[mergeKey];
    if (id === undefined)
      throw badRequest(`map: ${JSON.stringify(item)} does not contain declared merge key: ${mergeKey}`);
    const same = (each: unknown): boolean => isObject(each) && deepEqual(each[mergeKey], id);
    if (item[DIRECTIVE] === 'delete') {
      out = out.filter((each) => !same(each));
      continue;
    }
    const at = out.findIndex(same);
    const merged = mergeObject(at < 0 ? {} : (out[at] as JsonObject), item, items);
    if (at < 0) out.push(merged);
    else out[at] = merged;
  }
  return out;
}

/** Brings a merged list into the order that `$setElementOrder` asks for; items that it does not name keep their place behind. */
function reorder(target: JsonObject, key: string, wanted: { order: unknown; schema: Schema | undefined }): void {
  const list = target[key];
  if (!Array.isArray(list) || !Array.isArray(wanted.order)) return;
  const mergeKey = childSchema(wanted.schema, key)?.['x-kubernetes-patch-merge-key'];
  const identity = (item: unknown): unknown => (mergeKey !== undefined && isObject(item) ? item[mergeKey] : item);
  const order = wanted.order.map(identity);
  const rank = (item: unknown): number => {
    const at = order.findIndex((each) => deepEqual(each, identity(item)));
    return at < 0 ? order.length : at;
  };
  target[key] = list.toSorted((a, b) => rank(a) - rank(b));
}

function deleteFromPrimitives(target: JsonObject, key: string, values: unknown): void {
  const list = target[key];
  if (Array.isArray(list) && Array.isArray(values)) {
    target[key] = list.filter((item) => !values.some((value) => deepEqual(value, item)));
  }
}

function retain(target: JsonObject, keys: unknown): JsonObject {
  if (!Array.isArray(keys)) return { ...target };
  return Object.fromEntries(Object.entries(target).filter(([key]) => keys.includes(key)));
}

function withoutDirectives(item: JsonObject): JsonObject {
  const { [DIRECTIVE]: _directive, ...rest } = item;
  return rest;
}

function stripNulls(item: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(withoutDirectives(item)).filter(([, value]) => value !== null));
}
