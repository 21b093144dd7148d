import type { Choices } from '@kube-trigger/core';
import { type CelRule, choiceRules } from './choices.js';

/** A schema as a CustomResourceDefinition takes it: JSON Schema without references, unions of types or `additionalProperties: false`. */
export interface StructuralSchema {
  type?: string;
  description?: string;
  default?: unknown;
  enum?: unknown[];
  properties?: Record<string, StructuralSchema>;
  required?: string[];
  items?: StructuralSchema;
  additionalProperties?: StructuralSchema;
  'x-kubernetes-preserve-unknown-fields'?: true;
  'x-kubernetes-validations'?: CelRule[];
  [keyword: string]: unknown;
}

const KEPT = [
  'description',
  'enum',
  'format',
  'pattern',
  'minLength',
  'maxLength',
  'minItems',
  'maxItems',
  'minProperties',
  'maxProperties',
  'minimum',
  'maximum',
] as const;

/** The part of JSON Schema that plugin configs may use. Anything else is refused when the definition is made, never dropped. */
interface ConfigSchema extends Choices {
  /** `['integer', 'string']`: Kubernetes' IntOrString. */
  readonly type?: string | readonly string[];
  readonly default?: unknown;
  readonly properties?: Readonly<Record<string, ConfigSchema>>;
  readonly patternProperties?: Readonly<Record<string, ConfigSchema>>;
  readonly required?: readonly string[];
  readonly items?: ConfigSchema;
  readonly additionalProperties?: boolean | ConfigSchema;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
}

const HANDLED = new Set<string>([
  ...KEPT,
  'type',
  'default',
  'examples', // for docs and editors; a definition has no place for them
  'properties',
  'patternProperties',
  'required',
  'items',
  'additionalProperties',
  'exclusiveMinimum',
  'exclusiveMaximum',
  'exactlyOneOf',
  'atMostOneOf',
]);

/**
 * Turns a config schema into a structural one. A closed object (`additionalProperties: false`) keeps unknown fields instead of
 * pruning them: the API server would drop a misspelt field without a word, the operator names it in the rule's conditions.
 * Throws for keywords that a definition cannot express.
 */
export function structuralSchema(schema: object, path: string): StructuralSchema {
  for (const keyword of Object.keys(schema)) {
    if (!HANDLED.has(keyword) && !keyword.startsWith('~'))
      throw new Error(`${path}: a config schema cannot use "${keyword}"`);
  }
  const source = schema as ConfigSchema & Record<string, unknown>;
  const kept = KEPT.filter((keyword) => source[keyword] !== undefined);
  const result: StructuralSchema = Object.fromEntries(kept.map((keyword) => [keyword, source[keyword]]));
  if (typeof source.type === 'string') result.type = source.type;
  else if (source.type?.join() === 'integer,string') result['x-kubernetes-int-or-string'] = true;
  else if (source.type !== undefined)
    throw new Error(`${path}: a config schema cannot use the types ${source.type.join()}`);
  if (source.default !== undefined) result.default = source.default;
  if (source.exclusiveMinimum !== undefined)
    Object.assign(result, { minimum: source.exclusiveMinimum, exclusiveMinimum: true });
  if (source.exclusiveMaximum !== undefined)
    Object.assign(result, { maximum: source.exclusiveMaximum, exclusiveMaximum: true });
  if (source.items !== undefined) result.items = structuralSchema(source.items, `${path}[]`);
  if (source.properties !== undefined) Object.assign(result, objectSchema(source, path));
  const values = mapValues(source);
  if (values !== undefined) result.additionalProperties = structuralSchema(values, `${path}.*`);
  const rules = choiceRules(source);
  if (rules.length > 0) result['x-kubernetes-validations'] = rules;
  if (source.type === undefined || (source.type === 'object' && source.properties !== undefined)) {
    result['x-kubernetes-preserve-unknown-fields'] = true;
  }
  return result;
}

function objectSchema(source: ConfigSchema, path: string): StructuralSchema {
  const properties = Object.fromEntries(
    Object.entries(source.properties ?? {}).map(([name, inner]) => [name, structuralSchema(inner, `${path}.${name}`)]),
  );
  // A field with a default is there by the time anyone reads it, so its author may leave it out.
  const required = (source.required ?? []).filter((name) => source.properties?.[name]?.default === undefined);
  return { properties, ...(required.length > 0 ? { required } : {}) };
}

/** The schema of a record's values; records over any string come as one pattern. */
function mapValues(source: ConfigSchema): ConfigSchema | undefined {
  if (source.patternProperties !== undefined) return Object.values(source.patternProperties)[0];
  return typeof source.additionalProperties === 'object' ? source.additionalProperties : undefined;
}
