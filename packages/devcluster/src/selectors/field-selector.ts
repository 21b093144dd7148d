import { badRequest } from '../api-error.js';
import type { KubeObject } from '../api-types.js';
import { valueAt } from '../json.js';

export interface FieldRequirement {
  readonly field: string;
  readonly equal: boolean;
  readonly value: string;
}

/**
 * Reads `a=b,c!=d`. Backslash escapes `\,`, `\=` and `\\`.
 *
 * @throws ApiError 400 when a term has no operator.
 */
export function parseFieldSelector(text: string): FieldRequirement[] {
  return text
    .split(/(?<!\\),/)
    .filter((term) => term !== '')
    .map((term) => {
      const match = /^((?:[^=!\\]|\\.)+?)(!=|==|=)((?:[^=\\]|\\.)*)$/.exec(term);
      if (match?.[1] === undefined) throw badRequest(`invalid selector: '${text}'; can't understand '${term}'`);
      return { field: match[1], equal: match[2] !== '!=', value: (match[3] ?? '').replaceAll(/\\(.)/g, '$1') };
    });
}

/** The fields of a kind that a selector may name, each with how to read it. */
export type SelectableFields = { readonly [field: string]: (object: KubeObject) => string };

export function fieldAt(path: string, fallback = ''): (object: KubeObject) => string {
  const steps = path.split('.');
  return (object) => {
    const value = valueAt(object, steps);
    return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
      ? String(value)
      : fallback;
  };
}

export const COMMON_FIELDS: SelectableFields = {
  'metadata.name': (object) => object.metadata.name,
  'metadata.namespace': (object) => object.metadata.namespace ?? '',
};

/**
 * Compiles a selector for a kind.
 *
 * @throws ApiError 400 for a field the kind does not offer, in the words of the API server.
 */
export function matchFields(
  requirements: readonly FieldRequirement[],
  fields: SelectableFields,
  unknown: (field: string) => string,
): (object: KubeObject) => boolean {
  const tests = requirements.map(({ field, equal, value }) => {
    const read = Object.hasOwn(fields, field) ? fields[field] : undefined;
    if (read === undefined) throw badRequest(unknown(field));
    return (object: KubeObject) => (read(object) === value) === equal;
  });
  return (object) => tests.every((test) => test(object));
}
