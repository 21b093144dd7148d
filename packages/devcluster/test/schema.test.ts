import { describe, expect, it } from 'vitest';
import { fieldErrorBody } from '../src/api-error.js';
import { structuralErrors } from '../src/crd/structural.js';
import { applyDefaults } from '../src/schema/default.js';
import { prune } from '../src/schema/prune.js';
import type { Schema } from '../src/schema/schema.js';
import { validateSchema } from '../src/schema/validate.js';

function words(value: unknown, schema: Schema): string[] {
  return validateSchema(value, schema, 'spec').map((error) => `${error.field}: ${fieldErrorBody(error)}`);
}

describe('validation speaks as the API server does', () => {
  it.each<[unknown, Schema, string[]]>([
    ['x', { type: 'integer' }, ['spec: Invalid value: "string": spec in body must be of type integer: "string"']],
    [1.5, { type: 'integer' }, ['spec: Invalid value: "number": spec in body must be of type integer: "number"']],
    [0, { type: 'integer', minimum: 1 }, ['spec: Invalid value: 0: spec in body should be greater than or equal to 1']],
    [
      1,
      { type: 'integer', minimum: 1, exclusiveMinimum: true },
      ['spec: Invalid value: 1: spec in body should be greater than 1'],
    ],
    ['a', { type: 'string', minLength: 2 }, ['spec: Invalid value: "a": spec in body should be at least 2 chars long']],
    ['A', { type: 'string', pattern: '^[a-z]$' }, ['spec: Invalid value: "A": spec in body should match \'^[a-z]$\'']],
    ['c', { type: 'string', enum: ['a', 'b'] }, ['spec: Unsupported value: "c": supported values: "a", "b"']],
    [{}, { type: 'object', required: ['a'] }, ['spec.a: Required value']],
    [[], { type: 'array', minItems: 1 }, ['spec: Invalid value: 0: spec in body should have at least 1 items']],
    [
      true,
      { 'x-kubernetes-int-or-string': true },
      ['spec: Invalid value: "boolean": spec in body must be of type integer,string: "boolean"'],
    ],
    [['a', 'a'], { type: 'array', 'x-kubernetes-list-type': 'set' }, ['spec[1]: Duplicate value: "a"']],
  ])('%j against %j', (value, schema, expected) => {
    expect(words(value, schema)).toEqual(expected);
  });

  it('counts code points, not UTF-16 units', () => {
    expect(words('😀😀', { type: 'string', maxLength: 2 })).toEqual([]);
  });

  it('takes null only where it is nullable', () => {
    expect(words(null, { type: 'string', nullable: true })).toEqual([]);
    expect(words(null, { type: 'string' })).toHaveLength(1);
  });

  it('evaluates oneOf, anyOf, allOf and not', () => {
    const either = [{ required: ['a'] }, { required: ['b'] }];
    expect(words({ a: 1 }, { type: 'object', oneOf: either })).toEqual([]);
    expect(words({ a: 1, b: 1 }, { type: 'object', oneOf: either })[0]).toContain(
      '(oneOf). Found 2 valid alternatives',
    );
    expect(words({}, { type: 'object', anyOf: either })[0]).toContain('must validate at least one schema (anyOf)');
    expect(words({ a: 1 }, { type: 'object', allOf: either })).toContain('spec.b: Required value');
    expect(words({ a: 1 }, { type: 'object', not: { required: ['a'] } })[0]).toContain(
      'must not validate the schema (not)',
    );
  });
});

const NESTED: Schema = {
  type: 'object',
  properties: {
    known: { type: 'object', properties: { a: { type: 'string', default: 'x' } } },
    free: {
      type: 'object',
      'x-kubernetes-preserve-unknown-fields': true,
      properties: { a: { type: 'object', properties: {} } },
    },
    map: { type: 'object', additionalProperties: { type: 'object', properties: { a: { type: 'string' } } } },
    list: { type: 'array', items: { type: 'object', properties: { a: { type: 'integer', default: 1 } } } },
  },
};

describe('pruning', () => {
  it('removes what the schema does not name, in objects, lists and maps', () => {
    const value = { known: { a: 'x', b: 1 }, map: { k: { a: 'x', b: 1 } }, list: [{ a: 1, b: 2 }], other: 1 };
    prune(value, NESTED);
    expect(value).toEqual({ known: { a: 'x' }, map: { k: { a: 'x' } }, list: [{ a: 1 }] });
  });

  it('stops at preserved fields, and goes on below those that they name', () => {
    const value = { free: { a: { gone: 1 }, kept: { deep: 1 } } };
    prune(value, NESTED);
    expect(value).toEqual({ free: { a: {}, kept: { deep: 1 } } });
  });

  it('keeps the type and metadata of the root', () => {
    const value = { apiVersion: 'v1', kind: 'X', metadata: { name: 'a' }, status: 1 };
    prune(value, { type: 'object' }, true);
    expect(value).toEqual({ apiVersion: 'v1', kind: 'X', metadata: { name: 'a' } });
  });
});

describe('defaulting', () => {
  it('fills what is missing where its parent is there', () => {
    const value = { known: {}, list: [{}, { a: 5 }] };
    applyDefaults(value, NESTED);
    expect(value).toEqual({ known: { a: 'x' }, list: [{ a: 1 }, { a: 5 }] });
  });

  it('replaces a null that may not be, or removes it when there is no default', () => {
    const value = { known: { a: null }, map: null };
    applyDefaults(value, NESTED);
    expect(value).toEqual({ known: { a: 'x' } });
  });
});

describe('a structural schema', () => {
  const at = (schema: object): string[] =>
    structuralErrors({ type: 'object', ...schema }, 's').map(({ field }) => field);

  it.each([
    [{ properties: { a: {} } }, ['s.properties[a].type']],
    [{ properties: { a: { type: 'array' } } }, ['s.properties[a].items']],
    [{ properties: { a: { type: 'string' } }, additionalProperties: { type: 'string' } }, ['s.additionalProperties']],
    [{ anyOf: [{ properties: { a: { type: 'string' } }, description: 'x' }] }, ['s.anyOf[0].description']],
    [{ properties: { a: { 'x-kubernetes-int-or-string': true } } }, []],
    [{ type: 'string' }, ['s.type']],
  ])('%j has errors at %j', (schema, fields) => {
    expect(at(schema)).toEqual(fields);
  });
});
