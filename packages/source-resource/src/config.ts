import type { ConfigIssue } from '@kube-trigger/core';
import {
  apiVersionOf,
  choiceIssues,
  choiceOptions,
  ONE_CHOICE,
  onOption,
  type Resource,
  WELL_KNOWN,
} from '@kube-trigger/kube';
import { type Static, Type } from 'typebox';
import { type FieldPath, parseFieldPath } from './field-path.js';

export const ResourceConfig = Type.Object(
  {
    apiVersion: Type.String({
      maxLength: 317,
      pattern: '^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[a-z]([-a-z0-9]*[a-z0-9])?$',
      description: 'Group and version of the kind, as in its manifests.',
      examples: ['cert-manager.io/v1'],
    }),
    kind: Type.String({
      maxLength: 63,
      pattern: '^[A-Z][A-Za-z0-9]*$',
      description: 'The kind, as in its manifests. Not Secret.',
      examples: ['Certificate'],
    }),
    ...choiceOptions('object'),
    fields: Type.Optional(
      Type.Array(Type.String({ maxLength: 512, description: 'Names joined by dots; others as in data["app.conf"].' }), {
        minItems: 1,
        maxItems: 32,
        description: 'Which fields count. Default: all but status and what the server writes into metadata.',
        examples: [['spec.template', 'metadata.labels["app.kubernetes.io/version"]']],
      }),
    ),
    on: onOption(),
  },
  { additionalProperties: false, ...ONE_CHOICE, description: 'Fires when objects of any kind change.' },
);
export type ResourceConfig = Static<typeof ResourceConfig>;

/** What the schema cannot say: kinds that have a source of their own, a selector's grammar, paths of fields. */
export function validateResource(config: ResourceConfig): ConfigIssue[] {
  return [...kindIssues(config), ...choiceIssues(config), ...fieldsIssues(config)];
}

function kindIssues({ apiVersion, kind, namespace }: ResourceConfig): ConfigIssue[] {
  if (kind === 'Secret' && apiVersion === 'v1') {
    const message =
      'Secret is not watched by this source, whose digests could be used to find values; use the source secret';
    return [{ path: 'kind', message }];
  }
  const known = Object.values<Resource>(WELL_KNOWN).find((resource) => resource.kind === kind);
  if (known === undefined || apiVersionOf(known) !== apiVersion || known.namespaced || namespace === undefined)
    return [];
  return [{ path: 'namespace', message: `"${namespace}" cannot stand here: ${kind} is cluster-scoped; remove it` }];
}

function fieldsIssues({ fields = [] }: ResourceConfig): ConfigIssue[] {
  return fields.flatMap((field, index) => {
    const path = parseFieldPath(field);
    const message = typeof path === 'string' ? path : useless(path);
    return message === undefined ? [] : [{ path: `fields[${index}]`, message }];
  });
}

/** Why a field says nothing about an object's state. */
function useless({ text }: FieldPath): string | undefined {
  if (text === 'apiVersion' || text === 'kind') return `"${text}" is the same for all these objects; remove it`;
  if (text === 'metadata' || text === 'metadata.resourceVersion' || text === 'metadata.managedFields') {
    return `"${text}" changes with every write; name what counts in it, e.g. metadata.labels`;
  }
  return undefined;
}

/** The chosen fields of a config that is valid, each once. */
export function fieldsOf({ fields }: Pick<ResourceConfig, 'fields'>): FieldPath[] | undefined {
  const paths = fields?.map(parseFieldPath).filter((path) => typeof path !== 'string');
  return paths?.filter(({ text }, index) => paths.findIndex((other) => other.text === text) === index);
}
