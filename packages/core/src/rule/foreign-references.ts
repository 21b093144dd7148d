import { toTriggerError } from '../contract/errors.js';
import type { ConfiguredRbacRule } from '../contract/plugin.js';
import type { RuleIssue } from './validate-config.js';

/** One item of a rule, as far as it matters where it reaches. */
export interface ReachingItem {
  readonly plugin: { readonly rbacFor?: ((config: never) => readonly ConfiguredRbacRule[]) | undefined };
  readonly config: unknown;
  /** Of the config, from the object's root. */
  readonly path: string;
}

/**
 * Where an item reaches out of `namespace`. A plugin's `rbacFor` says which namespaces a config is about; of a plugin without one every field
 * called `namespace` is taken for a reference, at any depth.
 */
export function foreignReferences(namespace: string, items: readonly ReachingItem[]): RuleIssue[] {
  return items.flatMap((item) => {
    try {
      return foreignIn(namespace, item);
    } catch (thrown) {
      // The rule must not run unchecked.
      return [
        { path: item.path, message: `the plugin cannot say what this refers to: ${toTriggerError(thrown).message}` },
      ];
    }
  });
}

function foreignIn(own: string, { plugin, config, path }: ReachingItem): RuleIssue[] {
  const named = [...namespacesIn(config, path)];
  const meant =
    plugin.rbacFor === undefined
      ? named.map(({ value }) => value)
      : plugin.rbacFor(config as never).flatMap((rule) => rule.namespace ?? []);
  const foreign = [...new Set(meant)].filter((namespace) => namespace !== own);
  return foreign.map((namespace) => {
    const what = namespace === '' ? 'the whole cluster' : `namespace "${namespace}"`;
    return {
      path: named.find(({ value }) => value === namespace)?.path ?? path,
      message: `refers to ${what}; this operator allows the rule's own namespace only ("${own}")`,
    };
  });
}

function* namespacesIn(config: unknown, path: string): Generator<{ path: string; value: string }> {
  if (typeof config !== 'object' || config === null) return;
  for (const [key, inner] of Object.entries(config)) {
    const here = Array.isArray(config) ? `${path}[${key}]` : `${path}.${key}`;
    if (key === 'namespace' && typeof inner === 'string') yield { path: here, value: inner };
    else yield* namespacesIn(inner, here);
  }
}
