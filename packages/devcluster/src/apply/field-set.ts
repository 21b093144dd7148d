import { isObject, type JsonObject } from '../json.js';

/**
 * A set of field paths. Each step is a key of FieldsV1: `f:name` for a field, `k:{"name":"x"}` for a list item by keys, `v:"x"` for a
 * set's value. `member` says whether the path itself belongs to the set.
 */
export interface FieldSet {
  member: boolean;
  readonly children: Map<string, FieldSet>;
}

export function fieldSet(member = false): FieldSet {
  return { member, children: new Map() };
}

/** Reads `fieldsV1`. What is not in its form counts as empty. */
export function readFieldSet(json: unknown, isRoot = true): FieldSet {
  const fields = isObject(json) ? json : {};
  const keys = Object.keys(fields).filter((key) => key !== '.');
  const set = fieldSet(!isRoot && (Object.hasOwn(fields, '.') || keys.length === 0));
  for (const key of keys) set.children.set(key, readFieldSet(fields[key], false));
  return set;
}

/** Writes `fieldsV1`, its keys in order. */
export function writeFieldSet(set: FieldSet): JsonObject {
  const out: JsonObject = set.member && set.children.size > 0 ? { '.': {} } : {};
  for (const key of [...set.children.keys()].toSorted()) {
    const child = set.children.get(key);
    if (child !== undefined) out[key] = writeFieldSet(child);
  }
  return out;
}

export function isEmptySet(set: FieldSet): boolean {
  return !set.member && [...set.children.values()].every(isEmptySet);
}

export function insertPath(set: FieldSet, path: readonly string[]): void {
  let at = set;
  for (const step of path) {
    let child = at.children.get(step);
    if (child === undefined) {
      child = fieldSet();
      at.children.set(step, child);
    }
    at = child;
  }
  at.member = true;
}

type Combine = (a: boolean, b: boolean) => boolean;

function combine(a: FieldSet, b: FieldSet, rule: Combine): FieldSet {
  const out = fieldSet(rule(a.member, b.member));
  for (const key of new Set([...a.children.keys(), ...b.children.keys()])) {
    const child = combine(a.children.get(key) ?? fieldSet(), b.children.get(key) ?? fieldSet(), rule);
    if (!isEmptySet(child)) out.children.set(key, child);
  }
  return out;
}

export function union(a: FieldSet, b: FieldSet): FieldSet {
  return combine(a, b, (x, y) => x || y);
}

export function difference(a: FieldSet, b: FieldSet): FieldSet {
  return combine(a, b, (x, y) => x && !y);
}

export function intersection(a: FieldSet, b: FieldSet): FieldSet {
  return combine(a, b, (x, y) => x && y);
}

export function sameSet(a: FieldSet, b: FieldSet): boolean {
  return isEmptySet(difference(a, b)) && isEmptySet(difference(b, a));
}

/** Every path of the set, as conflicts print it: `.spec.containers[name="c"].image`. */
export function pathsOf(set: FieldSet, prefix = ''): string[] {
  const out = set.member && prefix !== '' ? [prefix] : [];
  for (const [step, child] of set.children) out.push(...pathsOf(child, prefix + stepText(step)));
  return out;
}

function stepText(step: string): string {
  const rest = step.slice(2);
  if (step.startsWith('f:')) return `.${rest}`;
  if (step.startsWith('v:')) return `[=${rest}]`;
  const keys = JSON.parse(rest) as JsonObject;
  return `[${Object.entries(keys)
    .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
    .join(',')}]`;
}
