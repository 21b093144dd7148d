/** What a glob comes to: whether a key is one of it, or why there is no such glob. */
export type CompiledGlob = { readonly matches: (key: string) => boolean } | { readonly issue: string };

/** Of `{a,b}{c,d}…`, multiplied out. */
const MAX_ALTERNATIVES = 32;

/**
 * `*`, `?`, `[abc]`, `[^a-z]` and `{one,other}`, over a whole key. The work is bounded for every glob and key: braces are multiplied out, so
 * between stars are pieces of a fixed length, and the leftmost place of a piece is as good as any; nothing is tried twice.
 */
export function compileGlob(glob: string): CompiledGlob {
  try {
    const alternatives: Alternative[] = [];
    for (const plain of multipliedOut(glob)) {
      if (alternatives.length === MAX_ALTERNATIVES) {
        return { issue: `stands for more than ${MAX_ALTERNATIVES} globs; split it into several` };
      }
      alternatives.push(alternativeOf(plain));
    }
    return { matches: (key) => alternatives.some((alternative) => matches(alternative, key)) };
  } catch (thrown) {
    // Also what `RegExp` says of a class.
    if (!(thrown instanceof SyntaxError)) throw thrown;
    return {
      issue: 'is not a glob; close each [ and {, put a comma between { and }, and write ranges upwards, as [a-z]',
    };
  }
}

/** What stands between two stars. */
interface Piece {
  readonly length: number;
  readonly isAt: (key: string, index: number) => boolean;
  /** The leftmost place from there on; -1 for none. */
  readonly placeIn: (key: string, from: number) => number;
}

interface Alternative {
  readonly pieces: readonly Piece[];
  /** Of all pieces: no key is shorter. */
  readonly length: number;
}

function matches({ pieces, length }: Alternative, key: string): boolean {
  const [first, ...rest] = pieces;
  const last = rest.pop();
  if (first === undefined || key.length < length || !first.isAt(key, 0)) return false;
  if (last === undefined) return key.length === length;
  const end = key.length - last.length;
  if (!last.isAt(key, end)) return false;
  let from = first.length;
  for (const piece of rest) {
    const place = piece.placeIn(key, from);
    if (place < 0) return false;
    from = place + piece.length;
  }
  return from <= end;
}

function alternativeOf(glob: string): Alternative {
  const parts: Unit[][] = [[]];
  for (const unit of unitsOf(glob)) {
    if (unit.text === '*') parts.push([]);
    else parts.at(-1)?.push(unit);
  }
  const pieces = parts.map(pieceOf);
  return { pieces, length: pieces.reduce((sum, piece) => sum + piece.length, 0) };
}

function pieceOf(units: readonly Unit[]): Piece {
  const { length } = units;
  if (units.every(({ text, isClass }) => !isClass && text !== '?')) {
    const literal = units.map(({ text }) => text).join('');
    return {
      length,
      isAt: (key, index) => key.startsWith(literal, index),
      placeIn: (key, from) => key.indexOf(literal, from),
    };
  }
  const source = units.map(({ text, isClass }) => (isClass ? text : text === '?' ? '[^]' : text.replace(/\W/, '\\$&')));
  const here = new RegExp(source.join(''), 'y');
  const anywhere = new RegExp(source.join(''), 'g');
  return {
    length,
    isAt: (key, index) => {
      here.lastIndex = index;
      return here.test(key);
    },
    placeIn: (key, from) => {
      anywhere.lastIndex = from;
      return anywhere.exec(key)?.index ?? -1;
    },
  };
}

/** A character, or a class with its brackets. */
interface Unit {
  readonly text: string;
  readonly index: number;
  readonly isClass: boolean;
}

function* unitsOf(glob: string): Iterable<Unit> {
  for (let index = 0; index < glob.length;) {
    const isClass = glob[index] === '[';
    const end = isClass ? glob.indexOf(']', index + 1) + 1 : index + 1;
    const text = glob.slice(index, end);
    if (end === 0 || text === '[]' || text === '[^]' || text === ']') throw new SyntaxError(glob);
    yield { text, index, isClass };
    index = end;
  }
}

/** The globs without braces that one stands for. */
function* multipliedOut(glob: string): Iterable<string> {
  const group = firstGroup(glob);
  if (group === undefined) {
    yield glob;
    return;
  }
  const { open, commas, close } = group;
  if (commas.length === 0) throw new SyntaxError(glob);
  const bounds = [open, ...commas, close];
  for (const [number, bound] of bounds.slice(0, -1).entries()) {
    yield* multipliedOut(glob.slice(0, open) + glob.slice(bound + 1, bounds[number + 1]) + glob.slice(close + 1));
  }
}

/** Where the first `{` is, its own commas, and the `}` that closes it. */
function firstGroup(glob: string): { open: number; commas: number[]; close: number } | undefined {
  let depth = 0;
  let open = -1;
  const commas: number[] = [];
  for (const { text, index } of unitsOf(glob)) {
    if (text === '{' && (depth += 1) === 1) open = index;
    if (text === ',' && depth === 1) commas.push(index);
    if (text === '}' && (depth -= 1) <= 0) {
      if (depth < 0) throw new SyntaxError(glob);
      return { open, commas, close: index };
    }
  }
  if (depth > 0) throw new SyntaxError(glob);
  return undefined;
}
