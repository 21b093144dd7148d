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
const PERCENTAGE = '^([1-9][0-9]?|100)%$';

/** What a pattern means, for messages. */
export const PATTERNS_IN_WORDS: Readonly<Record<string, string>> = {
  [OBJECT_NAME]: 'lower-case letters, digits, "-" and "."',
  [NAMESPACE_NAME]: 'lower-case letters, digits and "-"',
  [PERCENTAGE]: 'a number, or a percentage from "1%" to "100%"',
};

/** A field that may be left out, and what it is then: the `default` keyword in a form that types know of (`use` lets it be missing). */
export function Default<T extends TSchema, const V extends Static<T>>(
  schema: T,
  value: V,
): T & { readonly default: V } {
  return Object.assign(schema, { default: value });
}

/** A number of things from 1 on, or a share of them: `5` or `"25%"`. */
export const IntOrPercent = (options: TSchemaOptions = {}): TUnsafe<number | string> =>
  Type.Unsafe<number | string>({ ...options, type: ['integer', 'string'], minimum: 1, pattern: PERCENTAGE });

/** So many of `all`, at least one; shares are rounded up. */
export function countOf(intOrPercent: number | string, all: number): number {
  if (typeof intOrPercent === 'number') return intOrPercent;
  return Math.max(1, Math.ceil((all * Number.parseInt(intOrPercent, 10)) / 100));
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
