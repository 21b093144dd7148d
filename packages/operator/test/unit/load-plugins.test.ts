import { join } from 'node:path';
import { compileRule, type PluginRegistry } from '@kube-trigger/core';
import { describe, expect, it } from 'vitest';
import { bundledRegistry } from '../../src/plugins/bundled.js';
import { loadPlugins } from '../../src/plugins/load-plugins.js';
import { VERSION } from '../../src/version.js';
import { PluginFolder, pluginSource } from '../support/plugin-folder.js';

const DECLARED = { contract: 1, plugins: ['action/chat'] };

async function load(folder: PluginFolder, ...plugins: string[]): Promise<PluginRegistry> {
  const registry = bundledRegistry();
  await loadPlugins(registry, { plugins, directory: folder.path, importTimeoutMs: 500 });
  return registry;
}

function useChat(registry: PluginRegistry) {
  const identity = { namespace: 'shop', name: 'example', uid: 'u' };
  return compileRule(identity, { sources: [{ configMap: {} }], actions: [{ chat: { room: 'a' } }] }, registry);
}

describe('a selected plugin', () => {
  it('is found by the name of its package, and its rules compile', async () => {
    using folder = new PluginFolder();
    folder.install('kube-trigger-plugin-chat', `export default ${pluginSource()}`);
    const registry = await load(folder, 'kube-trigger-plugin-chat');
    expect(registry.refused).toEqual([]);
    expect(useChat(registry)).toHaveProperty('rule');
  });

  it('is found in a folder above, as Node finds it, and under a scope', async () => {
    using folder = new PluginFolder();
    folder.install('@acme/chat', `export default ${pluginSource()}`);
    folder.write('deep/er/x', '');
    const registry = bundledRegistry();
    await loadPlugins(registry, { plugins: ['@acme/chat'], directory: join(folder.path, 'deep/er') });
    expect(registry.refused).toEqual([]);
  });

  it.each([
    ['exports with conditions', { exports: { '.': { types: './x.d.ts', import: './index.js' } } }],
    ['main', { exports: undefined, main: 'index.js' }],
    ['a range that fits', { peerDependencies: { '@kube-trigger/core': `^${VERSION}` } }],
    ['a range of the workspace', { peerDependencies: { '@kube-trigger/core': 'workspace:^' } }],
  ])('may have %s', async (_, manifest) => {
    using folder = new PluginFolder();
    folder.install('chat', `export default ${pluginSource()}`, manifest);
    expect((await load(folder, 'chat')).refused).toEqual([]);
  });

  it('may be one of a list in one package', async () => {
    using folder = new PluginFolder();
    const plugins = [pluginSource(), pluginSource({ name: 'shout' })].join(',');
    folder.install('chat', `export default [${plugins}]`, {
      'kube-trigger': { contract: 1, plugins: ['action/shout', 'action/chat'] },
    });
    expect((await load(folder, 'chat')).names('action')).toEqual(expect.arrayContaining(['chat', 'shout']));
  });

  it('may be a folder, or a single module, TypeScript included', async () => {
    using folder = new PluginFolder();
    folder.install('chat', `export default ${pluginSource()}`);
    expect((await load(folder, './node_modules/chat')).refused).toEqual([]);
    const path = folder.write('chat.ts', `const plugin: object = ${pluginSource()};\nexport default plugin;`);
    expect((await load(folder, './chat.ts')).refused).toEqual([]);
    expect((await load(folder, path)).names('action')).toContain('chat');
  });

  it('that is asked for twice is one', async () => {
    using folder = new PluginFolder();
    folder.install('chat', `export default ${pluginSource()}`);
    expect((await load(folder, 'chat', 'chat')).refused).toEqual([]);
  });
});

