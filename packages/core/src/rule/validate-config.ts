import type { Static, TSchema } from 'typebox';
import { Value } from 'typebox/value';
import { PATTERNS_IN_WORDS } from '../contract/schema.js';
import { choiceIssues } from './choices.js';
import { nearest } from './nearest.js';

/** One thing that is wrong with a rule: where, and what to do. */
export interface RuleIssue {
  /** From the object's root, e.g. `spec.actions[1].webhook.url`. */
  readonly path: string;
  /** Names the value and the fix. */
  readonly message: string;
}

export type Validated<T> =
  | { readonly value: T; readonly issues?: undefined }
  /** `defaulted`: what is there all the same, with defaults; absent where it is no plain data. */
  | { readonly issues: readonly RuleIssue[]; readonly defaulted?: unknown };

/**
 * Applies the schema's defaults to a copy and checks it. Unknown fields are refused (with the nearest known one), values are never
 * coerced. Pure, and total: what is no plain data (a function, a getter that throws) is an issue too.
 */
export function validateConfig<S extends TSchema>(schema: S, config: unknown, path: string): Validated<Static<S>> {
  try {
    const value: unknown = Value.Default(schema, plain(config ?? {}));
    const errors = [...Value.Errors(schema, value)];
    const choices = choiceIssues(schema, value, { path, none: errors.length === 0 });
    if (errors.length === 0 && choices.length === 0) return { value: value as Static<S> };
    const issues = [...errors.flatMap((error) => issuesOf(error, { schema, value, path })), ...choices];
    return { issues: unique(issues), defaulted: value };
  } catch {
    return { issues: [{ path, message: 'is not plain data (JSON)' }] };
  }
}

/** A copy as JSON would carry it. The clone refuses what JSON leaves out silently (functions). */
function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(structuredClone(value)));
}

type SchemaError = ReturnType<typeof Value.Errors>[number];

function issuesOf(error: SchemaError, on: { schema: TSchema; value: unknown; path: string }): RuleIssue[] {
  const path = join(on.path, error.instancePath);
  const params = error.params as {
    requiredProperties?: string[];
    additionalProperties?: string[];
    allowedValues?: unknown[];
  };
  switch (error.keyword) {
    case 'required':
      return (params.requiredProperties ?? []).map((name) => ({ path: `${path}.${name}`, message: 'is required' }));
    case 'additionalProperties':
      return (params.additionalProperties ?? []).map((name) => unknownFieldAt(error.instancePath, name, on));
    case 'boolean': {
      // The same for each field. Only a few errors are listed at all, so with many such fields there is nothing but these.
      const parent = error.instancePath.slice(0, error.instancePath.lastIndexOf('/'));
      return [unknownFieldAt(parent, segments(error.instancePath).at(-1) ?? '', on)];
    }
    case 'enum': {
      const allowed = (params.allowedValues ?? []).map(String);
      return [{ path, message: `${show(at(on.value, error.instancePath))} is not one of ${allowed.join(', ')}` }];
    }
    case 'pattern': {
      const words = PATTERNS_IN_WORDS[String((error.params as { pattern?: unknown }).pattern)];
      const message = `${show(at(on.value, error.instancePath))} ${error.message}`;
      return [{ path, message: words === undefined ? message : `${message}: ${words}` }];
    }
    default:
      return [{ path, message: `${show(at(on.value, error.instancePath))} ${error.message}` }];
  }
}

function unknownFieldAt(parent: string, name: string, on: { schema: TSchema; path: string }): RuleIssue {
  const known = Object.keys(propertiesAt(on.schema, parent));
  return { path: `${join(on.path, parent)}.${name}`, message: unknownField(name, known) };
}

export function unknownField(name: string, known: readonly string[]): string {
  const close = nearest(name, known);
  const hint = close === undefined ? `known fields: ${known.toSorted().join(', ')}` : `did you mean "${close}"?`;
  return `is not a known field; ${hint}`;
}

/** Values in messages are cut short; objects are named by type, so that nothing long or nested gets into a condition. */
function show(value: unknown): string {
  if (value === undefined) return 'the missing value';
  if (typeof value === 'string') return JSON.stringify(value.length > 64 ? `${value.slice(0, 61)}...` : value);
  if (Array.isArray(value)) return 'the list';
  return typeof value === 'object' && value !== null ? 'the object' : `${value as string | number | boolean | null}`;
}

function segments(pointer: string): string[] {
  return pointer
    .split('/')
    .slice(1)
    .map((segment) => segment.replaceAll('~1', '/').replaceAll('~0', '~'));
}

function join(path: string, pointer: string): string {
  return segments(pointer).reduce(
    (joined, segment) => (/^\d+$/.test(segment) ? `${joined}[${segment}]` : `${joined}.${segment}`),
    path,
  );
}

function at(value: unknown, pointer: string): unknown {
  return segments(pointer).reduce<unknown>(
    (inner, segment) => (inner as Record<string, unknown> | undefined)?.[segment],
    value,
  );
}

function propertiesAt(schema: TSchema, pointer: string): Record<string, unknown> {
  let inner = schema as { properties?: Record<string, unknown>; items?: unknown } | undefined;
  for (const segment of segments(pointer)) inner = (inner?.properties?.[segment] ?? inner?.items) as typeof inner;
  return inner?.properties ?? {};
}

function unique(issues: readonly RuleIssue[]): RuleIssue[] {
  return [...new Map(issues.map((issue) => [`${issue.path} ${issue.message}`, issue])).values()];
}
