import { describe, expect, it } from 'vitest';
import { type Member, planFor, type Situation } from '../../src/evict/plan.js';

/** `a:old b:new! c:old-`: `!` is not ready, `-` is on its way out; the order is the age. */
function members(text: string): Member[] {
  return text
    .split(' ')
    .filter((word) => word !== '')
    .map((word, createdAtMs) => {
      const [, name = '', age, mark] = /^([^:]+):(old|new)([!-]?)$/.exec(word) ?? [];
      const state = mark === '!' ? 'unready' : mark === '-' ? 'leaving' : 'ready';
      return { name, uid: name, createdAtMs, because: 'not ready', state, old: age === 'old' };
    });
}

function next(text: string, situation: Partial<Situation> = {}) {
  const plan = planFor({ members: members(text), wanted: 3, maxUnavailable: 1, ordinals: false, ...situation });
  return plan.candidates.slice(0, plan.room).map(({ name }) => name);
}

describe('which pods may go', () => {
  it.each([
    ['a:old b:old c:old', ['a']],
    ['a:old- b:old c:old', []],
    ['a:old- b:old c:old n:new!', []],
    ['b:old c:old', []],
    ['b:old c:old n:new', ['b']],
    ['c:old n:new m:new', ['c']],
    ['n:new m:new o:new', []],
  ])('one by one, the next when the replacement is ready: %s', (text, expected) => {
    expect(next(text)).toEqual(expected);
  });

  it.each([
    ['a:old b:old! c:old', ['b']],
    ['a:old! b:old! c:old!', ['a']],
    ['a:old! b:old! n:new!', []],
    ['b:old! c:old! n:new', ['b']],
  ])('first those that serve nobody, which takes no one’s place: %s', (text, expected) => {
    expect(next(text)).toEqual(expected);
  });

  it('as many at a time as are allowed', () => {
    expect(next('a:old b:old c:old', { maxUnavailable: 2 })).toEqual(['a', 'b']);
    expect(next('a:old- b:old c:old d:old', { wanted: 4, maxUnavailable: 2 })).toEqual(['b']);
    expect(next('a:old! b:old c:old d:old', { wanted: 4, maxUnavailable: 2 })).toEqual(['a', 'b']);
    expect(next('a:old b:old c:old', { maxUnavailable: 10 })).toEqual(['a', 'b', 'c']);
  });

  it('the highest ordinal first where there are ordinals', () => {
    expect(next('web-0:old web-2:old web-10:old', { ordinals: true })).toEqual(['web-10']);
  });

  it('also where there are more than are wanted, as while a Deployment rolls', () => {
    expect(next('a:old b:old c:old n:new!')).toEqual(['a']);
  });

  it('is complete when no old one is left and all that are wanted are ready', () => {
    const complete = (text: string, wanted = 3) =>
      planFor({ members: members(text), wanted, maxUnavailable: 1, ordinals: false }).complete;
    expect([complete('n:new m:new o:new'), complete('n:new m:new o:new!'), complete('n:new m:new o:old')]).toEqual([
      true,
      false,
      false,
    ]);
    expect([complete('n:new m:new o:new!', 2), complete('', 0)]).toEqual([true, true]);
  });
});
