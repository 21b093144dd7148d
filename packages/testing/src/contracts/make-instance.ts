import { createInstance, type Making } from '@kube-trigger/core';
import { container, type DependencyContainer } from 'tsyringe';

/** What a plugin is made from: its constructor's collaborators. */
export interface Collaborators {
  /** Registers what the plugin's constructor injects, as the host would. Called for each instance. */
  register(container: DependencyContainer): void;
}

/** An instance as the host makes it: in a fresh container of its own. */
export function makeInstance<T>(plugin: Making<T>, collaborators?: Collaborators): T {
  const child = container.createChildContainer();
  collaborators?.register(child);
  return createInstance(plugin, child);
}
