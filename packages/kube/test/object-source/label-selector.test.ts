import { describe, expect, it } from 'vitest';
import { labelSelectorText, type Selector } from '../../src/object-source/label-selector.js';

describe('the text of a label selector', () => {
  it.each<[Selector | undefined, string | undefined]>([
    [undefined, undefined],
    [{}, undefined],
    [{ matchLabels: {}, matchExpressions: [] }, undefined],
    [{ matchLabels: { b: '2', a: '1' } }, 'a=1,b=2'],
    [{ matchLabels: { a: '' } }, 'a='],
    [{ matchExpressions: [{ key: 'a', operator: 'In', values: ['y', 'x', 'y'] }] }, 'a in (x,y)'],
    [{ matchExpressions: [{ key: 'a', operator: 'NotIn', values: ['y', 'x'] }] }, 'a notin (x,y)'],
    [{ matchExpressions: [{ key: 'a', operator: 'Exists' }] }, 'a'],
    [{ matchExpressions: [{ key: 'a', operator: 'DoesNotExist' }] }, '!a'],
    [{ matchExpressions: [{ key: 'a', operator: 'NotIn', values: ['x'] }] }, 'a!=x'],
  ])('of %j', (selector, text) => {
    expect(labelSelectorText(selector)).toBe(text);
  });

  it('is the same for selectors that mean the same', () => {
    const one = { matchLabels: { a: '1', b: '2' } };
    const two: Selector = {
      matchExpressions: [
        { key: 'b', operator: 'In', values: ['2'] },
        { key: 'a', operator: 'In', values: ['1', '1'] },
        { key: 'b', operator: 'In', values: ['2'] },
      ],
    };
    expect(labelSelectorText(two)).toBe(labelSelectorText(one));
  });
});
