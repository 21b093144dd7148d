import { existsSync, readdirSync, readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { KUBE_ERROR_CODES } from '../../kube/src/errors.js';
import { ERROR_CODES, isTriggerError, type Plugin, toTriggerError, TriggerError } from './support/core.js';

const PACKAGES = new URL('../../', import.meta.url);

/** The codes of every package that has some, by its folder. */
async function tables(): Promise<Record<string, Readonly<Record<string, string>>>> {
  const found: Record<string, Readonly<Record<string, string>>> = { core: ERROR_CODES, kube: KUBE_ERROR_CODES };
  for (const folder of readdirSync(PACKAGES).filter((name) => /^(source|filters?|action)\b/.test(name))) {
    const entry = new URL(`${folder}/src/index.ts`, PACKAGES);
    if (!existsSync(entry)) continue;
    const exported = Object.values((await import(entry.pathname)) as Record<string, unknown>);
    const codes = Object.assign({}, ...exported.filter(isPlugin).map(({ errors }) => errors)) as Record<string, string>;
    if (Object.keys(codes).length > 0) found[folder] = codes;
  }
  return found;
}

function isPlugin(value: unknown): value is Plugin {
  return typeof value === 'object' && value !== null && 'contract' in value;
}

function documented(): Record<string, Record<string, string>> {
  const text = readFileSync(new URL('../docs/reference/errors.md', PACKAGES), 'utf8');
  const sections = text.split(/^## /m).slice(1);
  return Object.fromEntries(
    sections.map((section) => {
      const rows = [...section.matchAll(/^\| `(\w+)`\s*\| (.+?)\s*\| (.+?)\s*\|$/gm)];
      return [
        section.split('\n')[0] ?? '',
        Object.fromEntries(rows.map(([, code = '', meaning = '']) => [code, meaning])),
      ];
    }),
  );
}

describe('docs/reference/errors.md', () => {
  it('has exactly the codes of core, kube and the plugins, with their meanings', async () => {
    const expected = await tables();
    expect(documented()).toEqual(expected);
    const all = Object.values(expected).flatMap((table) => Object.keys(table));
    expect(new Set(all).size).toBe(all.length);
  });

  it('says for each what to do', () => {
    const text = readFileSync(new URL('../docs/reference/errors.md', PACKAGES), 'utf8');
    const rows = [...text.matchAll(/^\| `(\w+)`\s*\| .+? \| (.+?)\s*\|$/gm)];
    expect(rows.length).toBeGreaterThan(Object.keys(ERROR_CODES).length);
    expect(rows.filter(([, , fix = '']) => fix.length < 8)).toEqual([]);
  });
});

describe('a TriggerError', () => {
  it('explains itself with its fix', () => {
    const error = new TriggerError('KT_X', 'it broke', { fix: 'Mend it', retry: 'never', facts: { a: 1 } });
    expect(error).toMatchObject({ name: 'TriggerError', code: 'KT_X', retry: 'never', facts: { a: 1 } });
    expect(error.explanation).toBe('it broke. Mend it');
    expect(new TriggerError('KT_X', 'it broke').explanation).toBe('it broke');
  });

  it('of another installed copy is one too', () => {
    const mark = Symbol.for('kube-trigger.TriggerError');
    const foreign = Object.assign(new Error('x'), {
      code: 'KT_X',
      retry: 'never',
      facts: {},
      explanation: 'x',
      fix: undefined,
      [mark]: true,
    });
    expect(isTriggerError(foreign)).toBe(true);
    expect(toTriggerError(foreign)).toBe(foreign);
  });
});

describe('toTriggerError', () => {
  const boom = () => {
    throw new Error('boom');
  };
  const hostile: [string, unknown][] = [
    ['a proxy whose traps throw', new Proxy({}, { get: boom, has: boom, getPrototypeOf: boom })],
    ['a proxy that has everything', new Proxy({}, { has: () => true, get: () => undefined })],
    ['an error whose message throws', Object.defineProperty(new Error('x'), 'message', { get: boom })],
    ['an error whose message is a symbol', Object.assign(new Error('x'), { message: Symbol('x') })],
    ['an error whose name throws', Object.defineProperty(new Error('x'), 'name', { get: boom })],
    ['a revoked proxy', revoked()],
    ['a TriggerError without code', Object.assign(new TriggerError('KT_X', 'x'), { code: undefined })],
    [
      'a TriggerError with another hint',
      Object.assign(new TriggerError('KT_X', 'x'), { retry: { afterMs: Infinity } }),
    ],
    ['a TriggerError without facts', Object.assign(new TriggerError('KT_X', 'x'), { facts: null })],
  ];
  it.each(hostile)('describes %s', (_, thrown) => {
    expect(toTriggerError(thrown)).toMatchObject({ code: 'KT_PLUGIN_FAULT', retry: 'backoff' });
  });

  it('keeps what a real error says, cut to 2,000 characters, and the error as the cause', () => {
    const cause = new TypeError('x'.repeat(10_000));
    const error = toTriggerError(cause);
    expect(error.message.startsWith('TypeError: xxx')).toBe(true);
    expect(error.message).toHaveLength(2000);
    expect(error.cause).toBe(cause);
  });

  it('is total', () => {
    fc.assert(
      fc.property(fc.anything({ withBigInt: true, withNullPrototype: true, withMap: true }), (thrown) => {
        const error = toTriggerError(thrown);
        expect([isTriggerError(error), error.code]).toEqual([true, 'KT_PLUGIN_FAULT']);
      }),
      { numRuns: 2000 },
    );
  });
});

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}
