import { isObject } from '../json.js';

/** Reads a value; undefined when there is none. */
export type PathReader = (root: unknown) => unknown;

type Step =
  | { readonly kind: 'key'; readonly key: string }
  | { readonly kind: 'index'; readonly index: number }
  | { readonly kind: 'all' }
  | { readonly kind: 'filter'; readonly path: readonly string[]; readonly value: string };

const TOKEN =
  /\.?([A-Za-z_$][\w$-]*)|\['((?:[^'\\]|\\.)*)'\]|\["((?:[^"\\]|\\.)*)"\]|\[(-?\d+)\]|\[\*\]|\.\*|\[\?\(@\.([\w.-]+)\s*==\s*(?:'([^']*)'|"([^"]*)"|([\w.-]+))\)\]/y;

/**
 * The part of JSONPath that printer columns use: `.a.b`, `['a']`, `[0]`, `[*]`, `[?(@.type=="Ready")]`. Several results are joined by
 * the reader's caller. A path that cannot be read reads nothing.
 */
export function jsonPath(path: string): PathReader {
  const steps = parse(path);
  if (steps === undefined) return () => undefined;
  return (root) => {
    const found = steps.reduce<unknown[]>((at, step) => at.flatMap((value) => walk(value, step)), [root]);
    return found.length > 1 ? found : found[0];
  };
}

function parse(path: string): Step[] | undefined {
  const text = path
    .replace(/^\{(.*)\}$/s, '$1')
    .replace(/^\$/, '')
    .replaceAll(String.raw`\.`, '\u0000');
  const steps: Step[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.length) {
    // Escaped dots belong to a key: `.metadata.labels.app\.kubernetes\.io/name`.
    const escaped = /\.?((?:[^.[\]]*\0[^.[\]]*)+)/y;
    escaped.lastIndex = TOKEN.lastIndex;
    const odd = escaped.exec(text);
    if (odd?.[1] !== undefined) {
      steps.push({ kind: 'key', key: odd[1].replaceAll('\u0000', '.') });
      TOKEN.lastIndex = escaped.lastIndex;
      continue;
    }
    const match = TOKEN.exec(text);
    if (match === null) return undefined;
    steps.push(stepOf(match));
  }
  return steps;
}

function stepOf(match: RegExpExecArray): Step {
  const key = match[1] ?? match[2] ?? match[3];
  if (key !== undefined) return { kind: 'key', key: key.replaceAll(/\\(.)/g, '$1') };
  if (match[4] !== undefined) return { kind: 'index', index: Number(match[4]) };
  if (match[5] === undefined) return { kind: 'all' };
  return { kind: 'filter', path: match[5].split('.'), value: match[6] ?? match[7] ?? match[8] ?? '' };
}

function walk(value: unknown, step: Step): unknown[] {
  switch (step.kind) {
    case 'key':
      return isObject(value) && Object.hasOwn(value, step.key) ? [value[step.key]] : [];
    case 'index':
      return Array.isArray(value) && value.at(step.index) !== undefined ? [value.at(step.index)] : [];
    case 'all':
      return Array.isArray(value) ? value : isObject(value) ? Object.values(value) : [];
    default:
      return Array.isArray(value) ? value.filter((item) => String(read(item, step.path)) === step.value) : [];
  }
}

function read(value: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((at, key) => (isObject(at) ? at[key] : undefined), value);
}
