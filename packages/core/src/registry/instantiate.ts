import type { DependencyContainer } from 'tsyringe';
import { toTriggerError } from '../contract/errors.js';
import type { Action, Filter, PluginClass, Source } from '../contract/plugin.js';
import type { CompiledRule, RuleInstances } from '../rule/compiled-rule.js';

/**
 * Makes one instance per item of the rule, in a child of `parent`, so that constructors may inject whatever the embedding program
 * registered. `dispose` calls each instance's `dispose()` where it has one, last made first: tsyringe's own disposal runs in parallel,
 * in construction order, and would reach into the parent's singletons.
 */
export function instantiate(rule: CompiledRule, parent: DependencyContainer): RuleInstances {
  const container = parent.createChildContainer();
  const made: unknown[] = [];
  const make = <T>(item: { plugin: { useClass: PluginClass<T> } }): T => {
    const instance = container.resolve<T>(item.plugin.useClass as new (...args: unknown[]) => T);
    made.push(instance);
    return instance;
  };
  return {
    sources: rule.sources.map((item) => make<Source>(item)),
    filters: rule.filters.map((item) => make<Filter>(item)),
    actions: rule.actions.map((item) => make<Action>(item)),
    async dispose() {
      const failures: unknown[] = [];
      for (const instance of made.toReversed()) {
        try {
          await (instance as { dispose?: () => unknown }).dispose?.();
        } catch (thrown) {
          failures.push(thrown);
        }
      }
      if (failures.length > 0) throw toTriggerError(failures[0]);
    },
  };
}
