import { type EquipPlugin, type Logger, LoggerToken, MetricsToken, type Plugin } from '@kube-trigger/core';
import { type KubeClient, KubeClientToken, limitClient } from '@kube-trigger/kube';
import type { PluginMeters } from '../server/plugin-metrics.js';

export interface Equipment {
  readonly logger: Logger;
  readonly meters: PluginMeters;
  readonly operatorNamespace: string;
}

/** What differs from plugin to plugin: a client that does what it declared and no more, its logger, its metrics. */
export function equipPlugins({ logger, meters, operatorNamespace }: Equipment): EquipPlugin {
  // One for all instances of a plugin that act as the same identity: plugins share indexes and queues by their client.
  const limited = new WeakMap<KubeClient, Map<Plugin, KubeClient>>();
  const limit = (client: KubeClient, plugin: Plugin): KubeClient => {
    const ofClient = limited.get(client) ?? new Map<Plugin, KubeClient>();
    const known = ofClient.get(plugin) ?? limitClient(client, { rbac: plugin.rbac, operatorNamespace });
    limited.set(client, ofClient.set(plugin, known));
    return known;
  };
  return (container, plugin) => {
    container.register(KubeClientToken, { useValue: limit(container.resolve(KubeClientToken), plugin) });
    container.register(LoggerToken, { useValue: logger.child({ plugin: plugin.name }) });
    container.register(MetricsToken, { useValue: meters.of(plugin) });
  };
}
