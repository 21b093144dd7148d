import 'reflect-metadata';
import { LoggerToken, MetricsToken } from '@kube-trigger/core';
import { type KubeClient, KubeClientToken, WELL_KNOWN } from '@kube-trigger/kube';
import { RecordingKubeClient, RecordingLogger } from '@kube-trigger/testing/contracts';
import { Registry } from 'prom-client';
import { container } from 'tsyringe';
import { expect, it } from 'vitest';
import { bundledRegistry } from '../../src/plugins/bundled.js';
import { equipPlugins } from '../../src/plugins/equip-plugins.js';
import { PluginMeters } from '../../src/server/plugin-metrics.js';

const logger = new RecordingLogger();
const equip = equipPlugins({
  logger,
  meters: new PluginMeters(new Registry(), logger),
  operatorNamespace: 'kube-trigger',
});
const [rollout, configMap] = [
  bundledRegistry().find('action', 'updatePodTemplate'),
  bundledRegistry().find('source', 'configMap'),
];

function equipped(client: KubeClient, plugin: typeof rollout | typeof configMap) {
  const own = container.createChildContainer();
  own.register(KubeClientToken, { useValue: client });
  const child = own.createChildContainer();
  if (plugin === undefined) throw new Error('it is bundled');
  equip(child, plugin);
  return child;
}

it('gives all instances of a plugin that act as one identity the same client, and others another one', () => {
  const [one, two] = [new RecordingKubeClient(), new RecordingKubeClient()];
  const of = (client: KubeClient, plugin: typeof rollout | typeof configMap) =>
    equipped(client, plugin).resolve(KubeClientToken);
  expect(of(one, rollout)).toBe(of(one, rollout));
  expect(of(one, rollout)).not.toBe(of(two, rollout));
  expect(of(one, rollout)).not.toBe(of(one, configMap));
  expect(of(one, rollout)).not.toBe(one);
});

it('limits the client to what the plugin declared, and names the plugin in its log lines', async () => {
  const child = equipped(new RecordingKubeClient(), configMap);
  await expect(child.resolve(KubeClientToken).list(WELL_KNOWN.Secret)).rejects.toMatchObject({
    code: 'KT_PLUGIN_UNDECLARED',
  });
  child.resolve(LoggerToken).info({}, 'said');
  expect(logger.lines).toEqual([{ level: 'info', message: 'said', facts: { plugin: 'configMap' } }]);
  expect(child.resolve(MetricsToken)).toHaveProperty('counter');
});
