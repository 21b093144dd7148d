import { IntOrPercent, StringEnum } from '@kube-trigger/core';
import { Type } from 'typebox';
import { describe, expect, it } from 'vitest';
import { structuralSchema } from '../../src/api/structural-schema.js';

describe('structuralSchema', () => {
  it('keeps types, descriptions, limits and defaults', () => {
    const schema = Type.Object({
      name: Type.String({ minLength: 1, maxLength: 63, pattern: '^a', description: 'A name.' }),
      on: Type.Array(StringEnum(['created', 'updated']), { minItems: 1, default: ['created'] }),
      seconds: Type.Integer({ minimum: 1, maximum: 10 }),
    });
    expect(structuralSchema(schema, 'x').properties).toEqual({
      name: { type: 'string', minLength: 1, maxLength: 63, pattern: '^a', description: 'A name.' },
      on: { type: 'array', minItems: 1, default: ['created'], items: { type: 'string', enum: ['created', 'updated'] } },
      seconds: { type: 'integer', minimum: 1, maximum: 10 },
    });
  });

  it('asks for a field only when it has no default', () => {
    const schema = Type.Object({ a: Type.String(), b: Type.String({ default: 'b' }), c: Type.Optional(Type.String()) });
    expect(structuralSchema(schema, 'x').required).toEqual(['a']);
  });

  it('writes exclusive bounds as a definition does', () => {
    expect(structuralSchema(Type.Number({ exclusiveMinimum: 0 }), 'x')).toEqual({
      type: 'number',
      minimum: 0,
      exclusiveMinimum: true,
    });
  });

  it('says number or percentage as Kubernetes does', () => {
    expect(structuralSchema(IntOrPercent({ description: 'How many.' }), 'x')).toEqual({
      description: 'How many.',
      'x-kubernetes-int-or-string': true,
      minimum: 1,
      pattern: '^([1-9][0-9]?|100)%$',
    });
  });

  it('turns a record into additionalProperties', () => {
    expect(structuralSchema(Type.Record(Type.String(), Type.String()), 'x')).toMatchObject({
      type: 'object',
      additionalProperties: { type: 'string' },
    });
  });

  it('keeps unknown fields of closed objects, so that the operator can name them', () => {
    const schema = Type.Object({ a: Type.String() }, { additionalProperties: false });
    expect(structuralSchema(schema, 'x')['x-kubernetes-preserve-unknown-fields']).toBe(true);
  });

  it.each([
    ['a union', Type.Union([Type.String(), Type.Number()]), 'anyOf'],
    ['a constant', Type.Literal('a'), 'const'],
    ['other types together', Type.Unsafe({ type: ['string', 'null'] }), 'types'],
    ['multiples', Type.Number({ multipleOf: 2 }), 'multipleOf'],
  ])('refuses %s, which a definition cannot say', (_, schema, keyword) => {
    expect(() => structuralSchema(schema, 'webhook.url')).toThrow(
      `webhook.url: a config schema cannot use ${keyword === 'types' ? 'the types string,null' : `"${keyword}"`}`,
    );
  });
});