describe('a package that cannot be used is refused by name, with the reason', () => {
  const source = `export default ${pluginSource()}`;
  const evil = 'globalThis.kubeTriggerRanIt = true;';
  it.each<[what: string, manifest: object, source: string, reason: RegExp]>([
    ['is no plugin', { 'kube-trigger': undefined }, evil, /no "kube-trigger" field/],
    ['says it is for another contract', { 'kube-trigger': { contract: 2 } }, evil, /built for contract 2, .* speaks 1/],
    ['lists no plugins', { 'kube-trigger': { contract: 1 } }, evil, /not a list like \["action\/chat"\]/],
    ['lists what is none', { 'kube-trigger': { contract: 1, plugins: ['chat'] } }, evil, /not a list like/],
    [
      'needs another core',
      { peerDependencies: { '@kube-trigger/core': '^9.1.0' } },
      evil,
      /needs @kube-trigger\/core \^9\.1\.0, this operator has/,
    ],
    ['exports nothing', { exports: { './other': './index.js' } }, evil, /exports no main module/],
    ['was not built', { exports: './dist/index.js' }, evil, /dist\/index\.js does not exist; was it built\?/],
    ['throws at its import', {}, 'throw new Error("no such room")', /import failed: Error: no such room/],
    ['does not parse', {}, 'export default {', /import failed: SyntaxError/],
    ['never ends its import', {}, 'await new Promise(() => {})', /import failed: .* within 0\.5 s/],
    ['has no default export', {}, 'export const x = 1', /default export is not a plugin/],
    ['exports an empty list', {}, 'export default []', /default export is an empty list/],
    ['is built for another contract', {}, `export default ${pluginSource({ contract: 7 })}`, /built for contract 7/],
    ['lists other plugins than it has', {}, `export default ${pluginSource({ name: 'talk' })}`, /exports action\/talk/],
    [
      'has a bad schema',
      {},
      `export default ${pluginSource({ config: { type: 'object', properties: { room: { oneOf: [] } } } })}`,
      /config of chat\.room: a config schema cannot use "oneOf"/,
    ],
    [
      'takes the name of a bundled plugin',
      { 'kube-trigger': { contract: 1, plugins: ['action/webhook'] } },
      `export default ${pluginSource({ name: 'webhook' })}`,
      /another plugin is already the action "webhook"/,
    ],
    [
      'has one good and one bad plugin',
      { 'kube-trigger': { contract: 1, plugins: ['action/chat', 'action/webhook'] } },
      `export default [${pluginSource()}, ${pluginSource({ name: 'webhook' })}]`,
      /already the action "webhook"/,
    ],
  ])('when it %s', async (_, manifest, text, reason) => {
    using folder = new PluginFolder();
    folder.install('kube-trigger-plugin-chat', text, manifest);
    const registry = await load(folder, 'kube-trigger-plugin-chat');
    expect(registry.refused).toEqual([
      expect.objectContaining({
        origin: 'kube-trigger-plugin-chat',
        reason: expect.stringMatching(reason) as string,
      }),
    ]);
    expect(registry.names('action')).toEqual(bundledRegistry().names('action'));
    expect(globalThis).not.toHaveProperty('kubeTriggerRanIt');
    expect(useChat(registry)).toMatchObject({
      reason: 'UnknownPlugin',
      issues: [{ path: 'spec.actions[0].chat', message: expect.stringMatching(reason) as string }],
    });
  });

  it.each([
    ['nothing-like-it', /not installed in .*node_modules or above; npm install nothing-like-it/],
    ['./nowhere', /there is no .*nowhere/],
    ['./empty', /no package\.json in .*empty/],
    ['node:fs', /neither a package name nor a path/],
    ['a/../b', /neither a package name nor a path/],
  ])('when it is %s', async (name, reason) => {
    using folder = new PluginFolder();
    folder.write('empty/x', '');
    const registry = await load(folder, name);
    expect(registry.refused).toEqual([{ origin: name, provides: [], reason: expect.stringMatching(reason) as string }]);
    expect(useChat(registry)).toMatchObject({ reason: 'UnknownPlugin' });
  });

  it('and a rule for a plugin that a package for another contract lists is told of that package only', async () => {
    using folder = new PluginFolder();
    folder.install('newer', source, { 'kube-trigger': { ...DECLARED, contract: 2 } });
    folder.install('broken', 'throw new Error("x")', { 'kube-trigger': { ...DECLARED, plugins: ['action/other'] } });
    expect(useChat(await load(folder, 'broken', 'newer'))).toMatchObject({
      issues: [
        {
          message:
            'the action plugin "chat" is not available: newer was refused: it was built for contract 2, this operator speaks 1',
        },
      ],
    });
  });

  it('and does not keep another one from being used', async () => {
    using folder = new PluginFolder();
    folder.install('first', source);
    folder.install('second', source);
    folder.install('broken', 'throw new Error("x")', { 'kube-trigger': { ...DECLARED, plugins: ['action/other'] } });
    const registry = await load(folder, 'broken', 'first', 'second');
    expect(registry.refused.map(({ origin }) => origin)).toEqual(['broken', 'second']);
    expect(useChat(registry)).toHaveProperty('rule');
  });
});
