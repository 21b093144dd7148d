import { compileGlob } from './glob.js';

export interface KeyGlobs {
  readonly include?: readonly string[];
  readonly exclude?: readonly string[];
}

/** Nobody needs more, and each one multiplies what a key may cost. */
const MAX_STARS = 2;

/** The alphabet of data keys and the wildcards: everything else could match no key. */
const GLOB = /^[-._a-zA-Z0-9*?[\]{},^]+$/;

/** Why a glob is refused; undefined when it is fine. */
export function globIssue(glob: string): string | undefined {
  if (glob === '') return 'an empty glob matches no key; remove it, or write "*" for all keys';
  const shown = `"${glob.length > 64 ? `${glob.slice(0, 61)}...` : glob}"`;
  if (glob.startsWith('!')) return `${shown} is a negation; write "${glob.slice(1)}" into keys.exclude instead`;
  if (!GLOB.test(glob)) {
    return `${shown} can match no key: keys have letters, digits, "-", "_" and "."; wildcards are * ? [abc] [^abc] {a,b}`;
  }
  const stars = glob.split('*').length - 1;
  if (stars > MAX_STARS) {
    return `${shown} has ${stars} "*", at most ${MAX_STARS} are allowed; split it into several globs`;
  }
  const compiled = compileGlob(glob);
  return 'issue' in compiled ? `${shown} ${compiled.issue}` : undefined;
}

/** Compiles the globs. Undefined when every key passes, so that callers can share what they have. */
export function keyFilter({ include, exclude }: KeyGlobs = {}): ((key: string) => boolean) | undefined {
  const included = matcher(include);
  const excluded = matcher(exclude);
  if (included === undefined && excluded === undefined) return undefined;
  return (key) => included?.(key) !== false && excluded?.(key) !== true;
}

function matcher(globs: readonly string[] | undefined): ((key: string) => boolean) | undefined {
  if (globs === undefined || globs.length === 0) return undefined;
  const matchers = globs.map((glob) => {
    const compiled = compileGlob(glob);
    if ('issue' in compiled) throw new RangeError(`"${glob}" ${compiled.issue}`);
    return compiled.matches;
  });
  return (key) => matchers.some((matches) => matches(key));
}
