import { type Plugin, type PluginRegistry, RESERVED_KEYS, RuleSpec } from '@kube-trigger/core';
import type { Resource } from '@kube-trigger/kube';
import { outline } from './outline.js';
import { API_GROUP, API_VERSION, TRIGGER_CHECKPOINT, TRIGGER_RULE } from './resources.js';
import { RULE_STATUS_SCHEMA } from './status-schema.js';
import { notSeveral } from './choices.js';
import { structuralSchema, type StructuralSchema } from './structural-schema.js';

/** The CustomResourceDefinitions of kube-trigger for the given plugins, ready to apply. Same plugins, same bytes. */
export function definitions(registry: PluginRegistry): object[] {
  return [ruleDefinition(registry), checkpointDefinition()];
}

function ruleDefinition(registry: PluginRegistry): object {
  const spec = structuralSchema(RuleSpec, 'spec');
  const lists = [
    ['sources', 'source'],
    ['filters', 'filter'],
    ['actions', 'action'],
  ] as const;
  for (const [list, kind] of lists) {
    const items = spec.properties?.[list];
    if (items !== undefined)
      items.items = itemSchema(
        list,
        registry.all().filter((plugin) => plugin.kind === kind),
      );
  }
  return definition(TRIGGER_RULE, {
    shortNames: ['tr'],
    printerColumns: [
      { name: 'Ready', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].status' },
      { name: 'Reason', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].reason' },
      { name: 'Last Fired', type: 'date', jsonPath: '.status.lastFired' },
      { name: 'Last Result', type: 'string', jsonPath: '.status.lastResult' },
      { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
      { name: 'Accepted', type: 'string', jsonPath: '.status.conditions[?(@.type=="Accepted")].status', priority: 1 },
      { name: 'Under Way', type: 'integer', jsonPath: '.status.underWay', priority: 1 },
      { name: 'Message', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].message', priority: 1 },
    ],
    schema: {
      type: 'object',
      description: 'When one of its sources changes and its filters pass, its actions are run.',
      required: ['spec'],
      properties: {
        apiVersion: { type: 'string' },
        kind: { type: 'string' },
        metadata: { type: 'object' },
        spec: { ...spec, description: outline(registry.all()) },
        status: RULE_STATUS_SCHEMA,
      },
    },
    subresources: { status: {} },
  });
}

/**
 * One list's item: every installed plugin's config by its name. Other keys are kept, because a plugin may be installed in the operator
 * before its definition is applied here, and because the operator answers them with a condition that names the nearest one.
 */
function itemSchema(list: keyof typeof RESERVED_KEYS, plugins: readonly Plugin[]): StructuralSchema {
  const properties: Record<string, StructuralSchema> = {};
  for (const [name, schema] of Object.entries(RESERVED_KEYS[list])) properties[name] = structuralSchema(schema, name);
  for (const plugin of plugins.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    const schema = structuralSchema(plugin.config, plugin.name);
    properties[plugin.name] = { ...schema, description: plugin.summary };
  }
  if (list === 'sources') properties['objectRef'] = OBJECT_REF;
  const names = plugins.map(({ name }) => name).toSorted();
  const choices = (list === 'sources' ? [...names, 'objectRef'] : names).toSorted();
  const installed = names.join(', ') || 'none';
  const words = (found: string) =>
    `needs exactly one ${list.slice(0, -1)} plugin, found ${found}; installed: ${installed}`;
  return {
    type: 'object',
    'x-kubernetes-preserve-unknown-fields': true,
    properties,
    // Plugins that are not known here are the operator's to refuse.
    ...(choices.length > 1 ? { 'x-kubernetes-validations': [notSeveral(choices, words)] } : {}),
  };
}

const OBJECT_REF: StructuralSchema = {
  type: 'object',
  description: 'One object by kind and name; the kind picks the source plugin.',
  required: ['kind', 'name'],
  'x-kubernetes-preserve-unknown-fields': true,
  properties: {
    apiVersion: { type: 'string', description: "Default: the plugin's." },
    kind: { type: 'string', description: 'The kind of the object, e.g. ConfigMap.' },
    namespace: { type: 'string', description: "Default: the rule's." },
    name: { type: 'string', description: 'The name of the object.' },
  },
};

function checkpointDefinition(): object {
  return definition(TRIGGER_CHECKPOINT, {
    shortNames: ['tcp'],
    printerColumns: [
      { name: 'Rule', type: 'string', jsonPath: '.metadata.ownerReferences[0].name' },
      { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
    ],
    schema: {
      type: 'object',
      description:
        'What a TriggerRule remembers of its sources (digests, never contents). Written by the operator; deleted with the rule.',
      properties: {
        apiVersion: { type: 'string' },
        kind: { type: 'string' },
        metadata: { type: 'object' },
        writer: { type: 'string', description: 'The operator process that wrote last.' },
        objects: {
          type: 'integer',
          description: 'How many objects the rule had then. If one is gone, the rule starts from a new baseline.',
        },
        records: {
          type: 'object',
          description: 'One short text per source and key.',
          additionalProperties: { type: 'string' },
        },
      },
    },
  });
}

interface DefinitionParts {
  readonly shortNames: readonly string[];
  readonly printerColumns: readonly object[];
  readonly schema: StructuralSchema;
  readonly subresources?: object;
}

function definition(resource: Resource, parts: DefinitionParts): object {
  const { plural, kind } = resource;
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${API_GROUP}` },
    spec: {
      group: API_GROUP,
      scope: 'Namespaced',
      names: { kind, listKind: `${kind}List`, plural, singular: kind.toLowerCase(), shortNames: parts.shortNames },
      versions: [
        {
          name: API_VERSION,
          served: true,
          storage: true,
          additionalPrinterColumns: parts.printerColumns,
          ...(parts.subresources === undefined ? {} : { subresources: parts.subresources }),
          schema: { openAPIV3Schema: parts.schema },
        },
      ],
    },
  };
}
