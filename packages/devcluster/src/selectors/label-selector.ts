import { badRequest } from '../api-error.js';
import { labelValueErrors, qualifiedNameErrors } from '../schema/names.js';

export type LabelMatcher = (labels: { readonly [key: string]: string } | undefined) => boolean;

interface Requirement {
  readonly key: string;
  readonly test: (value: string | undefined) => boolean;
}

/**
 * Reads a label selector in its query-string form: `a=b,c!=d,e in (x,y),f notin (z),g,!h`, and the numeric `k>1`, `k<1`.
 *
 * @throws ApiError 400 when it cannot be read, in the words of the API server.
 */
export function parseLabelSelector(text: string): LabelMatcher {
  const requirements = new Parser(text).parse();
  return (labels) =>
    requirements.every(({ key, test }) =>
      test(labels !== undefined && Object.hasOwn(labels, key) ? labels[key] : undefined),
    );
}

const TOKEN = /\s*(==|!=|[=!<>(),]|[^\s=!<>(),]+)/gy;
const SYMBOLS = new Set(['==', '!=', '=', '!', '<', '>', '(', ')', ',']);

function tokens(text: string): string[] {
  return [...text.trimEnd().matchAll(TOKEN)].map((match) => match[1] ?? '');
}

class Parser {
  private readonly tokens: string[];
  private at = 0;

  constructor(text: string) {
    this.tokens = tokens(text);
  }

  parse(): Requirement[] {
    const out: Requirement[] = [];
    while (this.peek() !== '') {
      if (SYMBOLS.has(this.peek()) && this.peek() !== '!')
        throw this.found(`expected: !, identifier, or 'end of string'`);
      out.push(this.requirement());
      const next = this.peek();
      if (next === '') break;
      if (next !== ',') throw this.found(`expected: ',' or 'end of string'`);
      this.at += 1;
      if (this.peek() !== '!' && !this.isIdentifier()) throw this.found(`expected: identifier after ','`);
    }
    return out;
  }

  private requirement(): Requirement {
    const absent = this.peek() === '!';
    if (absent) this.at += 1;
    const key = this.identifier('expected: identifier');
    const errors = qualifiedNameErrors(key);
    if (errors.length > 0) throw unreadable(`invalid label key ${JSON.stringify(key)}: ${errors.join('; ')}`);
    if (absent) return { key, test: (value) => value === undefined };
    if (this.peek() === '' || this.peek() === ',') return { key, test: (value) => value !== undefined };
    const operator = this.peek();
    if (operator === 'in' || operator === 'notin') {
      this.at += 1;
      return setRequirement(key, operator === 'in', this.values());
    }
    if (!['=', '==', '!=', '<', '>'].includes(operator))
      throw this.unreadableHere(`expected: '=', '!=', '==', 'in', notin'`);
    this.at += 1;
    return compareRequirement(key, operator, this.exactValue(key, operator));
  }

  private values(): string[] {
    if (this.peek() !== '(') throw unreadable(`found '${this.peek()}' expected: '('`);
    this.at += 1;
    const out: string[] = [];
    for (;;) {
      out.push(this.isIdentifier() ? this.identifier('') : '');
      const next = this.peek();
      if (next !== ',' && next !== ')') throw this.unreadableHere(`expected: ',' or ')'`);
      this.at += 1;
      if (next === ')') return out;
    }
  }

  private exactValue(key: string, operator: string): string {
    const value = this.peek() === '' || this.peek() === ',' ? '' : this.identifier('expected: identifier');
    if ((operator === '<' || operator === '>') && !/^-?\d+$/.test(value)) {
      throw unreadable(
        `values[0][${key}]: Invalid value: ${JSON.stringify(value)}: for 'Gt', 'Lt' operators, the value must be an integer`,
      );
    }
    const errors = labelValueErrors(value);
    if (errors.length > 0)
      throw unreadable(
        `invalid label value: ${JSON.stringify(value)}: at key: ${JSON.stringify(key)}: ${errors.join('; ')}`,
      );
    return value;
  }

  private identifier(expected: string): string {
    if (!this.isIdentifier()) throw this.unreadableHere(expected);
    this.at += 1;
    return this.tokens[this.at - 1] ?? '';
  }

  private isIdentifier(): boolean {
    return this.peek() !== '' && !SYMBOLS.has(this.peek());
  }

  private peek(): string {
    return this.tokens[this.at] ?? '';
  }

  private found(expected: string): Error {
    return badRequest(`found '${this.peek()}', ${expected}`);
  }

  private unreadableHere(expected: string): Error {
    return unreadable(`found '${this.peek()}', ${expected}`);
  }
}

function unreadable(why: string): Error {
  return badRequest(`unable to parse requirement: ${why}`);
}

function setRequirement(key: string, wanted: boolean, values: readonly string[]): Requirement {
  const set = new Set(values);
  return { key, test: (value) => (value === undefined ? !wanted : set.has(value) === wanted) };
}

function compareRequirement(key: string, operator: string, operand: string): Requirement {
  switch (operator) {
    case '!=':
      return { key, test: (value) => value !== operand };
    case '>':
      return { key, test: (value) => value !== undefined && Number(value) > Number(operand) };
    case '<':
      return { key, test: (value) => value !== undefined && Number(value) < Number(operand) };
    default:
      return { key, test: (value) => value === operand };
  }
}
