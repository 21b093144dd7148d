import type { Schema } from '../schema/schema.js';

/**
 * Reads the notation of the tables in this folder. Each line is `Type: field field …`; a field is
 * `name`, then `:type` (string when left out), a list suffix, `^` (retainKeys) and `!` (required).
 *
 * Types: s string, i int32, l int64, b boolean, n number, q quantity, x int or string, t time, y bytes, o any object, m map of
 * strings, mq map of quantities, my map of bytes, ms map of string lists; or the name of another type.
 * List suffixes: `[]` replaced as a whole, `[+]` a set that merges, `[a,b]` merged by key a (server-side apply: by a and b).
 */
export function readTypes(text: string): Map<string, Schema> {
  const lines = text
    .trim()
    .split('\n')
    .filter((line) => line.trim() !== '');
  const types = new Map<string, Writable>();
  for (const line of lines) types.set(nameOf(line), { type: 'object', properties: {} });
  for (const line of lines) fill(types, line);
  return types;
}

/** Types that server-side apply owns as a whole. */
const ATOMIC = new Set([
  'LabelSelector',
  'ObjectFieldSelector',
  'ResourceFieldSelector',
  'NodeSelector',
  'NodeSelectorTerm',
]);

type Writable = { -readonly [key in keyof Schema]: Schema[key] };

function nameOf(line: string): string {
  return line.slice(0, line.indexOf(':')).trim();
}

function fill(types: Map<string, Writable>, line: string): void {
  const name = nameOf(line);
  const type = types.get(name);
  if (type === undefined) throw new Error(`type ${name} is not declared`);
  const required: string[] = [];
  const properties: { [field: string]: Schema } = {};
  for (const token of line.slice(line.indexOf(':') + 1).split(/\s+/)) {
    if (token === '') continue;
    const match = /^([\w$-]+)(?::(\w+))?(?:\[([^\]]*)\])?(\^?)(!?)$/.exec(token);
    if (match?.[1] === undefined) throw new Error(`cannot read field ${token} of ${name}`);
    const item = scalar(match[2] ?? 's') ?? types.get(match[2] ?? '');
    if (item === undefined) throw new Error(`type ${match[2]} of ${name}.${match[1]} is not declared`);
    // The only default that matters here: ports are told apart by protocol.
    const field = match[1] === 'protocol' && name.endsWith('Port') ? { ...item, default: 'TCP' } : item;
    properties[match[1]] = decorate(field, match[3], match[4] === '^');
    if (match[5] === '!') required.push(match[1]);
  }
  type.properties = properties;
  if (ATOMIC.has(name)) type['x-kubernetes-map-type'] = 'atomic';
  if (required.length > 0) type.required = required;
}

function decorate(item: Schema, list: string | undefined, retainKeys: boolean): Schema {
  if (list === undefined) return retainKeys ? { ...item, 'x-kubernetes-patch-strategy': 'retainKeys' } : item;
  const base: Schema = { type: 'array', items: item };
  if (list === '') return { ...base, 'x-kubernetes-list-type': 'atomic' };
  if (list === '+') return { ...base, 'x-kubernetes-list-type': 'set', 'x-kubernetes-patch-strategy': 'merge' };
  const keys = list.split(',');
  return {
    ...base,
    'x-kubernetes-list-type': 'map',
    'x-kubernetes-list-map-keys': keys,
    'x-kubernetes-patch-merge-key': keys[0] ?? '',
    'x-kubernetes-patch-strategy': retainKeys ? 'merge,retainKeys' : 'merge',
  };
}

const STRING: Schema = { type: 'string' };
const QUANTITY: Schema = { type: 'string', format: 'quantity' };
const BYTES: Schema = { type: 'string', format: 'byte' };

const SCALARS: { readonly [short: string]: Schema } = {
  s: STRING,
  i: { type: 'integer', format: 'int32' },
  l: { type: 'integer', format: 'int64' },
  b: { type: 'boolean' },
  n: { type: 'number' },
  q: QUANTITY,
  x: { 'x-kubernetes-int-or-string': true, format: 'int-or-string' },
  t: { type: 'string', format: 'date-time' },
  y: BYTES,
  o: { 'x-kubernetes-preserve-unknown-fields': true },
  m: { type: 'object', additionalProperties: STRING },
  mq: { type: 'object', additionalProperties: QUANTITY },
  my: { type: 'object', additionalProperties: BYTES },
  ms: { type: 'object', additionalProperties: { type: 'array', items: STRING } },
};

function scalar(short: string): Schema | undefined {
  return Object.hasOwn(SCALARS, short) ? SCALARS[short] : undefined;
}
