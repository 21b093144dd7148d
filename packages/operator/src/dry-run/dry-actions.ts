import type { Action, CompiledRule, RuleInstances, TriggerEvent } from '@kube-trigger/core';

/** The same instances, whose actions only say that they would run. Their checks go on: a target that is missing shows. */
export function dryActions(rule: CompiledRule, instances: RuleInstances, say: (text: string) => void): RuleInstances {
  const title = `${rule.identity.namespace}/${rule.identity.name}`;
  const actions = instances.actions.map((action, i): Action => {
    const name = rule.actions[i]?.name ?? '';
    return {
      ...(action.check === undefined ? {} : { check: action.check.bind(action) }),
      ...(action.idle === undefined ? {} : { idle: action.idle.bind(action) }),
      run: (config, { event }) => {
        say(`would run ${name} of ${title}${targetOf(config)}: ${subject(event)}`);
        return Promise.resolve({ outcome: 'unchanged', targets: [] });
      },
    };
  });
  return { ...instances, actions };
}

function targetOf(config: unknown): string {
  const { objectRef } = config as { objectRef?: { kind?: string; name?: string } };
  return objectRef?.kind === undefined ? '' : ` on ${objectRef.kind} ${objectRef.name ?? ''}`;
}

function subject({ key, change, changedKeys = [] }: TriggerEvent): string {
  return `${key} ${change}${changedKeys.length === 0 ? '' : ` (${changedKeys.join(', ')})`}`;
}
