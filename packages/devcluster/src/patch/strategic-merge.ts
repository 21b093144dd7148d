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
    if (!key.startsWith(ELEMENT_ORDER)) continue;
    const field = key.slice(ELEMENT_ORDER.length);
    reorder(out, field, { order: value, live: getKey(target, field), schema });
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
  if (mergeKey === undefined) {
    const merged = [...target, ...patch.filter((item) => !target.some((has) => deepEqual(has, item)))];
    return interleave(merged, { named: patch, live: target, identity: identityOf(undefined) });
  }
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
  return interleave(out, { named: patch, live: target, identity: identityOf(mergeKey) });
}

type Identity = (item: unknown) => unknown;

function identityOf(mergeKey: string | undefined): Identity {
  return (item) => (mergeKey !== undefined && isObject(item) ? item[mergeKey] : item);
}

function placeIn(list: readonly unknown[], item: unknown, identity: Identity): number {
  return list.findIndex((each) => deepEqual(identity(each), identity(item)));
}

/**
 * Orders a merged list as the API server does: the items that the patch names in its order, the others in theirs; an other one comes
 * first only when the live list has it before the next named one.
 */
function interleave(
  merged: readonly unknown[],
  { identity, live, named }: { named: readonly unknown[]; live: readonly unknown[]; identity: Identity },
): unknown[] {
  const wanted = merged
    .filter((item) => placeIn(named, item, identity) >= 0)
    .toSorted((a, b) => placeIn(named, a, identity) - placeIn(named, b, identity));
  const others = merged.filter((item) => placeIn(named, item, identity) < 0);
  const out: unknown[] = [];
  for (const next of wanted) {
    const limit = placeIn(live, next, identity);
    while (others.length > 0) {
      const place = placeIn(live, others[0], identity);
      if (limit < 0 || place < 0 || place > limit) break;
      out.push(others.shift());
    }
    out.push(next);
  }
  return [...out, ...others];
}

/** Brings a merged list into the order that `$setElementOrder` asks for. */
function reorder(
  target: JsonObject,
  key: string,
  { live, order, schema }: { live: unknown; order: unknown; schema: Schema | undefined },
): void {
  const list = target[key];
  if (!Array.isArray(list) || !Array.isArray(order)) return;
  const identity = identityOf(childSchema(schema, key)?.['x-kubernetes-patch-merge-key']);
  target[key] = interleave(list, { named: order, live: Array.isArray(live) ? live : [], identity });
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
