import type { Choices } from '../contract/schema.js';
import type { RuleIssue } from './validate-config.js';

/** The words for a choice that was not made, or made twice; also those of the definition's CEL rules. */
export const CHOICE_WORDS = {
  none: (names: readonly string[]) => `needs exactly one of ${names.join(', ')}`,
  several: (set: readonly string[]) => `has ${set.join(' and ')}; keep one of them`,
} as const;

interface Schema extends Choices {
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly patternProperties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
}

interface At {
  readonly path: string;
  /** False where a choice that was not made is not looked for, because a misspelt field was most likely meant as one. */
  readonly none: boolean;
}

/** Where a value chooses none or several of what excludes each other, in it and below. */
export function choiceIssues(schema: Schema, value: unknown, at: At): RuleIssue[] {
  const below = (inner: unknown, known: Schema | undefined, step: string) =>
    choiceIssues(known ?? {}, inner, { ...at, path: at.path + step });
  if (Array.isArray(value)) return value.flatMap((item, i) => below(item, schema.items, `[${i}]`));
  if (typeof value !== 'object' || value === null) return [];
  const { properties = {}, patternProperties = {} } = schema;
  const [others] = Object.values(patternProperties);
  const fields = Object.entries(value).flatMap(([name, inner]) =>
    below(inner, Object.hasOwn(properties, name) ? properties[name] : others, `.${name}`),
  );
  return [...here(schema, value as Record<string, unknown>, at), ...fields];
}

function here({ exactlyOneOf, atMostOneOf }: Choices, value: Record<string, unknown>, at: At): RuleIssue[] {
  const { path } = at;
  const issues: RuleIssue[] = [];
  for (const names of [exactlyOneOf, atMostOneOf]) {
    const set = (names ?? []).filter((name) => Object.hasOwn(value, name));
    if (set.length > 1) issues.push({ path, message: CHOICE_WORDS.several(set) });
  }
  if (at.none && exactlyOneOf?.some((name) => Object.hasOwn(value, name)) === false)
    issues.push({ path, message: CHOICE_WORDS.none(exactlyOneOf) });
  return issues;
}
