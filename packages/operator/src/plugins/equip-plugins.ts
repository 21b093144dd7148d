import { type EquipPlugin, type Logger, LoggerToken, MetricsToken } from '@kube-trigger/core';
import { KubeClientToken, limitClient } from '@kube-trigger/kube';
import type { PluginMeters } from '../server/plugin-metrics.js';

export interface Equipment {
  readonly logger: Logger;
  readonly meters: PluginMeters;
  readonly operatorNamespace: string;
}

/** What differs from plugin to plugin: a client that does what it declared and no more, its logger, its metrics. */
export function equipPlugins({ logger, meters, operatorNamespace }: Equipment): EquipPlugin {
  return (container, plugin) => {
    const client = container.resolve(KubeClientToken);
    container.register(KubeClientToken, { useValue: limitClient(client, { rbac: plugin.rbac, operatorNamespace }) });
    container.register(LoggerToken, { useValue: logger.child({ plugin: plugin.name }) });
    container.register(MetricsToken, { useValue: meters.of(plugin) });
  };
}
