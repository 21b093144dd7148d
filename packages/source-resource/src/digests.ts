import { digestOf, type KubeObject, type Parts, type Projection } from '@kube-trigger/kube';
import { canonicalJson } from './canonical.js';
import { type FieldPath, valueAt } from './field-path.js';

/** Not of the wanted state: what the server says about it, and what lists leave out but watches do not. */
const NOT_WANTED = new Set(['apiVersion', 'kind', 'status', 'metadata']);
/** The rest of metadata is written by the server, or about the object's life. */
const METADATA: readonly (readonly string[])[] = [
  ['metadata', 'labels'],
  ['metadata', 'annotations'],
];

/** All that is kept of an object: a digest per chosen field, or per field of its wanted state. A field that is not there has none. */
export function resourceDigests(fields: readonly FieldPath[] | undefined): Projection<Parts> {
  if (fields === undefined) return { id: 'resource/1', of: (object) => digestsAt(object, wantedState(object)) };
  const texts = fields.map(({ text }) => text).toSorted();
  return { id: `resource/1/${JSON.stringify(texts)}`, of: (object) => digestsAt(object, fields) };
}

function wantedState(object: KubeObject): FieldPath[] {
  const top = Object.keys(object).filter((name) => !NOT_WANTED.has(name));
  return [...top.map((name) => [name]), ...METADATA].map((names) => ({ text: names.join('.'), names }));
}

function digestsAt(object: KubeObject, fields: readonly FieldPath[]): Parts {
  const parts = fields.flatMap(({ text, names }) => {
    const value = valueAt(object, names);
    const json = value === undefined ? undefined : canonicalJson(value, names);
    return json === undefined ? [] : [[text, digestOf(json)] as const];
  });
  return Object.fromEntries(parts);
}
