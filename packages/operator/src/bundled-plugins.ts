import rollout from '@kube-trigger/action-rollout';
import webhook from '@kube-trigger/action-webhook';
import { type Plugin, PluginRegistry } from '@kube-trigger/core';
import configMap from '@kube-trigger/source-configmap';

/** The plugins that every operator has, by package. */
export const BUNDLED: readonly (readonly [packageName: string, plugin: Plugin])[] = [
  ['@kube-trigger/source-configmap', configMap],
  ['@kube-trigger/action-rollout', rollout],
  ['@kube-trigger/action-webhook', webhook],
];

export function bundledRegistry(): PluginRegistry {
  const registry = new PluginRegistry();
  for (const [packageName, plugin] of BUNDLED) registry.register(plugin, packageName);
  return registry;
}
