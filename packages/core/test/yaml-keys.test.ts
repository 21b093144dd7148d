import { Type } from 'typebox';
import { describe, expect, it } from 'vitest';
import { asWritten } from '../src/rule/yaml-keys.js';

const WITH_ON = Type.Object({ on: Type.Array(Type.String()), name: Type.String() });

describe('asWritten', () => {
  it('takes `true` as `on`, also over a default of `on`', () => {
    expect(asWritten(WITH_ON, { name: 'a', true: ['deleted'] })).toEqual({ name: 'a', on: ['deleted'] });
    expect(asWritten(WITH_ON, { true: ['deleted'], on: ['created'] })).toEqual({ on: ['deleted'] });
  });

  it.each([
    ['a schema without `on`', Type.Object({ name: Type.String() }), { true: 1 }],
    ['a schema with `true`', Type.Object({ on: Type.String(), true: Type.String() }), { true: 'a' }],
    ['a config without `true`', WITH_ON, { on: ['created'] }],
    ['no object', WITH_ON, null],
  ])('leaves %s alone', (_, schema, config) => {
    expect(asWritten(schema, config)).toBe(config);
  });
});
