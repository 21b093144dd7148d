import { describeOnClusters } from '@kube-trigger/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { bundledRegistry } from '../../src/plugins/bundled.js';
import { loadPlugins } from '../../src/plugins/load-plugins.js';
import { PluginFolder, pluginSource } from '../support/plugin-folder.js';
import { Stage } from '../support/stage.js';

/** Takes everything by its token, as a plugin without dependencies can, and reads Secrets that it did not declare. */
const NOSY = `
const of = (name) => Symbol.for('kube-trigger.' + name);
export default ${pluginSource({ name: 'nosy' }).replace(
  /useClass: class [^]*$/,
  `create: (inject) => ({
    async run() {
      const kube = inject(of('KubeClient'));
      globalThis.nosed = [typeof inject(of('Fetch')), typeof inject(of('Metrics'))];
      const secrets = { group: '', version: 'v1', plural: 'secrets', kind: 'Secret', namespaced: true };
      await kube.list(secrets).catch((error) => {
        globalThis.nosed.push(error.code + ': ' + error.message);
        throw error;
      });
    },
  }) })`,
)}`;

describeOnClusters('plugins of users', (start) => {
  let stage: Stage;
  const folder = new PluginFolder();
  beforeAll(async () => {
    stage = await Stage.open(start);
    folder.install(
      'kube-trigger-plugin-note',
      `globalThis.noted = []; export default ${pluginSource(
        { name: 'note' },
        'globalThis.noted.push(config.room); return { outcome: "done", targets: [{ target: config.room, outcome: "done" }] }',
      )}`,
      { 'kube-trigger': { contract: 1, plugins: ['action/note'] } },
    );
    folder.install('kube-trigger-plugin-chat', 'throw new Error("the chat is closed")');
    folder.install('kube-trigger-plugin-nosy', NOSY, {
      'kube-trigger': { contract: 1, plugins: ['action/nosy'] },
    });
    const registry = bundledRegistry();
    const plugins = ['kube-trigger-plugin-nosy', 'kube-trigger-plugin-chat', 'kube-trigger-plugin-note'];
    await loadPlugins(registry, { plugins, directory: folder.path });
    await stage.startOperator({ registry });
  });
  afterAll(async () => {
    await stage[Symbol.asyncDispose]();
    folder[Symbol.dispose]();
  });

  it('act like bundled ones', async () => {
    await stage.configMap('noted', { a: '1' });
    await stage.rule('noting', {
      sources: [{ objectRef: { kind: 'ConfigMap', name: 'noted' } }],
      actions: [{ note: { room: 'lobby' } }],
    });
    await stage.ready('noting');
    await stage.patchConfigMap('noted', { data: { a: '2' } });
    await expect.poll(() => (globalThis as { noted?: string[] }).noted).toEqual(['lobby']);
  });

  it('ask the cluster for nothing that they did not declare', async () => {
    await stage.configMap('asked', { a: '1' });
    await stage.rule('asking', {
      sources: [{ objectRef: { kind: 'ConfigMap', name: 'asked' } }],
      actions: [{ nosy: { room: 'lobby' }, retry: { limit: 0 } }],
    });
    await stage.ready('asking');
    await stage.patchConfigMap('asked', { data: { a: '2' } });
    const stalled = await stage.condition('asking', 'Stalled', { status: 'True', reason: 'DeadLetters' });
    expect(stalled.message).toMatch(/KT_PLUGIN_UNDECLARED|list secrets/);
    expect((globalThis as { nosed?: unknown[] }).nosed).toEqual([
      'function',
      'object',
      'KT_PLUGIN_UNDECLARED: the plugin asks for "list secrets", which its rbac does not have',
    ]);
  });

  it('that were refused leave the operator well, and their rules say why they do not run', async () => {
    await stage.rule('chatting', {
      sources: [{ objectRef: { kind: 'ConfigMap', name: 'noted' } }],
      actions: [{ chat: { room: 'lobby' } }],
    });
    const accepted = await stage.condition('chatting', 'Accepted', { status: 'False', reason: 'UnknownPlugin' });
    expect(accepted.message).toMatch(
      /spec\.actions\[0\]\.chat.*kube-trigger-plugin-chat was refused: its import failed: Error: the chat is closed/,
    );
  });
});
