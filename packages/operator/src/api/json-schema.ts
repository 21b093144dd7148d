import { type Plugin, type PluginRegistry, RESERVED_KEYS, RuleSpec } from '@kube-trigger/core';
import { API_GROUP_VERSION, TRIGGER_RULE } from './resources.js';

type Schema = Record<string, unknown>;

/** The JSON Schema (draft 7, which every editor knows) of a TriggerRule for these plugins. Stricter than a definition can be. */
export function ruleJsonSchema(registry: PluginRegistry): Schema {
  const spec = converted(RuleSpec) as { properties: Record<string, Schema> };
  for (const list of ['sources', 'filters', 'actions'] as const) {
    const kind = list.slice(0, -1);
    const plugins = registry.all().filter((plugin) => plugin.kind === kind);
    spec.properties[list] = { ...spec.properties[list], items: itemSchema(list, plugins, registry) };
  }
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'TriggerRule',
    type: 'object',
    required: ['apiVersion', 'kind', 'metadata', 'spec'],
    additionalProperties: false,
    properties: {
      apiVersion: { const: API_GROUP_VERSION },
      kind: { const: TRIGGER_RULE.kind },
      metadata: { type: 'object', description: 'Name, namespace, labels and annotations.' },
      spec,
      status: { type: 'object', description: 'Written by the operator.' },
    },
  };
}

function itemSchema(list: keyof typeof RESERVED_KEYS, plugins: readonly Plugin[], registry: PluginRegistry): Schema {
  const properties: Record<string, Schema> = {};
  for (const [name, schema] of Object.entries(RESERVED_KEYS[list])) properties[name] = converted(schema);
  for (const { name, config, summary } of plugins) properties[name] = { ...converted(config), description: summary };
  const names = plugins.map(({ name }) => name);
  if (list === 'sources') {
    const kinds = registry.handledKinds().map(({ kind }) => kind);
    properties['objectRef'] = objectRef(kinds);
    names.push('objectRef');
  }
  return {
    type: 'object',
    additionalProperties: false,
    properties,
    oneOf: names.map((name) => ({ required: [name] })),
  };
}

function objectRef(kinds: readonly string[]): Schema {
  const text = { type: 'string', minLength: 1 };
  return {
    type: 'object',
    description: 'One object by kind and name; the kind picks the source plugin.',
    required: ['kind', 'name'],
    additionalProperties: false,
    properties: { apiVersion: text, kind: { type: 'string', enum: kinds }, namespace: text, name: text },
  };
}

/** A config schema in plain JSON Schema: what has a default may be left out, and choices are spelt out. */
function converted(schema: object): Schema {
  const { exactlyOneOf, atMostOneOf, required, ...rest } = JSON.parse(JSON.stringify(schema)) as Schema & {
    exactlyOneOf?: string[];
    atMostOneOf?: string[];
    required?: string[];
  };
  const result: Schema = Object.fromEntries(Object.entries(rest).filter(([keyword]) => !keyword.startsWith('~')));
  const properties = (result['properties'] ?? {}) as Record<string, { default?: unknown }>;
  const needed = (required ?? []).filter((name) => properties[name]?.default === undefined);
  if (needed.length > 0) result['required'] = needed;
  if (exactlyOneOf !== undefined) result['oneOf'] = exactlyOneOf.map((name) => ({ required: [name] }));
  if (atMostOneOf !== undefined) result['not'] = { anyOf: pairsOf(atMostOneOf).map((pair) => ({ required: pair })) };
  for (const keyword of ['properties', 'patternProperties']) {
    if (result[keyword] === undefined) continue;
    const inner = Object.entries(result[keyword] as Record<string, object>);
    result[keyword] = Object.fromEntries(inner.map(([name, each]) => [name, converted(each)]));
  }
  if (typeof result['items'] === 'object' && result['items'] !== null) result['items'] = converted(result['items']);
  return result;
}

function pairsOf(names: readonly string[]): string[][] {
  return names.flatMap((one, i) => names.slice(i + 1).map((other) => [one, other]));
}
