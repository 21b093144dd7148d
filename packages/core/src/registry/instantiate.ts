import type { DependencyContainer } from 'tsyringe';
import { toTriggerError, TriggerError } from '../contract/errors.js';
import type { Action, Filter, Making, Plugin, Source } from '../contract/plugin.js';
import { EquipPluginToken } from '../contract/tokens.js';
import type { CompiledRule, RuleInstances } from '../rule/compiled-rule.js';
import { createInstance } from './create-instance.js';

/**
 * Makes one instance per item of the rule, each in a child of `parent`, so that it may inject whatever the embedding program
 * registered. Throws `KT_PLUGIN_FAULT`, naming the item, when one cannot be made; those before it are disposed of. `dispose` calls each
 * instance's `dispose()` where it has one, last made first: tsyringe's own disposal runs in parallel, in construction order, and would
 * reach into the parent's singletons.
 */
export function instantiate(rule: CompiledRule, parent: DependencyContainer): RuleInstances {
  const equip = parent.isRegistered(EquipPluginToken, true) ? parent.resolve(EquipPluginToken) : undefined;
  const made: unknown[] = [];
  const make = <T>({ name, plugin }: { name: string; plugin: Plugin & Making<T> }): T => {
    try {
      const container = parent.createChildContainer();
      equip?.(container, plugin);
      const instance = createInstance<T>(plugin, container);
      made.push(instance);
      return instance;
    } catch (thrown) {
      disposeAll(made).catch(() => undefined); // the failure that counts is thrown
      const cause = toTriggerError(thrown);
      throw new TriggerError('KT_PLUGIN_FAULT', `${name} cannot be made: ${cause.message}`, { cause, retry: 'never' });
    }
  };
  return {
    sources: rule.sources.map((item) => make<Source>(item)),
    filters: rule.filters.map((item) => make<Filter>(item)),
    actions: rule.actions.map((item) => make<Action>(item)),
    dispose: () => disposeAll(made),
  };
}

/** Goes on after failures and rejects with the first of them. */
async function disposeAll(made: readonly unknown[]): Promise<void> {
  const failures: unknown[] = [];
  for (const instance of made.toReversed()) {
    try {
      await (instance as { dispose?: () => unknown }).dispose?.();
    } catch (thrown) {
      failures.push(thrown);
    }
  }
  if (failures.length > 0) throw toTriggerError(failures[0]);
}
