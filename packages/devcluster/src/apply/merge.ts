import { clone, isObject, type JsonObject } from '../json.js';
import { childSchema, type Schema } from '../schema/schema.js';
import type { FieldSet } from './field-set.js';
import { isLeaf, itemStep } from './typed.js';

/** Lays an applied configuration over the live value. Items of map and set lists keep their order, new ones come last. */
export function mergeApplied(live: unknown, applied: unknown, schema: Schema | undefined): unknown {
  if (isLeaf(applied, schema) || live === undefined || live === null) return clone(applied);
  if (Array.isArray(applied)) return Array.isArray(live) ? mergeList(live, applied, schema) : clone(applied);
  if (!isObject(applied) || !isObject(live)) return clone(applied);
  const out: JsonObject = { ...live };
  for (const [key, value] of Object.entries(applied)) {
    out[key] = mergeApplied(Object.hasOwn(live, key) ? live[key] : undefined, value, childSchema(schema, key));
  }
  return out;
}

function mergeList(live: readonly unknown[], applied: readonly unknown[], schema: Schema | undefined): unknown[] {
  const out = [...live];
  const places = new Map(live.map((item, i) => [itemStep(item, schema), i]));
  for (const item of applied) {
    const at = places.get(itemStep(item, schema));
    if (at === undefined) out.push(clone(item));
    else out[at] = mergeApplied(out[at], item, schema?.items);
  }
  return out;
}

/**
 * Takes away, in place, the fields that an applier no longer sets and that nobody else owns.
 *
 * @param removed what the applier set before and does not set now.
 * @param others what everyone else owns.
 */
export function removeFields(
  value: unknown,
  removed: FieldSet,
  { others, schema }: { others: FieldSet; schema: Schema | undefined },
): void {
  for (const [step, gone] of removed.children) {
    const kept = others.children.get(step);
    const whole = gone.member && kept === undefined;
    if (step.startsWith('f:') && isObject(value)) {
      const key = step.slice(2);
      if (whole) delete value[key];
      else if (kept === undefined || !gone.member || gone.children.size > 0) {
        removeFields(value[key], gone, { others: kept ?? EMPTY, schema: childSchema(schema, key) });
      }
    } else if (Array.isArray(value)) removeItem(value, step, { whole, gone, others: kept ?? EMPTY, schema });
  }
}

const EMPTY: FieldSet = { member: false, children: new Map() };

function removeItem(
  list: unknown[],
  step: string,
  { whole, gone, others, schema }: { whole: boolean; gone: FieldSet; others: FieldSet; schema: Schema | undefined },
): void {
  const at = list.findIndex((item) => itemStep(item, schema) === step);
  if (at < 0) return;
  if (whole) list.splice(at, 1);
  else removeFields(list[at], gone, { others, schema: schema?.items });
}
