import { type Static, type TSchema, type TSchemaOptions, type TUnsafe, Type } from 'typebox';

/** A string out of a fixed set, in the form that a structural CRD schema takes (`type` beside `enum`). */
export function StringEnum<const T extends readonly string[]>(
  values: T,
  options: TSchemaOptions = {},
): TUnsafe<T[number]> {
  return Type.Unsafe<T[number]>({ ...options, type: 'string', enum: [...values] });
}

/**
 * Options of an object schema that say which of its fields exclude each other. From them follow the refusal, the CEL rule of the
 * definition and the schema for editors, so that all three have the same words: `Type.Object({…}, { exactlyOneOf: ['url', 'pods'] })`.
 */
export interface Choices {
  readonly exactlyOneOf?: readonly string[];
  readonly atMostOneOf?: readonly string[];
}

const OBJECT_NAME = '^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$';
const NAMESPACE_NAME = '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$';

/** What a pattern means, for messages. */
export const PATTERNS_IN_WORDS: Readonly<Record<string, string>> = {
  [OBJECT_NAME]: 'lower-case letters, digits, "-" and "."',
  [NAMESPACE_NAME]: 'lower-case letters, digits and "-"',
};

/** A field that may be left out, and what it is then: the `default` keyword in a form that types know of (`use` lets it be missing). */
export function Default<T extends TSchema, const V extends Static<T>>(
  schema: T,
  value: V,
): T & { readonly default: V } {
  return Object.assign(schema, { default: value });
}

/** A Kubernetes object name (RFC 1123 subdomain). */
export const ObjectName = (options: TSchemaOptions = {}) =>
  Type.String({ minLength: 1, maxLength: 253, pattern: OBJECT_NAME, ...options });

/** A namespace (RFC 1123 label). */
export const NamespaceName = (options: TSchemaOptions = {}) =>
  Type.String({ minLength: 1, maxLength: 63, pattern: NAMESPACE_NAME, ...options });

/** Kubernetes' LabelSelector. Empty selects all. */
export const LabelSelector = (options: TSchemaOptions = {}) =>
  Type.Object(
    {
      matchLabels: Type.Optional(
        Type.Record(Type.String(), Type.String(), { description: 'Labels and their values; all must match.' }),
      ),
      matchExpressions: Type.Optional(
        Type.Array(
          Type.Object(
            {
              key: Type.String({ minLength: 1, description: 'The label.' }),
              operator: StringEnum(['In', 'NotIn', 'Exists', 'DoesNotExist'], {
                description: 'How the label is compared.',
              }),
              values: Type.Optional(
                Type.Array(Type.String(), { description: 'For In and NotIn; empty for the others.' }),
              ),
            },
            { additionalProperties: false },
          ),
          { description: 'Requirements; all must match.' },
        ),
      ),
    },
    { additionalProperties: false, ...options },
  );
