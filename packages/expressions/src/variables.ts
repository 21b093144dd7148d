import type { RuleIdentity, TriggerEvent } from '@kube-trigger/core';

/** What an expression sees, with CEL's types. The table in the README says the same. */
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
  rule: { namespace: 'string', name: 'string' },
} as const;

export type RuleName = Pick<RuleIdentity, 'namespace' | 'name'>;

/** `changedKeys` is left out where it is not known, so that asking for it is an error and not a false. */
export function valuesOf(event: TriggerEvent, rule: RuleName): Record<string, unknown> {
  const { id, source, key, change, changedKeys, revision, observedAtMs, data } = event;
  return {
    event: {
      id,
      source,
      key,
      change,
      ...(changedKeys === undefined ? {} : { changedKeys }),
      revision,
      observedAt: new Date(observedAtMs),
      data: plain(data),
    },
    rule: { namespace: rule.namespace, name: rule.name },
  };
}

/** A source's data as JSON has it: no class, no getter, no function gets into an expression. */
function plain(data: unknown): Record<string, unknown> {
  if (typeof data !== 'object' || data === null || Array.isArray(data)) return {};
  return JSON.parse(JSON.stringify(data)) as Record<string, unknown>;
}
