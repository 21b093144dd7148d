import { describe, expect, it } from 'vitest';
import { matchFields, parseFieldSelector } from '../src/selectors/field-selector.js';
import { parseLabelSelector } from '../src/selectors/label-selector.js';
import { matchesLabelSelector } from '../src/selectors/match-labels.js';

describe('a label selector', () => {
  it.each([
    ['a=1', { a: '1' }, true],
    ['a==1,b!=2', { a: '1' }, true],
    ['a in (1, 2)', { a: '2' }, true],
    ['a notin (1)', {}, true],
    ['a,!b', { a: '', b: '' }, false],
    ['n>2', { n: '10' }, true],
    ['n<2', {}, false],
    ['constructor', {}, false],
    ['', { a: '1' }, true],
  ])('%s on %j is %s', (selector, labels, expected) => {
    expect(parseLabelSelector(selector)(labels)).toBe(expected);
  });

  it.each(['a b', 'a=b=c', 'a in b', 'a in (b', '=a', 'a,', 'n>x', '-a', 'a=-'])('%s cannot be read', (selector) => {
    expect(() => parseLabelSelector(selector)).toThrow(expect.objectContaining({ code: 400 }) as Error);
  });
});

describe('a label selector object', () => {
  it.each([
    [{}, { a: '1' }, true],
    [{ matchLabels: { a: '1' } }, { a: '2' }, false],
    [{ matchExpressions: [{ key: 'a', operator: 'In', values: ['1'] }] }, { a: '1' }, true],
    [{ matchExpressions: [{ key: 'a', operator: 'NotIn', values: ['1'] }] }, {}, true],
    [{ matchExpressions: [{ key: 'a', operator: 'DoesNotExist' }] }, { a: '' }, false],
  ])('%j on %j is %s', (selector, labels, expected) => {
    expect(matchesLabelSelector(selector, labels)).toBe(expected);
  });
});

describe('a field selector', () => {
  it('takes back escapes', () => {
    expect(parseFieldSelector(String.raw`a=x\,y,b!=z\=`)).toEqual([
      { field: 'a', equal: true, value: 'x,y' },
      { field: 'b', equal: false, value: 'z=' },
    ]);
  });

  it('refuses fields that the kind does not offer', () => {
    expect(() => matchFields(parseFieldSelector('a=b'), {}, (field) => `unknown ${field}`)).toThrow('unknown a');
  });
});
