import type { TriggerEvent } from '@kube-trigger/core';
import * as fc from 'fast-check';

/** Texts that names, keys and contents have, and those that nobody thinks of. */
const text = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.constantFrom('app.conf', 'a', '', '__proto__', 'constructor', 'it\'s "quoted"\n', '𝒳\u0000é'),
  },
  { weight: 1, arbitrary: fc.string({ maxLength: 60, unit: 'binary' }) },
);
const json = fc.jsonValue({ maxDepth: 3, stringUnit: 'binary' });
const revision = fc.oneof(fc.base64String({ minLength: 4, maxLength: 24 }), text);

/** What is present on some events only. */
function maybe<K extends string, T>(key: K, value: fc.Arbitrary<T>): fc.Arbitrary<{ readonly [P in K]?: T }> {
  return fc
    .option(value, { nil: undefined })
    .map((some) => (some === undefined ? {} : { [key]: some })) as fc.Arbitrary<{
    readonly [P in K]?: T;
  }>;
}

/** Events of any kind that a source could lead to, seen within the day before `nowMs`: with and without keys, data and objects. */
export function anyEvent(nowMs: number): fc.Arbitrary<TriggerEvent> {
  const ageMs = fc.integer({ min: 0, max: 86_400_000 });
  const times = fc.tuple(ageMs, ageMs).map(([one, other]) => ({
    observedAtMs: nowMs - Math.min(one, other),
    waitingSinceMs: nowMs - Math.max(one, other),
  }));
  const names = fc.record({
    id: revision,
    source: fc.constantFrom('configMap[0]', 'secret[1]', 'mine'),
    key: fc.oneof(fc.constantFrom('ConfigMap/shop/app-config', 'Secret/shop/login', 'Node/a', 'schedule'), text),
    revision,
    change: fc.constantFrom('created', 'updated', 'deleted', 'occurred'),
  } as const);
  return fc
    .tuple(
      names,
      times,
      maybe('changedKeys', fc.array(text, { maxLength: 8 })),
      maybe('data', fc.oneof(json, fc.constant({ namespace: 'shop', name: 'app-config' }))),
      maybe('object', fc.oneof(json, fc.constant(null), fc.constant({ data: { 'app.conf': 'x' }, metadata: {} }))),
    )
    .map(([name, time, keys, data, object]) => ({ ...name, ...time, ...keys, ...data, ...object }));
}
