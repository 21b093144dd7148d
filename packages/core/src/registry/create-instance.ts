import type { DependencyContainer, InjectionToken } from 'tsyringe';
import type { Inject, Making } from '../contract/plugin.js';

/** Makes one instance of a plugin out of what `container` has. */
export function createInstance<T>(plugin: Making<T>, container: DependencyContainer): T {
  if (plugin.create !== undefined) return plugin.create(injectFrom(container));
  return container.resolve<T>(plugin.useClass as new (...args: unknown[]) => T);
}

function injectFrom(container: DependencyContainer): Inject {
  const inject = <T>(token: InjectionToken<T>): T => container.resolve(token);
  const optional = <T>(token: InjectionToken<T>): T | undefined =>
    container.isRegistered(token, true) ? container.resolve(token) : undefined;
  return Object.assign(inject, { optional });
}
