import {
  type Document,
  isAlias,
  isMap,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseAllDocuments,
  type Tags,
} from 'yaml';

/** Both from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

export interface YamlProblem extends Position {
  readonly message: string;
}

/** One document of a file: its value, and where in the text each part of it stands. */
export interface YamlDocument {
  readonly value: unknown;
  readonly problems: readonly YamlProblem[];
  /** Of the key or item that `path` (`spec.sources[0].configMap`) names; of the nearest one around it that is there, when it is not. */
  positionOf(path: string): Position;
}

/** Aliases may repeat no more than this: a file of a few lines could otherwise grow to gigabytes. */
const MAX_ALIASES = 100;

/**
 * Reads text as kubectl does: YAML 1.1, in which `on` and `yes` are booleans, but without its dates, sexagesimal numbers, sets and binary,
 * which Kubernetes' reader does not know. JSON is YAML. Total: what cannot be read is a problem with its place.
 */
export function readYaml(text: string): YamlDocument[] {
  const lines = new LineCounter();
  const documents = parseAllDocuments(text.replace(/^\uFEFF/, ''), {
    version: '1.1',
    customTags: withoutForeignTypes,
    lineCounter: lines,
    prettyErrors: false,
    logLevel: 'silent',
  });
  return (Array.isArray(documents) ? documents : []).map((document) => readDocument(document, lines));
}

function withoutForeignTypes(tags: Tags): Tags {
  const foreign = /:(timestamp|binary|set|omap|pairs)$/;
  return tags.filter((tag) => typeof tag === 'string' || !(foreign.test(tag.tag) || tag.format === 'TIME'));
}

function readDocument(document: Document, lines: LineCounter): YamlDocument {
  const at = (offset: number): Position => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const start = at(document.contents?.range?.[0] ?? 0);
  const positionOf = (path: string) => {
    const offset = offsetOf(document, path);
    return offset === undefined ? start : at(offset);
  };
  const problems = document.errors.map(({ message, pos }) => ({ message: firstLine(message), ...at(pos[0]) }));
  if (problems.length > 0) return { value: undefined, problems, positionOf };
  try {
    return { value: document.toJS({ maxAliasCount: MAX_ALIASES }) as unknown, problems: [], positionOf };
  } catch (thrown) {
    const message = thrown instanceof Error ? firstLine(thrown.message) : String(thrown);
    return { value: undefined, problems: [{ message, ...start }], positionOf };
  }
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? '';
}

/** Where the key or item of `path` begins. Keys may have dots and brackets in them, so the longest that fits is taken. */
function offsetOf(document: Document, path: string): number | undefined {
  let node: unknown = document.contents;
  let rest = path;
  let offset: number | undefined;
  while (rest !== '') {
    const found = step(resolved(node, document), rest, document);
    if (found === undefined) return offset;
    ({ node, rest } = found);
    offset = found.offset ?? offset;
  }
  return offset;
}

interface Step {
  readonly node: unknown;
  readonly rest: string;
  readonly offset: number | undefined;
}

function step(node: unknown, path: string, document: Document): Step | undefined {
  const item = /^\[(\d+)\]\.?/.exec(path);
  if (item !== null && isSeq(node)) {
    const inner = node.items[Number(item[1])];
    return inner === undefined ? undefined : { node: inner, rest: path.slice(item[0].length), offset: startOf(inner) };
  }
  const candidates = pairsOf(node, document)
    .flatMap((pair) => namesOf(pair).map((name) => ({ pair, name })))
    .filter(({ name }) => path === name || path.startsWith(`${name}.`) || path.startsWith(`${name}[`))
    .toSorted((a, b) => b.name.length - a.name.length);
  const [best] = candidates;
  if (best === undefined) return undefined;
  const rest = path.slice(best.name.length).replace(/^\./, '');
  return { node: best.pair.value, rest, offset: startOf(best.pair.key) };
}

/** An unquoted `on` is read as true (see core's yaml-keys.ts); messages call it by what its author wrote. */
function namesOf({ key }: Pair): string[] {
  if (!isScalar(key)) return [String(key)];
  return key.value === true && key.source !== undefined ? [String(key.value), key.source] : [String(key.value)];
}

/** The pairs of a map, those that a merge key (`<<`) brings in after its own. */
function pairsOf(node: unknown, document: Document): Pair[] {
  if (!isMap(node)) return [];
  return node.items.flatMap((pair) => {
    if (!isScalar(pair.key) || pair.key.source !== '<<') return isPair(pair) ? [pair] : [];
    const merged = resolved(pair.value, document);
    const maps = isSeq(merged) ? merged.items : [merged];
    return maps.flatMap((map) => pairsOf(resolved(map, document), document));
  });
}

function resolved(node: unknown, document: Document): unknown {
  return isAlias(node) ? node.resolve(document) : node;
}

function startOf(node: unknown): number | undefined {
  return (node as Node | null)?.range?.[0];
}
