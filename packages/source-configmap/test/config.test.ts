import { validateConfig } from '@kube-trigger/core';
import { describe, expect, it } from 'vitest';
import configMap from '../src/index.js';

/** What is wrong with a config, as `path: message`. */
function wrongWith(config: unknown): string[] {
  const validated = validateConfig(configMap.config, config, 'configMap');
  const issues =
    validated.issues ??
    configMap.validate?.(validated.value).map((issue) => ({ ...issue, path: `configMap.${issue.path}` })) ??
    [];
  return issues.map(({ path, message }) => `${path}: ${message}`);
}

describe('good configs', () => {
  it.each([
    {},
    { name: 'cm' },
    { name: 'kube-root-ca.crt', namespace: 'kube-system' },
    { selector: {} },
    { selector: { matchLabels: { 'app.kubernetes.io/name': 'web', empty: '' } } },
    { selector: { matchExpressions: [{ key: 'a', operator: 'In', values: ['x', ''] }] } },
    { keys: { include: ['*.conf'], exclude: ['[^a-z]?', '{a,b}.yaml', '.env', '*-*'] } },
    { on: ['deleted'] },
  ])('%j', (config) => {
    expect(wrongWith(config)).toEqual([]);
  });

  it('have on: [created, updated] by default', () => {
    expect(validateConfig(configMap.config, { name: 'cm' }, '')).toEqual({
      value: { name: 'cm', on: ['created', 'updated'] },
    });
  });
});

describe('bad configs name the field and the fix', () => {
  it.each<[unknown, string]>([
    [{ name: 'cm', selector: {} }, 'configMap: has name and selector; keep one of them'],
    [{ name: 'Not_A_Name' }, 'configMap.name: "Not_A_Name" must match pattern'],
    [{ namespace: 'a.b' }, 'configMap.namespace: "a.b" must match pattern'],
    [{ nmae: 'cm' }, 'configMap.nmae: is not a known field; did you mean "name"?'],
    [{ on: ['update'] }, 'configMap.on[0]: "update" is not one of created, updated, deleted'],
    [{ on: [] }, 'configMap.on: the list must not have fewer than 1 items'],
    [{ keys: { include: [''] } }, 'configMap.keys.include[0]: an empty glob matches no key; remove it, or write "*"'],
    [{ keys: { exclude: ['a', ''] } }, 'configMap.keys.exclude[1]: an empty glob matches no key'],
    [{ keys: { include: ['conf/*'] } }, 'configMap.keys.include[0]: "conf/*" can match no key'],
    [{ keys: { include: ['(a+)+'] } }, 'configMap.keys.include[0]: "(a+)+" can match no key'],
    [{ keys: { include: ['a*b*c*d'] } }, 'configMap.keys.include[0]: "a*b*c*d" has 3 "*", at most 2 are allowed'],
    [{ keys: { include: ['!a'] } }, 'configMap.keys.include[0]: "!a" is a negation; write "a" into keys.exclude'],
    [{ keys: { include: ['[a'] } }, 'configMap.keys.include[0]: "[a" is not a glob; close each [ and {'],
    [{ keys: { include: ['{a'] } }, 'configMap.keys.include[0]: "{a" is not a glob'],
    [{ keys: { include: ['[z-a]'] } }, 'configMap.keys.include[0]: "[z-a]" is not a glob'],
    [{ keys: { includes: ['a'] } }, 'configMap.keys.includes: is not a known field; did you mean "include"?'],
    [{ selector: { app: 'web' } }, 'configMap.selector.app: is not a known field; known fields: matchExpressions'],
    [
      { selector: { matchLabels: { 'a b': 'x' } } },
      'configMap.selector.matchLabels["a b"]: "a b" is not a label key; write [domain/]name',
    ],
    [{ selector: { matchLabels: { '/a': 'x' } } }, 'configMap.selector.matchLabels["/a"]: "/a" is not a label key'],
    [
      { selector: { matchLabels: { 'A_b/c': 'x' } } },
      'configMap.selector.matchLabels["A_b/c"]: "A_b/c" is not a label',
    ],
    [
      { selector: { matchLabels: { a: 'x y' } } },
      'configMap.selector.matchLabels["a"]: "x y" is not a label value; write at most 63',
    ],
    [
      { selector: { matchExpressions: [{ key: 'a', operator: 'In' }] } },
      'configMap.selector.matchExpressions[0].values: is empty, but In needs at least one value; for any value use Exists',
    ],
    [
      { selector: { matchExpressions: [{ key: 'a', operator: 'NotIn', values: [] }] } },
      'configMap.selector.matchExpressions[0].values: is empty, but NotIn needs',
    ],
    [
      { selector: { matchExpressions: [{ key: 'a', operator: 'Exists', values: ['x'] }] } },
      'configMap.selector.matchExpressions[0].values: must be left out with Exists; to compare values use In',
    ],
    [
      { selector: { matchExpressions: [{ key: 'a', operator: 'In', values: ['ok', 'not ok'] }] } },
      'configMap.selector.matchExpressions[0].values[1]: "not ok" is not a label value',
    ],
    [
      { selector: { matchExpressions: [{ key: 'a', operator: 'Equals', values: ['x'] }] } },
      'configMap.selector.matchExpressions[0].operator: "Equals" is not one of In, NotIn, Exists, DoesNotExist',
    ],
    [
      { selector: { matchExpressions: [{ key: '-a', operator: 'Exists' }] } },
      'configMap.selector.matchExpressions[0].key: "-a" is not a label key',
    ],
  ])('%j', (config, expected) => {
    expect(wrongWith(config)).toEqual([expect.stringContaining(expected)]);
  });
});
