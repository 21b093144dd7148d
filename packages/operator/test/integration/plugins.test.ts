import { describeOnClusters } from '@kube-trigger/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { bundledRegistry } from '../../src/plugins/bundled.js';
import { loadPlugins } from '../../src/plugins/load-plugins.js';
import { PluginFolder, pluginSource } from '../support/plugin-folder.js';
import { Stage } from '../support/stage.js';

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
    const registry = bundledRegistry();
    const plugins = ['kube-trigger-plugin-chat', 'kube-trigger-plugin-note'];
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
