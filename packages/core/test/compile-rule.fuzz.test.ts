import { inspect } from 'node:util';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileRule } from './support/core.js';
import { exampleRegistry } from './support/example-plugins.js';
import { IDENTITY } from './support/harness.js';
import { mutated, pathsOf } from './support/mutations.js';

const GOOD = {
  suspend: false,
  onFirstSeen: 'run',
  delivery: { concurrency: 3, breaker: { limit: 2, windowSeconds: 5 } },
  sources: [
    { objectRef: { apiVersion: 'v1', kind: 'Thing', namespace: 'x', name: 'cm' } },
    {
      name: 'b',
      things: { selector: { matchExpressions: [{ key: 'a', operator: 'In', values: ['b'] }] }, on: ['created'] },
    },
    { clock: { everySeconds: 5 } },
  ],
  filters: [{ name: 'fine', sieve: { mesh: 0.5 } }],
  actions: [
    { roll: { name: 'web' }, retry: { limit: 1, initialDelaySeconds: 1, maxDelaySeconds: 2 }, timeoutSeconds: 5 },
    { call: { url: 'http://x' }, onFailure: 'continue' },
  ],
};

const WORDS = [
  'name',
  'things',
  'clock',
  'objectRef',
  'sources',
  '__proto__',
  'constructor',
  'toString',
  'retry',
  '0',
  '',
];
const garbage = fc.oneof(
  fc.anything({
    withBigInt: true,
    withDate: true,
    withMap: true,
    withNullPrototype: true,
    withSparseArray: true,
    withTypedArray: true,
  }),
  fc.jsonValue({ maxDepth: 4 }),
  fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, -0, 1e308, '\u0000', 'x'.repeat(100_000), () => 1, Symbol('x')),
  fc.constantFrom(
    {
      get sources() {
        throw new Error('boom');
      },
    },
    new Proxy(
      {},
      {
        ownKeys: () => {
          throw new Error('boom');
        },
      },
    ),
  ),
);
const change = fc.oneof(
  garbage.map((value) => () => value),
  fc.tuple(fc.oneof(fc.constantFrom(...WORDS), fc.string()), garbage).map(([key, value]) => (old: unknown) => {
    const copy = structuredClone(old);
    if (typeof copy === 'object' && copy !== null)
      Object.defineProperty(copy, key, { value, enumerable: true, configurable: true, writable: true });
    return copy;
  }),
  fc.constant((old: unknown) => [old, old]),
  fc.constant(() => undefined),
);

describe('compileRule', () => {
  it('is total: 10,000 mutated rules compile or are told what is wrong, with a path and a short message', () => {
    const registry = exampleRegistry();
    const paths = [...pathsOf(GOOD)];
    const ended = { compiled: 0, refused: 0 };
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.constantFrom(...paths), change), { minLength: 1, maxLength: 3 }), (changes) => {
        let spec: unknown = GOOD;
        for (const [path, how] of changes) {
          try {
            spec = mutated(spec, path, how);
          } catch {
            // The place is gone by an earlier change, or cannot be copied any more.
          }
        }
        const compilation = compileRule(IDENTITY, spec, registry);
        ended['rule' in compilation ? 'compiled' : 'refused'] += 1;
        const issues = 'issues' in compilation ? compilation.issues : [{ path: 'spec', message: 'none' }];
        expect(issues, inspect(spec)).not.toEqual([]);
        expect(issues.filter(({ path, message }) => !path.startsWith('spec') || message === '')).toEqual([]);
      }),
      { numRuns: 10_000 },
    );
    expect(ended.refused).toBeGreaterThan(5000);
    expect(ended.compiled).toBeGreaterThan(100);
  });
});
