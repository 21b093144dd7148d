import { type Choices, compileRule, validateConfig } from '@kube-trigger/core';
import { Environment } from '@marcbachmann/cel-js';
import { Type } from 'typebox';
import { describe, expect, it } from 'vitest';
import { celName, choiceRules, type CelRule } from '../../src/api/choices.js';
import { definitions } from '../../src/api/definitions.js';
import type { StructuralSchema } from '../../src/api/structural-schema.js';
import { bundledRegistry } from '../../src/plugins/bundled.js';

const env = new Environment({ unlistedVariablesAreDyn: true });

/** What an API server of 1.27 or later says, and one before that; nothing where the rule holds. */
function refusals(rules: readonly CelRule[], self: object): { now: string[]; before: string[] } {
  const broken = rules.filter(({ rule }) => env.evaluate(rule, { self }) !== true);
  const now = broken.map(({ message, messageExpression }) =>
    messageExpression === undefined ? message : String(env.evaluate(messageExpression, { self })),
  );
  return { now, before: broken.map(({ message }) => message) };
}

const NAMES = ['url', 'urlFrom', 'pods'];

describe('the CEL rules for fields that exclude each other', () => {
  const schema = (choices: Choices) =>
    Type.Object(Object.fromEntries(NAMES.map((name) => [name, Type.Optional(Type.String())])), { ...choices });
  const values = [{}, { url: '' }, { url: '', pods: '' }, { url: '', urlFrom: '', pods: '' }];

  it.each([{ exactlyOneOf: NAMES }, { atMostOneOf: NAMES }])(
    'refuse what the operator refuses, in its words: %j',
    (choices) => {
      for (const value of values) {
        const { issues = [] } = validateConfig(schema(choices), value, 'x');
        expect(refusals(choiceRules(choices), value).now).toEqual(issues.map(({ message }) => message));
      }
    },
  );

  it('name all of them where the server knows no messageExpression', () => {
    const { before } = refusals(choiceRules({ exactlyOneOf: NAMES }), { url: '', pods: '' });
    expect(before).toEqual(['has more than one of url, urlFrom, pods; keep one of them']);
  });

  it('escape names that CEL reserves', () => {
    expect(['namespace', 'name', 'a-b', 'a.b', 'a/b', 'a__b'].map(celName)).toEqual([
      '__namespace__',
      'name',
      'a__dash__b',
      'a__dot__b',
      'a__slash__b',
      'a__underscores__b',
    ]);
  });
});

function specSchema(): StructuralSchema {
  const [rule] = definitions(bundledRegistry()) as {
    spec: { versions: { schema: { openAPIV3Schema: StructuralSchema } }[] };
  }[];
  const { openAPIV3Schema } = rule?.spec.versions[0]?.schema ?? {};
  const spec = openAPIV3Schema?.properties?.['spec'];
  if (spec === undefined) throw new Error('no spec');
  return spec;
}

describe('the CEL rules of items', () => {
  it.each([
    ['sources', { configMap: {}, objectRef: {} }],
    ['sources', { secret: {}, timer: {}, name: 'x' }],
    ['filters', { cel: {}, window: {} }],
    ['actions', { updatePodTemplate: {}, webhook: {} }],
  ])('of %s refuse %j in the words of the operator', (list, item) => {
    const rules = specSchema().properties?.[list]?.items?.['x-kubernetes-validations'] ?? [];
    const spec = { sources: [], actions: [], [list]: [item] };
    const compilation = compileRule({ namespace: 'n', name: 'n', uid: '' }, spec, bundledRegistry());
    const issues = 'issues' in compilation ? compilation.issues : [];
    const said = issues.filter(({ path }) => path === `spec.${list}[0]`).map(({ message }) => message);
    expect(said).toHaveLength(1);
    expect(refusals(rules, item).now).toEqual(said);
  });

  it('let one plugin pass, and none: which one it is may be unknown to the definition', () => {
    const rules = specSchema().properties?.['sources']?.items?.['x-kubernetes-validations'] ?? [];
    for (const item of [{ configMap: {} }, { kafka: {} }]) expect(refusals(rules, item).now).toEqual([]);
  });
});

/** Every object with rules, by its path. */
function ruled(schema: StructuralSchema, path: string): [string, StructuralSchema][] {
  const below = Object.entries(schema.properties ?? {}).flatMap(([name, inner]) => ruled(inner, `${path}.${name}`));
  const items = schema.items === undefined ? [] : ruled(schema.items, `${path}[]`);
  const own: [string, StructuralSchema][] = schema['x-kubernetes-validations'] === undefined ? [] : [[path, schema]];
  return [...own, ...below, ...items];
}

describe('every CEL rule of the definition', () => {
  const all = ruled(specSchema(), 'spec');

  it('is there for what plugins declare', () => {
    expect(all.map(([path]) => path)).toEqual(
      expect.arrayContaining(['spec.sources[].configMap', 'spec.sources[].timer', 'spec.actions[].webhook']),
    );
  });

  it.each(all)('%s can be evaluated, and speaks of fields that the schema has', (_, schema) => {
    const fields = Object.keys(schema.properties ?? {});
    for (const { rule, messageExpression, message } of schema['x-kubernetes-validations'] ?? []) {
      expect(typeof env.evaluate(rule, { self: {} })).toBe('boolean');
      expect(typeof env.evaluate(messageExpression ?? "''", { self: {} })).toBe('string');
      const named = [...`${rule} ${messageExpression ?? ''}`.matchAll(/self\.(\w+)/g)].map(([, name]) => name);
      expect(fields.map(celName)).toEqual(expect.arrayContaining(named));
      expect(message).not.toContain('\n');
    }
  });
});
