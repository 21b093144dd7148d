import { validateConfig } from '@kube-trigger/core';
import { describe, expect, it } from 'vitest';
import secret from '../src/index.js';

/** What is wrong with a config, as `path: message`. */
function wrongWith(config: unknown): string[] {
  const validated = validateConfig(secret.config, config, 'secret');
  const issues =
    validated.issues ??
    secret.validate?.(validated.value).map((issue) => ({ ...issue, path: `secret.${issue.path}` })) ??
    [];
  return issues.map(({ path, message }) => `${path}: ${message}`);
}

describe('good configs', () => {
  it.each([
    {},
    { name: 'tls' },
    { name: 'sh.helm.release.v1.web.v1', namespace: 'kube-system' },
    { selector: { matchLabels: { 'app.kubernetes.io/name': 'web' } } },
    { types: ['kubernetes.io/tls'] },
    { types: ['Opaque', 'helm.sh/release.v1', 'bootstrap.kubernetes.io/token'] },
    { types: ['*'] },
    { types: ['Opaque', 'Opaque'], selector: {} },
    { keys: { include: ['tls.*'], exclude: ['tls.key'] }, on: ['deleted'] },
  ])('%j', (config) => {
    expect(wrongWith(config)).toEqual([]);
  });

  it('have on: [created, updated] by default', () => {
    expect(validateConfig(secret.config, { name: 'tls' }, '')).toEqual({
      value: { name: 'tls', on: ['created', 'updated'] },
    });
  });
});

describe('bad configs name the field and the fix', () => {
  it.each<[unknown, string]>([
    [{ name: 'tls', selector: {} }, 'secret: has name and selector; keep one of them'],
    [
      { name: 'tls', types: ['Opaque'] },
      'secret.types: cannot stand beside name ("tls"); a named Secret counts whatever',
    ],
    [{ types: [] }, 'secret.types: the list must not have fewer than 1 items'],
    [{ types: ['*', 'Opaque'] }, 'secret.types: "*" means all types; remove the others, or remove "*"'],
    [
      { types: ['Opaque', ''] },
      'secret.types[1]: "" is not a type of Secrets; write it as kubectl get secrets shows it',
    ],
    [{ types: ['a,type!=b'] }, 'secret.types[0]: "a,type!=b" is not a type of Secrets'],
    [{ types: ['kubernetes.io/*'] }, 'secret.types[0]: "kubernetes.io/*" is not a type of Secrets'],
    [{ type: 'Opaque' }, 'secret.type: is not a known field; did you mean "types"?'],
    [{ keys: { include: ['tls/*'] } }, 'secret.keys.include[0]: "tls/*" can match no key'],
    [{ keys: { exclude: [''] } }, 'secret.keys.exclude[0]: an empty glob matches no key'],
    [{ selector: { matchLabels: { 'a b': 'x' } } }, 'secret.selector.matchLabels["a b"]: "a b" is not a label key'],
    [{ on: ['update'] }, 'secret.on[0]: "update" is not one of created, updated, deleted'],
  ])('%j', (config, expected) => {
    expect(wrongWith(config)).toEqual([expect.stringContaining(expected)]);
  });
});
