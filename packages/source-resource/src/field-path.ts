/**
 * A field of an object, from its root: names joined by dots, and `["…"]` for names that have other characters than letters, digits, `-` and
 * `_`, e.g. `metadata.labels["app.kubernetes.io/name"]`. No wildcards and no positions in lists: a list is named as a whole.
 */
export interface FieldPath {
  /** As parts and `changedKeys` name it: in the shortest form. */
  readonly text: string;
  readonly names: readonly string[];
}

const PLAIN = /^[A-Za-z_][-A-Za-z0-9_]*$/;
/** One name, from the beginning of what is left. */
const NEXT = /^(?:\.?([A-Za-z_][-A-Za-z0-9_]*)|\["([^"\\]+)"\])/;

/** Returns the path, or why the text is none. */
export function parseFieldPath(text: string): FieldPath | string {
  if (text === '') return 'is empty; name a field, e.g. spec.template';
  if (/[*\][?@]/.test(unquoted(text))) {
    return `"${text}" has a wildcard or a position; name the field above it as a whole, or quote a name as in data["app.conf"]`;
  }
  const names: string[] = [];
  let rest = text;
  while (rest !== '') {
    const [whole = '', plain, quoted] = NEXT.exec(rest) ?? [];
    const dotted = whole.startsWith('.');
    const name = plain ?? quoted;
    if (name === undefined || hasControls(name) || (plain !== undefined && dotted === (names.length === 0))) {
      return `"${text}" cannot be read from "${rest}" on; write names joined by dots, others as in data["app.conf"]`;
    }
    names.push(name);
    rest = rest.slice(whole.length);
  }
  return { text: textOf(names), names };
}

function unquoted(text: string): string {
  return text.replaceAll(/\["[^"]*"\]/g, '');
}

function hasControls(name: string): boolean {
  return name.split('').some((character) => character < ' ');
}

function textOf(names: readonly string[]): string {
  const steps = names.map((name) => (PLAIN.test(name) ? `.${name}` : `["${name}"]`));
  return steps.join('').replace(/^\./, '');
}

/** What stands there; undefined where there is nothing, and below lists and plain values. */
export function valueAt(object: unknown, names: readonly string[]): unknown {
  let value = object;
  for (const name of names) {
    if (typeof value !== 'object' || value === null || Array.isArray(value) || !Object.hasOwn(value, name))
      return undefined;
    value = (value as Record<string, unknown>)[name];
  }
  return value;
}
