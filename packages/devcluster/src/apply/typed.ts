import { BUILTIN_TYPES } from '../builtin-types/index.js';
import { isObject, type JsonObject } from '../json.js';
import type { ResourceDefinition } from '../resources/definition.js';
import { childSchema, type Schema } from '../schema/schema.js';

/** The schema that ownership follows: the kind's own, with the metadata that all kinds share. */
export function ownershipSchema(definition: ResourceDefinition): Schema {
  const { schema } = definition;
  const metadata = BUILTIN_TYPES.get('ObjectMeta') ?? {};
  return { ...schema, properties: { ...schema?.properties, metadata } };
}

/** Whether a value is owned as a whole: scalars, empty objects and what the schema calls atomic. Lists are, unless it says otherwise. */
export function isLeaf(value: unknown, schema: Schema | undefined): boolean {
  if (Array.isArray(value)) {
    const type = schema?.['x-kubernetes-list-type'];
    return type !== 'map' && type !== 'set';
  }
  return !isObject(value) || schema?.['x-kubernetes-map-type'] === 'atomic';
}

/** A Go struct: its fields are named by the schema, and owning one does not mean owning the struct. */
export function isStruct(schema: Schema | undefined): boolean {
  return schema?.properties !== undefined;
}

export interface Element {
  /** The FieldsV1 key of the element. */
  readonly step: string;
  readonly value: unknown;
  readonly schema: Schema | undefined;
}

/** The parts of an object or of a list that is a map or a set. */
export function elementsOf(value: unknown, schema: Schema | undefined): Element[] {
  if (isObject(value)) {
    return Object.keys(value)
      .filter((key) => value[key] !== undefined)
      .map((key) => ({ step: `f:${key}`, value: value[key], schema: childSchema(schema, key) }));
  }
  if (!Array.isArray(value)) return [];
  return value.map((item: unknown) => ({ step: itemStep(item, schema), value: item, schema: schema?.items }));
}

/** `k:{"containerPort":80,"protocol":"TCP"}`: keys in order, a missing one with its default. */
export function itemStep(item: unknown, schema: Schema | undefined): string {
  if (schema?.['x-kubernetes-list-type'] === 'set' || !isObject(item)) return `v:${JSON.stringify(item)}`;
  const identity: JsonObject = {};
  for (const key of [...(schema?.['x-kubernetes-list-map-keys'] ?? [])].toSorted()) {
    const value = item[key] ?? childSchema(schema?.items, key)?.default;
    if (value !== undefined) identity[key] = value;
  }
  return `k:${JSON.stringify(identity)}`;
}
