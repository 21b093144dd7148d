import { nearest } from '@kube-trigger/core';
import { Environment, type ParseResult } from '@marcbachmann/cel-js';
import { costOf, tooDear } from './cost.js';
import { refusalIn } from './refusals.js';
import { type Values, VARIABLES } from './variables.js';

/** An expression that has no value for an event. */
export class EvaluationError extends Error {
  override readonly name = 'EvaluationError';
  /** What the author of the rule should do, as a sentence. */
  readonly fix: string;

  constructor(message: string, options: { readonly fix: string; readonly cause?: unknown }) {
    super(message, { cause: options.cause });
    this.fix = options.fix;
  }
}

export interface Expression {
  /** CEL's name of the type, `dyn` where it depends on the event. */
  readonly type: string;
  readonly needsObject: boolean;
  /** Throws an `EvaluationError`. */
  readonly evaluate: (values: Values) => unknown;
}

export interface Problem {
  readonly why: string;
  /** Offset in the expression. */
  readonly at: number;
}

export type CompiledExpression =
  | { readonly expression: Expression; readonly problem?: undefined }
  | { readonly problem: Problem; readonly expression?: undefined };

const LIMITS = { maxAstNodes: 200, maxDepth: 24, maxListElements: 64, maxMapEntries: 64, maxCallArguments: 8 };

const ENVIRONMENT = new Environment({ unlistedVariablesAreDyn: false, limits: LIMITS });
for (const [name, type] of Object.entries(VARIABLES)) {
  if (typeof type === 'string') ENVIRONMENT.registerVariable(name, type);
  else ENVIRONMENT.registerVariable(name, { schema: { ...type } });
}

const FUNCTIONS = [...new Set(ENVIRONMENT.getDefinitions().functions.map(({ name }) => name))];

/** The part of cel-js' errors that is used. */
interface CelProblem {
  readonly code?: string;
  readonly summary?: string;
  readonly message?: string;
  readonly range?: { readonly start: number; readonly end: number };
}

/** Finds beforehand what can be: syntax, names, types, cost. */
export function compileExpression(text: string): CompiledExpression {
  let parsed: ParseResult;
  try {
    parsed = ENVIRONMENT.parse(text);
  } catch (error) {
    return { problem: problemOf(text, error as CelProblem) };
  }
  const { valid, type = 'dyn', error } = parsed.check();
  if (!valid) return { problem: problemOf(text, error ?? {}) };
  const refusal = refusalIn(parsed.ast);
  if (refusal !== undefined) return { problem: refusal };
  const cost = costOf(parsed.ast);
  const evaluate = (values: Values): unknown => {
    const why = tooDear(cost, values.size);
    if (why !== undefined) throw new EvaluationError(why, { fix: 'Name what matters, e.g. object.data["app.conf"]' });
    return evaluated(parsed, values);
  };
  return { expression: { type, needsObject: cost.needsObject, evaluate } };
}

function evaluated(parsed: ParseResult, { variables }: Values): unknown {
  try {
    return parsed({ ...variables });
  } catch (error) {
    const missing = (error as CelProblem).code === 'no_such_key';
    const fix = missing ? 'Ask has() for the field first' : 'Correct the expression';
    throw new EvaluationError(summaryOf(error as CelProblem), { fix, cause: error });
  }
}

function problemOf(text: string, problem: CelProblem): Problem {
  const { range, code } = problem;
  const at = range?.start ?? 0;
  const word = range === undefined ? '' : text.slice(range.start, range.end);
  return { at, why: `${summaryOf(problem)}${hintFor(code, text, { word, at })}` };
}

/** The first line says it; below it cel-js draws the place. */
function summaryOf({ summary, message }: CelProblem): string {
  return (summary ?? message ?? 'cannot be evaluated').split('\n')[0]?.slice(0, 160) ?? '';
}

function hintFor(code: string | undefined, text: string, { word, at }: { word: string; at: number }): string {
  if (code === 'unknown_variable') return oneOf(word, Object.keys(VARIABLES));
  if (code === 'no_such_key') {
    const [, owner] = /(\w+)\s*\.\s*$/.exec(text.slice(0, at)) ?? [];
    const fields = owner === undefined ? undefined : (VARIABLES as Record<string, object | string | undefined>)[owner];
    return typeof fields !== 'object' ? '' : oneOf(word, Object.keys(fields));
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

/** Where an offset is, as people count. */
export function placeOf(text: string, at: number): string {
  const lines = text.slice(0, at).split('\n');
  return `line ${lines.length}, column ${(lines.at(-1)?.length ?? 0) + 1}`;
}
