import type { KubeObject } from '../api-types.js';
import { deepEqual, isObject, type JsonObject } from '../json.js';
import type { Schema } from '../schema/schema.js';
import { type FieldSet, fieldSet, insertPath } from './field-set.js';
import { elementsOf, isLeaf, isStruct } from './typed.js';

/** What changed between two states of an object. */
export interface Comparison {
  readonly added: FieldSet;
  readonly modified: FieldSet;
  readonly removed: FieldSet;
}

const SYSTEM_METADATA = [
  'name',
  'namespace',
  'creationTimestamp',
  'selfLink',
  'uid',
  'clusterName',
  'generation',
  'managedFields',
  'resourceVersion',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
];

/** The object without what nobody owns: its type, and the metadata that the server sets. */
export function ownable(object: KubeObject): JsonObject {
  const { apiVersion: _apiVersion, kind: _kind, metadata, ...rest } = object;
  const kept = Object.fromEntries(Object.entries(metadata).filter(([key]) => !SYSTEM_METADATA.includes(key)));
  return Object.keys(kept).length === 0 ? rest : { metadata: kept, ...rest };
}

/** Compares two ownable states. An undefined one has nothing. `structs`: whether new structs count as added (custom resources). */
export function compareObjects(
  before: JsonObject | undefined,
  after: JsonObject,
  { schema, structs }: { readonly schema: Schema; readonly structs: boolean },
): Comparison {
  const comparison = { added: fieldSet(), modified: fieldSet(), removed: fieldSet() };
  new Comparer(comparison, structs).walk(before ?? {}, after, { schema, path: [] });
  return comparison;
}

interface Place {
  readonly schema: Schema | undefined;
  readonly path: readonly string[];
}

class Comparer {
  constructor(
    private readonly out: Comparison,
    private readonly structs: boolean,
  ) {}

  walk(before: unknown, after: unknown, place: Place): void {
    const { path, schema } = place;
    if (before === after && path.length > 0) return;
    if (leaf(before, schema) && leaf(after, schema)) {
      if (before === undefined) insertPath(this.out.added, path);
      else if (after === undefined) insertPath(this.out.removed, path);
      else if (!deepEqual(before, after)) insertPath(this.out.modified, path);
      return;
    }
    this.walkElements(before, after, place);
    if (path.length === 0 || !this.countsItself(place)) return;
    if (before === undefined) insertPath(this.out.added, path);
    else if (after === undefined) insertPath(this.out.removed, path);
  }

  private walkElements(before: unknown, after: unknown, { path, schema }: Place): void {
    const old = new Map(elementsOf(before, schema).map((each) => [each.step, each]));
    for (const element of elementsOf(after, schema)) {
      this.walk(old.get(element.step)?.value, element.value, { schema: element.schema, path: [...path, element.step] });
      old.delete(element.step);
    }
    for (const element of old.values()) {
      this.walk(element.value, undefined, { schema: element.schema, path: [...path, element.step] });
    }
  }

  /** A field of a built-in kind that is a struct was there, empty, before anything was set in it. */
  private countsItself({ path, schema }: Place): boolean {
    const field = path.at(-1)?.startsWith('f:') === true;
    const builtin = !this.structs || path[0] === 'f:metadata';
    return !(field && builtin && isStruct(schema));
  }
}

/** Undefined takes the form of the other side; an object counts as a leaf while both sides of it are empty. */
function leaf(value: unknown, schema: Schema | undefined): boolean {
  return value === undefined || isLeaf(value, schema) || isEmpty(value);
}

function isEmpty(value: unknown): boolean {
  return Array.isArray(value) ? value.length === 0 : isObject(value) && Object.keys(value).length === 0;
}

/** The fields that an applied configuration sets. */
export function fieldsOf(value: unknown, schema: Schema): FieldSet {
  const set = fieldSet();
  collect(value, { schema, path: [] }, set);
  return set;
}

function collect(value: unknown, { path, schema }: Place, out: FieldSet): void {
  if (isLeaf(value, schema) || isEmpty(value)) {
    if (path.length > 0) insertPath(out, path);
    return;
  }
  if (path.at(-1)?.startsWith('k:') === true) insertPath(out, path);
  for (const element of elementsOf(value, schema)) {
    collect(element.value, { schema: element.schema, path: [...path, element.step] }, out);
  }
}
