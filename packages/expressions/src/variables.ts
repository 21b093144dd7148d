import type { RuleIdentity, TriggerEvent } from '@kube-trigger/core';
import { plain, Sizing } from './plain-values.js';

/** What an expression sees, with CEL's types. The table in docs/reference/expressions.md says the same. */
export const VARIABLES = {
  event: {
    id: 'string',
    source: 'string',
    key: 'string',
    change: 'string',
    changedKeys: 'list<string>',
    revision: 'string',
    observedAt: 'google.protobuf.Timestamp',
    data: 'map<string, dyn>',
  },
  object: 'dyn',
  rule: { namespace: 'string', name: 'string' },
} as const;

export type RuleName = Pick<RuleIdentity, 'namespace' | 'name'>;

export interface Values {
  readonly variables: Readonly<Record<string, unknown>>;
  readonly size: Sizing;
}

/** What is not known or was not read is left out, so that asking for it is an error and not a false. */
export function valuesOf(event: TriggerEvent, rule: RuleName, needsObject: boolean): Values {
  const { id, source, key, change, changedKeys, revision, observedAtMs, data } = event;
  const object = needsObject ? event.object : undefined;
  const size = new Sizing();
  const variables = {
    event: {
      id,
      source,
      key,
      change,
      ...(changedKeys === undefined ? {} : { changedKeys: plain(changedKeys, size) }),
      revision,
      observedAt: new Date(observedAtMs),
      data: plain(dataOf(data), size),
    },
    ...(object !== undefined ? { object: plain(object, size) } : {}),
    rule: { namespace: rule.namespace, name: rule.name },
  };
  return { variables, size };
}

/** A source's data as JSON has it: no class, no getter, no function gets into an expression. */
function dataOf(data: unknown): unknown {
  if (typeof data !== 'object' || data === null || Array.isArray(data)) return {};
  return isFlat(data) ? data : JSON.parse(JSON.stringify(data));
}

/** Nothing that JSON would make something else of: most data is so, and writing and reading it costs more than its evaluation. */
function isFlat(data: object): boolean {
  if (Object.getPrototypeOf(data) !== Object.prototype) return false;
  for (const value of Object.values(data)) {
    const isPlain = typeof value === 'string' || typeof value === 'boolean' || Number.isFinite(value) || value === null;
    if (!isPlain) return false;
  }
  return true;
}
