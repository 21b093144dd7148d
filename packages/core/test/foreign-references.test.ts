import { describe, expect, it } from 'vitest';
import type { ConfiguredRbacRule } from '../src/index.js';
import { foreignReferences } from '../src/rule/foreign-references.js';
import { compileRule } from './support/core.js';
import { exampleRegistry } from './support/example-plugins.js';
import { IDENTITY } from './support/harness.js';

const read = { apiGroups: [''], resources: ['things'], verbs: ['get'] };
const item = (config: object, rbacFor?: (config: never) => ConfiguredRbacRule[]) => ({
  plugin: { rbacFor },
  config,
  path: 'spec.actions[0].roll',
});

describe('references out of the own namespace', () => {
  it('are what the plugin says that its config is about, at the field that names it', () => {
    const rbacFor = () => [{ ...read, namespace: 'other' }];
    expect(foreignReferences('shop', [item({ target: [{ namespace: 'other' }] }, rbacFor)])).toEqual([
      {
        path: 'spec.actions[0].roll.target[0].namespace',
        message: 'refers to namespace "other"; this operator allows the rule\'s own namespace only ("shop")',
      },
    ]);
  });

  it('are at the plugin where no field names them, and include the whole cluster', () => {
    expect(foreignReferences('shop', [item({ kind: 'Node' }, () => [{ ...read, namespace: '' }])])).toEqual([
      { path: 'spec.actions[0].roll', message: expect.stringMatching(/^refers to the whole cluster/) },
    ]);
  });

  it('are not labels that are called so, where the plugin knows better', () => {
    const config = { selector: { matchLabels: { namespace: 'other' } } };
    expect(foreignReferences('shop', [item(config, () => [{ ...read, namespace: 'shop' }, read])])).toEqual([]);
  });

  it('are every other namespace in the config of a plugin that does not say', () => {
    expect(foreignReferences('shop', [item({ a: { namespace: 'other' }, namespace: 'shop' })])).toMatchObject([
      { path: 'spec.actions[0].roll.a.namespace' },
    ]);
  });

  it('cannot be hidden by a plugin that fails', () => {
    const fails = () => {
      throw new Error('oops');
    };
    expect(foreignReferences('shop', [item({}, fails)])).toMatchObject([{ message: expect.stringMatching(/oops/) }]);
  });

  it('are refused when asked for, also in a rule that was accepted before', () => {
    const spec = {
      sources: [{ things: { name: 'cm', namespace: 'elsewhere' } }],
      actions: [{ roll: { name: 'web' } }],
    };
    const registry = exampleRegistry();
    expect(compileRule(IDENTITY, spec, registry)).toHaveProperty('rule');
    const options = { ownNamespaceOnly: true, acceptedBefore: true };
    expect(compileRule(IDENTITY, spec, registry, options)).toMatchObject({
      reason: 'Invalid',
      issues: [{ path: 'spec.sources[0].things.namespace' }],
    });
  });
});
