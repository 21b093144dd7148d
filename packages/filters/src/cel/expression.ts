import { nearest } from '@kube-trigger/core';
import { Environment, type ParseResult } from '@marcbachmann/cel-js';
import { refusalIn } from './refusals.js';
import { VARIABLES } from './variables.js';

/** Throws what cel-js throws when a value is missing or has another type than declared. */
export type Predicate = (values: Readonly<Record<string, unknown>>) => boolean;

export type CompiledExpression =
  | { readonly predicate: Predicate; readonly issue?: undefined }
  | { readonly issue: string; readonly predicate?: undefined };

const LIMITS = { maxAstNodes: 200, maxDepth: 24, maxListElements: 64, maxMapEntries: 64, maxCallArguments: 8 };

const ENVIRONMENT = new Environment({ unlistedVariablesAreDyn: false, limits: LIMITS });
for (const [name, schema] of Object.entries(VARIABLES)) ENVIRONMENT.registerVariable(name, { schema: { ...schema } });

const FUNCTIONS = [...new Set(ENVIRONMENT.getDefinitions().functions.map(({ name }) => name))];

/** The part of cel-js' errors that is used. */
interface CelProblem {
  readonly code?: string;
  readonly summary?: string;
  readonly message?: string;
  readonly range?: { readonly start: number; readonly end: number };
}

/** Finds beforehand what can be: syntax, names, types, cost. An expression that is good has a bool as its value. */
export function compileExpression(expression: string): CompiledExpression {
  let parsed: ParseResult;
  try {
    parsed = ENVIRONMENT.parse(expression);
  } catch (error) {
    return { issue: inWords(expression, error as CelProblem) };
  }
  const { valid, type, error } = parsed.check();
  if (!valid) return { issue: inWords(expression, error ?? {}) };
  const refusal = refusalIn(parsed.ast);
  if (refusal !== undefined) return { issue: `${placeOf(expression, refusal.at)}: ${refusal.why}` };
  if (type !== 'bool') return { issue: `${placeOf(expression, 0)}: ${notBool(type)}` };
  return { predicate: (values) => parsed({ ...values }) === true };
}

function notBool(type = 'dyn'): string {
  if (type === 'dyn') return 'its type is known only when an event comes; compare it, e.g. event.data.name == "web"';
  const shown = type.startsWith('$') ? 'an object' : `a value of type ${type}`;
  return `it is ${shown}, not a bool; compare it with something`;
}

function inWords(expression: string, problem: CelProblem): string {
  const { range, code } = problem;
  const word = range === undefined ? '' : expression.slice(range.start, range.end);
  return `${placeOf(expression, range?.start ?? 0)}: ${summaryOf(problem)}${hintFor(code, expression, { word, at: range?.start ?? 0 })}`;
}

/** The first line says it; below it cel-js draws the place. */
export function summaryOf({ summary, message }: CelProblem): string {
  return (summary ?? message ?? 'cannot be evaluated').split('\n')[0]?.slice(0, 160) ?? '';
}

function hintFor(code: string | undefined, expression: string, { word, at }: { word: string; at: number }): string {
  if (code === 'unknown_variable') return oneOf(word, Object.keys(VARIABLES));
  if (code === 'no_such_key') {
    const [, owner] = /(\w+)\s*\.\s*$/.exec(expression.slice(0, at)) ?? [];
    const fields = owner === undefined ? undefined : (VARIABLES as Record<string, object | undefined>)[owner];
    return fields === undefined ? '' : oneOf(word, Object.keys(fields));
  }
  if (code === 'no_matching_overload') {
    const [, called = ''] = /(\w+)\s*\([^()]*\)?[^()]*$/.exec(word) ?? [];
    const meant = FUNCTIONS.includes(called) ? undefined : nearest(called, FUNCTIONS);
    return meant === undefined ? '' : `; did you mean "${meant}"?`;
  }
  return '';
}

function oneOf(word: string, known: readonly string[]): string {
  const meant = nearest(word, known);
  return meant === undefined ? `; there are ${known.join(', ')}` : `; did you mean "${meant}"?`;
}

function placeOf(text: string, at: number): string {
  const lines = text.slice(0, at).split('\n');
  return `line ${lines.length}, column ${(lines.at(-1)?.length ?? 0) + 1}`;
}
