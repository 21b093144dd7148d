import { array, assert, constantFrom, property } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileGlob } from '../../src/object-source/glob.js';

function matched(glob: string, keys: readonly string[]): string[] | string {
  const compiled = compileGlob(glob);
  return 'issue' in compiled ? compiled.issue : keys.filter(compiled.matches);
}

describe('a glob', () => {
  const KEYS = ['', '.env', 'a', 'app.conf', 'app.conf.bak', 'db.conf', 'x-1', 'x_10'];

  it.each<[string, string[]]>([
    ['*', KEYS],
    ['**', KEYS],
    ['app.conf', ['app.conf']],
    ['*.conf', ['app.conf', 'db.conf']],
    ['app*', ['app.conf', 'app.conf.bak']],
    ['*.conf*', ['app.conf', 'app.conf.bak', 'db.conf']],
    ['?', ['a']],
    ['.en?', ['.env']],
    ['[ab]*', ['a', 'app.conf', 'app.conf.bak']],
    ['[^a-z]*', ['.env']],
    ['x[-_]*', ['x-1', 'x_10']],
    ['x?[0-9]', ['x-1']],
    ['{app,db}.conf', ['app.conf', 'db.conf']],
    ['{,x-}{a,1}', ['a', 'x-1']],
    ['{app{.conf,},db*}*', ['app.conf', 'app.conf.bak', 'db.conf']],
    ['*[{,}]*', []],
    ['APP.conf', []],
    ['a*a', []],
    ['app.conf*conf', []],
  ])('%s', (glob, keys) => expect(matched(glob, KEYS)).toEqual(keys));

  it.each(['[', '[]', '[^]', 'a]', '[z-a]', '{', '}', '{a', 'a}', '{a}', '{a,{b,c}', '{a,b}}'])('is not %s', (glob) =>
    expect(matched(glob, [])).toContain('is not a glob'),
  );

  it('stands for so many at most', () => {
    expect(matched('{a,b}'.repeat(5), ['ababa'])).toEqual(['ababa']);
    expect(matched('{a,b}'.repeat(50), [])).toBe('stands for more than 32 globs; split it into several');
  });

  it('is what the obvious and slow way says it is', () => {
    const glob = array(constantFrom('a', 'b', '?', '*', '[ab]', '[^a]', '{a,bb}'), { maxLength: 8 });
    const key = array(constantFrom('a', 'b', 'c'), { maxLength: 10 }).map((letters) => letters.join(''));
    assert(
      property(glob, key, (units, text) => {
        const isOne = matched(units.join(''), [text]);
        if (typeof isOne === 'string') return;
        expect(isOne.length > 0).toBe(slowly(units, text));
      }),
      { numRuns: 3000 },
    );
  });
});

/** By trying everything. */
function slowly([unit, ...rest]: readonly string[], key: string): boolean {
  if (unit === undefined) return key === '';
  if (unit === '*')
    return Array.from({ length: key.length + 1 }, (_, n) => key.slice(n)).some((end) => slowly(rest, end));
  const options = unit === '{a,bb}' ? ['a', 'bb'] : unit === '?' ? ['a', 'b', 'c'] : [unit];
  const letters = options.flatMap((one) => (one === '[ab]' ? ['a', 'b'] : one === '[^a]' ? ['b', 'c'] : [one]));
  return letters.some((letter) => key.startsWith(letter) && slowly(rest, key.slice(letter.length)));
}
