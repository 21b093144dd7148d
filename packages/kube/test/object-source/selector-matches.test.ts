import { describe, expect, it } from 'vitest';
import { type Selector, selectorMatches } from '../../src/index.js';

const LABELS = { app: 'web', tier: '' };
const expression = (key: string, operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist', values?: string[]) => ({
  matchExpressions: [{ key, operator, ...(values === undefined ? {} : { values }) }],
});

describe('labels match a selector as on the API server', () => {
  it.each<[boolean, Selector | undefined]>([
    [true, undefined],
    [true, {}],
    [true, { matchLabels: { app: 'web', tier: '' } }],
    [false, { matchLabels: { app: 'api' } }],
    [false, { matchLabels: { none: '' } }],
    [false, { matchLabels: { constructor: 'web' } }],
    [true, expression('app', 'In', ['api', 'web'])],
    [false, expression('none', 'In', ['api'])],
    [false, expression('app', 'NotIn', ['web'])],
    [true, expression('none', 'NotIn', ['web'])],
    [true, expression('tier', 'Exists')],
    [false, expression('toString', 'Exists')],
    [true, expression('none', 'DoesNotExist')],
    [false, { matchLabels: { app: 'web' }, ...expression('tier', 'DoesNotExist') }],
  ])('%s: %j', (expected, selector) => {
    expect(selectorMatches(selector, LABELS)).toBe(expected);
  });
});
