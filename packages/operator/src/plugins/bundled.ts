import exec from '@kube-trigger/action-exec';
import rollout from '@kube-trigger/action-rollout';
import webhook from '@kube-trigger/action-webhook';
import { type Plugin, PluginRegistry } from '@kube-trigger/core';
import { blackout, cel, debounce, throttle, window } from '@kube-trigger/filters';
import configMap from '@kube-trigger/source-configmap';
import resource from '@kube-trigger/source-resource';
import secret from '@kube-trigger/source-secret';
import timer from '@kube-trigger/source-timer';

/** The plugins that every operator has, by package. */
export const BUNDLED: readonly (readonly [packageName: string, plugin: Plugin])[] = [
  ['@kube-trigger/source-configmap', configMap],
  ['@kube-trigger/source-secret', secret],
  ['@kube-trigger/source-resource', resource],
  ['@kube-trigger/source-timer', timer],
  ['@kube-trigger/filters', cel],
  ['@kube-trigger/filters', debounce],
  ['@kube-trigger/filters', throttle],
  ['@kube-trigger/filters', window],
  ['@kube-trigger/filters', blackout],
  ['@kube-trigger/action-rollout', rollout],
  ['@kube-trigger/action-webhook', webhook],
  ['@kube-trigger/action-exec', exec],
];

export function bundledRegistry(): PluginRegistry {
  const registry = new PluginRegistry();
  for (const [packageName, plugin] of BUNDLED) registry.register(plugin, packageName);
  return registry;
}
