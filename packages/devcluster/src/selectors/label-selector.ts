import { badRequest } from '../api-error.js';

export type LabelMatcher = (labels: { readonly [key: string]: string } | undefined) => boolean;

interface Requirement {
  readonly key: string;
  readonly test: (value: string | undefined) => boolean;
}

/**
 * Reads a label selector in its query-string form: `a=b,c!=d,e in (x,y),f notin (z),g,!h`, and the numeric `k>1`, `k<1`.
 *
 * @throws ApiError 400 when it cannot be read, as the API server answers.
 */
export function parseLabelSelector(text: string): LabelMatcher {
  const requirements = splitTopLevel(text).map((part) => parseRequirement(part, text));
  return (labels) =>
    requirements.every(({ key, test }) =>
      test(labels !== undefined && Object.hasOwn(labels, key) ? labels[key] : undefined),
    );
}

function splitTopLevel(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let part = '';
  for (const char of text) {
    if (char === '(') depth += 1;
    if (char === ')') depth -= 1;
    if (char === ',' && depth === 0) {
      parts.push(part);
      part = '';
    } else part += char;
  }
  parts.push(part);
  return parts.map((each) => each.trim()).filter((each, i, all) => each !== '' || all.length > 1 || i > 0);
}

const KEY = String.raw`((?:[A-Za-z0-9](?:[-A-Za-z0-9.]*[A-Za-z0-9])?/)?[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?)`;
const VALUE = /^(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?)?$/;
const EXISTS = new RegExp(`^(!?)\\s*${KEY}$`);
const SET = new RegExp(`^${KEY}\\s+(in|notin)\\s*\\(([^()]*)\\)$`);
const COMPARE = new RegExp(`^${KEY}\\s*(==|=|!=|>|<)\\s*(.*)$`);

function parseRequirement(part: string, whole: string): Requirement {
  const exists = EXISTS.exec(part);
  if (exists?.[2] !== undefined) {
    const wanted = exists[1] === '';
    return { key: exists[2], test: (value) => (value !== undefined) === wanted };
  }
  const set = SET.exec(part);
  if (set?.[1] !== undefined)
    return setRequirement(
      set[1],
      set[2] === 'in',
      (set[3] ?? '').split(',').map((v) => v.trim()),
    );
  const compare = COMPARE.exec(part);
  if (compare?.[1] !== undefined)
    return compareRequirement(compare[1], compare[2] ?? '=', checkValue(compare[3] ?? '', whole));
  throw badRequest(unreadable(part));
}

function checkValue(value: string, whole: string): string {
  const trimmed = value.trim();
  if (!VALUE.test(trimmed) || trimmed.length > 63) {
    throw badRequest(
      `unable to parse requirement: invalid label value: ${JSON.stringify(trimmed)} in ${JSON.stringify(whole)}`,
    );
  }
  return trimmed;
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

function unreadable(part: string): string {
  const words = part.split(/\s+/);
  return `unable to parse requirement: found '${words[1] ?? part}', expected: '=', '!=', '==', 'in', notin'`;
}
