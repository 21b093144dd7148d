import { describe, expect, it } from 'vitest';
import { compareObjects, fieldsOf } from '../src/apply/compare.js';
import {
  difference,
  fieldSet,
  insertPath,
  isEmptySet,
  pathsOf,
  readFieldSet,
  union,
  writeFieldSet,
} from '../src/apply/field-set.js';
import { mergeApplied, removeFields } from '../src/apply/merge.js';
import { BUILTIN_TYPES } from '../src/builtin-types/index.js';
import type { Schema } from '../src/schema/schema.js';

const DEPLOYMENT: Schema = BUILTIN_TYPES.get('Deployment') ?? {};

function template(...containers: object[]): { spec: object } {
  return { spec: { template: { spec: { containers } } } };
}

describe('a field set', () => {
  const json = { 'f:data': { '.': {}, 'f:a': {} }, 'f:l': { 'k:{"name":"x"}': { '.': {}, 'f:v': {} }, 'v:"y"': {} } };

  it('comes back from its JSON as it was', () => {
    expect(writeFieldSet(readFieldSet(json))).toEqual(json);
  });

  it('prints its paths as conflicts do', () => {
    expect(pathsOf(readFieldSet(json))).toEqual(['.data', '.data.a', '.l[name="x"]', '.l[name="x"].v', '.l[="y"]']);
  });

  it('is empty without itself', () => {
    const set = readFieldSet(json);
    expect(isEmptySet(difference(set, set))).toBe(true);
    expect(isEmptySet(difference(set, fieldSet()))).toBe(false);
  });

  it('holds both of a union', () => {
    const other = fieldSet();
    insertPath(other, ['f:data', 'f:b']);
    expect(pathsOf(union(readFieldSet(json), other))).toContain('.data.b');
  });
});

describe('the fields of a configuration', () => {
  it('name list items by their keys, a protocol by its default, and atomic values as a whole', () => {
    const config = {
      spec: {
        selector: { matchLabels: { app: 'web' } },
        template: { spec: { containers: [{ name: 'c', command: ['x'], ports: [{ containerPort: 80 }] }] } },
      },
    };
    expect(pathsOf(fieldsOf(config, DEPLOYMENT))).toEqual([
      '.spec.selector',
      '.spec.template.spec.containers[name="c"]',
      '.spec.template.spec.containers[name="c"].name',
      '.spec.template.spec.containers[name="c"].command',
      '.spec.template.spec.containers[name="c"].ports[containerPort=80,protocol="TCP"]',
      '.spec.template.spec.containers[name="c"].ports[containerPort=80,protocol="TCP"].containerPort',
    ]);
  });
});

describe('a comparison', () => {
  it('tells added, modified and removed fields apart', () => {
    const before = template({ name: 'a', image: '1', tty: true });
    const after = template({ name: 'a', image: '2' }, { name: 'b' });
    const { added, modified, removed } = compareObjects(before, after, { schema: DEPLOYMENT, structs: false });
    const prefix = '.spec.template.spec.containers';
    expect(pathsOf(added)).toEqual([`${prefix}[name="b"]`, `${prefix}[name="b"].name`]);
    expect(pathsOf(modified)).toEqual([`${prefix}[name="a"].image`]);
    expect(pathsOf(removed)).toEqual([`${prefix}[name="a"].tty`]);
  });

  it('finds nothing in equal objects', () => {
    const { added, modified, removed } = compareObjects(template({ name: 'a' }), template({ name: 'a' }), {
      schema: DEPLOYMENT,
      structs: true,
    });
    expect([added, modified, removed].every(isEmptySet)).toBe(true);
  });
});

describe('applying', () => {
  it('merges by key, keeps the order, and appends', () => {
    const live = template({ name: 'a', tty: true }, { name: 'b' });
    const config = template({ name: 'c' }, { name: 'a', image: 'x' });
    expect(mergeApplied(live, config, DEPLOYMENT)).toEqual(
      template({ name: 'a', tty: true, image: 'x' }, { name: 'b' }, { name: 'c' }),
    );
  });

  it('takes away what is no longer applied, but nothing that another owns', () => {
    const live = { data: { a: '1', b: '2', c: '3' } };
    const others = readFieldSet({ 'f:data': { 'f:b': {} } });
    const removed = readFieldSet({ 'f:data': { 'f:a': {}, 'f:b': {} } });
    removeFields(live, removed, { others, schema: BUILTIN_TYPES.get('ConfigMap') });
    expect(live).toEqual({ data: { b: '2', c: '3' } });
  });

  it('takes a whole list item away with the defaults in it', () => {
    const live = template({ name: 'a' }, { name: 'b', image: 'x', imagePullPolicy: 'Always' });
    const removed = fieldsOf(template({ name: 'b', image: 'x' }), DEPLOYMENT);
    removeFields(live, removed, { others: fieldSet(), schema: DEPLOYMENT });
    expect(live).toEqual(template({ name: 'a' }));
  });
});
