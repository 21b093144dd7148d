import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { kindOf } from '../../src/targets/kinds.js';
import type { Target } from '../../src/targets/target.js';
import type { Wave } from '../../src/pacing/config.js';
import { wavesOf } from '../../src/pacing/waves.js';
import { Deployment } from '../world.js';

const targetsOf = (names: readonly string[]) =>
  names.map((name) => {
    const ref = { resource: Deployment, namespace: 'shop', name };
    const labels = { tier: name.startsWith('canary') ? 'canary' : 'web' };
    return { ref, workload: { labels }, kind: kindOf({ kind: 'Deployment' }) } as unknown as Target;
  });
const namesIn = (names: readonly string[], waves?: readonly Wave[]) =>
  wavesOf(targetsOf(names), waves).map((wave) => wave.map(({ ref }) => ref.name));
const letters = 'abcdefghij'.split('');

it.each<[string, readonly Wave[] | undefined, string[]]>([
  ['no waves', undefined, ['abcdefghij']],
  ['a share', [{ percent: 25 }], ['abc', 'defghij']],
  ['shares', [{ percent: 10 }, { percent: 40 }, { percent: 50 }], ['a', 'bcde', 'fghij']],
  ['a number', [{ count: 1 }, { count: 3 }], ['a', 'bcd', 'efghij']],
  ['both', [{ count: 2 }, { percent: 30 }, { count: 1 }], ['ab', 'cde', 'f', 'ghij']],
  ['more than there are', [{ count: 20 }, { percent: 50 }], ['abcdefghij', '']],
  ['labels that nobody has', [{ matchLabels: { tier: 'db' } }], ['', 'abcdefghij']],
])('deals out %s by name', (_, waves, expected) => {
  expect(namesIn(letters.toReversed(), waves).map((wave) => wave.join(''))).toEqual(expected);
});

it('puts whoever a wave names by labels into the first such wave, and shares out the others', () => {
  const waves = [
    { count: 1 },
    { matchLabels: { tier: 'canary' } },
    { matchExpressions: [{ key: 'tier', operator: 'Exists' as const }] },
  ];
  expect(namesIn(['a', 'canary-2', 'canary-1'], waves)).toEqual([[], ['canary-1', 'canary-2'], ['a']]);
});

const wave = fc.oneof(
  fc.record({ count: fc.integer({ min: 1, max: 10 }) }),
  fc.record({ percent: fc.integer({ min: 1, max: 20 }) }),
  fc.constant<Wave>({ matchLabels: { tier: 'canary' } }),
);
const names = fc.uniqueArray(fc.stringMatching(/^(canary-)?[a-z]{1,3}$/), { maxLength: 40 });

it('has everyone in exactly one wave, whatever the order in which they are seen', () => {
  fc.assert(
    fc.property(names, fc.array(wave, { maxLength: 5 }), (all, waves) => {
      const dealt = namesIn(all, waves);
      expect(dealt.flat().toSorted()).toEqual(all.toSorted());
      expect(namesIn(all.toReversed(), waves)).toEqual(dealt);
    }),
  );
});
