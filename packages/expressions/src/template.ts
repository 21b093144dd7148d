import type { TriggerEvent } from '@kube-trigger/core';
import { compileExpression, EvaluationError, type Expression, placeOf } from './expression.js';
import { type Segment, segmentsOf, TemplateSyntaxError } from './segments.js';
import { jsonOf, textOf, unprintable } from './texts.js';
import { type RuleName, type Values, valuesOf } from './variables.js';

export interface TemplateOptions {
  /**
   * `json`: the text is a JSON document; a value inside quotes is escaped, one outside is a JSON value, and the result is always
   * valid. Default `text`: values stand as they are.
   */
  readonly format?: 'json' | 'text';
  /** Characters of the rendered text. Default 262,144. */
  readonly maxLength?: number;
}

export interface Template {
  /** Whether it reads `object`: say so as the plugin's `needsObject`, or there is none. */
  readonly needsObject: boolean;
  /** Throws an `EvaluationError` when an expression has no value for this event or the text is too long. */
  render(event: TriggerEvent, rule: RuleName): string;
}

export type CompiledTemplate =
  | { readonly template: Template; readonly issue?: undefined }
  | { readonly issue: string; readonly template?: undefined };

const MAX_LENGTH = 262_144;
const MAX_EXPRESSIONS = 100;
/** A longer list costs more than a text is worth. */
const MAX_CHANGED_KEYS = 1000;

/**
 * Compiles text with `${…}` around CEL expressions. Everything that can be known before there is an event is found here: syntax, names,
 * types, cost, and whether the text is JSON. No code is run.
 */
export function compileTemplate(text: string, options: TemplateOptions = {}): CompiledTemplate {
  const { format = 'text', maxLength = MAX_LENGTH } = options;
  try {
    const segments = segmentsOf(text);
    const count = segments.filter((segment) => 'expression' in segment).length;
    if (count > MAX_EXPRESSIONS) return { issue: `has ${count} expressions; at most ${MAX_EXPRESSIONS} are allowed` };
    const parts = partsOf(segments, format);
    if (format === 'json') checkJson(parts, text);
    const needsObject = parts.some((part) => 'expression' in part && part.expression.needsObject);
    const valuesFor = (event: TriggerEvent, rule: RuleName) => valuesOf(withKeys(event), rule, needsObject);
    return { template: { needsObject, render: (event, rule) => rendered(parts, valuesFor(event, rule), maxLength) } };
  } catch (error) {
    if (!(error instanceof TemplateSyntaxError)) throw error;
    return { issue: `${placeOf(text, error.at)}: ${error.message}` };
  }
}

/** Unlike a condition, a text is not worth failing for what is not known: it names no keys then. */
function withKeys(event: TriggerEvent): TriggerEvent {
  return { ...event, changedKeys: (event.changedKeys ?? []).slice(0, MAX_CHANGED_KEYS) };
}

type Part =
  | { readonly text: string }
  | { readonly expression: Expression; readonly source: string; readonly as: 'text' | 'json' | 'inQuotes' };

function rendered(parts: readonly Part[], values: Values, maxLength: number): string {
  let text = '';
  for (const part of parts) {
    text += 'text' in part ? part.text : printed(part, values, maxLength);
    if (text.length > maxLength) throw tooLong(maxLength);
  }
  return text;
}

function tooLong(maxLength: number): EvaluationError {
  return new EvaluationError(`the text is longer than ${maxLength} characters`, { fix: 'Print less of the event' });
}

function printed(
  { expression, source, as }: Exclude<Part, { text: string }>,
  values: Values,
  maxLength: number,
): string {
  try {
    const value = expression.evaluate(values);
    if (as === 'json') return jsonOf(value, maxLength);
    const text = textOf(value, maxLength);
    return as === 'text' ? text : JSON.stringify(text).slice(1, -1);
  } catch (error) {
    const { message, fix } = error as EvaluationError;
    throw new EvaluationError(`"${cut(source.trim(), 60)}": ${message}`, {
      fix: fix ?? 'Print something else, or make a string of it',
      cause: error,
    });
  }
}

/** In a JSON document it makes a difference whether an expression stands between quotes. */
function partsOf(segments: readonly Segment[], format: 'json' | 'text'): Part[] {
  let inQuotes = false;
  return segments.map((segment) => {
    if ('text' in segment) {
      for (const [token] of segment.text.matchAll(/\\.|"/gs)) if (token === '"') inQuotes = !inQuotes;
      return segment;
    }
    const as = format === 'text' ? 'text' : inQuotes ? 'inQuotes' : 'json';
    return { expression: printable(segment), source: segment.expression, as };
  });
}

function printable({ expression: text, at }: { readonly expression: string; readonly at: number }): Expression {
  if (text.trim() === '') throw new TemplateSyntaxError('"${}" is empty; write an expression in it', at);
  const shown = `"${cut(text.trim(), 60)}"`;
  const { expression, problem } = compileExpression(text);
  if (problem !== undefined) throw new TemplateSyntaxError(`${shown}: ${problem.why}`, at + problem.at);
  const refused = unprintable(expression.type);
  if (refused !== undefined) throw new TemplateSyntaxError(`${shown}: ${refused}`, at);
  return expression;
}

/** `null` beside anything else is no JSON, so `1${x}` and `${a}${b}` are found as well. */
function checkJson(parts: readonly Part[], template: string): void {
  const skeleton = parts.map((part) => ('text' in part ? part.text : part.as === 'json' ? 'null' : 'x')).join('');
  try {
    JSON.parse(skeleton);
  } catch (error) {
    throw new TemplateSyntaxError(
      `is not JSON (${cut((error as Error).message, 80)}); an expression outside quotes is a whole JSON value`,
      template.length,
    );
  }
}

function cut(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length - 3)}...` : text;
}
