import { Environment, type ParseResult } from '@marcbachmann/cel-js';
import { costlyPart } from './cost.js';
import { type Segment, segmentsOf, TemplateSyntaxError } from './segments.js';
import { jsonOf, textOf, unprintable } from './values.js';

/** Variables of a template with their CEL types; an object's fields are given one by one, so that a misspelt one is found. */
export type VariableTypes = Readonly<Record<string, string | Readonly<Record<string, string>>>>;

export interface TemplateOptions {
  /**
   * `json`: the text is a JSON document; a value inside quotes is escaped, one outside is a JSON value, and the result is always
   * valid. `text`: values stand as they are.
   */
  readonly format: 'json' | 'text';
  /** Characters of the rendered text. Default 262,144. */
  readonly maxLength?: number;
}

export interface Template {
  /** Throws a plain `Error` with a short reason when an expression cannot be evaluated or the text is too long. */
  render(values: Readonly<Record<string, unknown>>): string;
}

export type Compiled =
  | { readonly template: Template; readonly issue?: undefined }
  | { readonly issue: string; readonly template?: undefined };

const MAX_LENGTH = 262_144;
const MAX_EXPRESSIONS = 100;
const LIMITS = { maxAstNodes: 200, maxDepth: 24, maxListElements: 64, maxMapEntries: 64, maxCallArguments: 8 };

/**
 * Compiles text with `${…}` around CEL expressions. Everything that can be known before there is an event is found here: syntax, names,
 * types, cost, and whether the text is JSON. No code is run, and an expression reaches nothing but `variables`.
 */
export class TemplateEngine {
  readonly #environment: Environment;

  constructor(variables: VariableTypes) {
    this.#environment = new Environment({ unlistedVariablesAreDyn: false, limits: LIMITS });
    for (const [name, type] of Object.entries(variables)) {
      if (typeof type === 'string') this.#environment.registerVariable(name, type);
      else this.#environment.registerVariable(name, { schema: { ...type } });
    }
  }

  compile(text: string, options: TemplateOptions): Compiled {
    try {
      const segments = segmentsOf(text);
      const count = segments.filter((segment) => 'expression' in segment).length;
      if (count > MAX_EXPRESSIONS) return { issue: `has ${count} expressions; at most ${MAX_EXPRESSIONS} are allowed` };
      const parts = partsOf(segments, options.format, (segment) => this.#expression(segment));
      if (options.format === 'json') checkJson(parts, text);
      return { template: new CompiledTemplate(parts, options.maxLength ?? MAX_LENGTH) };
    } catch (error) {
      if (!(error instanceof TemplateSyntaxError)) throw error;
      return { issue: `${place(text, error.at)}: ${error.message}` };
    }
  }

  #expression({ expression, at }: { readonly expression: string; readonly at: number }): ParseResult {
    if (expression.trim() === '') throw new TemplateSyntaxError('"${}" is empty; write an expression in it', at);
    const shown = `"${cut(expression.trim(), 60)}"`;
    const parsed = attempt(() => this.#environment.parse(expression), shown, at);
    const { valid, type = 'dyn', error } = parsed.check();
    if (!valid) throw new TemplateSyntaxError(`${shown}: ${reason(error)}`, at);
    const refused = costlyPart(parsed.ast) ?? unprintable(type);
    if (refused !== undefined) throw new TemplateSyntaxError(`${shown}: ${refused}`, at);
    return parsed;
  }
}

type Part =
  | { readonly text: string }
  | { readonly evaluate: ParseResult; readonly source: string; readonly as: 'text' | 'json' | 'inQuotes' };

class CompiledTemplate implements Template {
  constructor(
    private readonly parts: readonly Part[],
    private readonly maxLength: number,
  ) {}

  render(values: Readonly<Record<string, unknown>>): string {
    let rendered = '';
    for (const part of this.parts) {
      rendered += 'text' in part ? part.text : this.#evaluated(part, values);
      if (rendered.length > this.maxLength) throw new Error(`the text is longer than ${this.maxLength} characters`);
    }
    return rendered;
  }

  #evaluated(part: Exclude<Part, { text: string }>, values: Readonly<Record<string, unknown>>): string {
    try {
      const value: unknown = part.evaluate(values);
      if (part.as === 'json') return jsonOf(value, this.maxLength);
      const text = textOf(value, this.maxLength);
      return part.as === 'text' ? text : JSON.stringify(text).slice(1, -1);
    } catch (error) {
      throw new Error(`"${cut(part.source.trim(), 60)}": ${reason(error)}`, { cause: error });
    }
  }
}

/** In a JSON document it makes a difference whether an expression stands between quotes. */
function partsOf(
  segments: readonly Segment[],
  format: TemplateOptions['format'],
  compile: (segment: { readonly expression: string; readonly at: number }) => ParseResult,
): Part[] {
  let inQuotes = false;
  return segments.map((segment) => {
    if ('text' in segment) {
      for (const [token] of segment.text.matchAll(/\\.|"/gs)) if (token === '"') inQuotes = !inQuotes;
      return segment;
    }
    const as = format === 'text' ? 'text' : inQuotes ? 'inQuotes' : 'json';
    return { evaluate: compile(segment), source: segment.expression, as };
  });
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

function attempt<T>(parse: () => T, shown: string, at: number): T {
  try {
    return parse();
  } catch (error) {
    throw new TemplateSyntaxError(`${shown}: ${reason(error)}`, at);
  }
}

/** cel-js puts a drawing of the place below its messages; the first line says it. */
function reason(error: unknown): string {
  const { summary, message } = error as { summary?: string; message?: string };
  return cut((summary ?? message ?? 'cannot be evaluated').split('\n')[0] ?? '', 160);
}

function place(text: string, at: number): string {
  const before = text.slice(0, at).split('\n');
  return `line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}`;
}

function cut(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length - 3)}...` : text;
}
