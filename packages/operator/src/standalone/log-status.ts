import type { Logger } from '@kube-trigger/core';
import type { StatusSink } from '../rules/managed-rule.js';
import type { RuleStatus } from '../rules/trigger-rule.js';

/** The status of a rule that is no object on a cluster: a line for each change of its conditions. */
export function logStatus(logger: Logger, rule: { readonly namespace: string; readonly name: string }): StatusSink {
  let said = '';
  return {
    put: (status) => {
      const { conditions = [] } = status();
      const facts = Object.fromEntries(conditions.map((c) => [c.type.toLowerCase(), `${c.status} ${c.reason}`]));
      const ready = conditions.find(({ type }) => type === 'Ready');
      const text = JSON.stringify([facts, ready?.message]);
      if (text === said) return;
      said = text;
      logger.info(
        { rule: `${rule.namespace}/${rule.name}`, ...facts, message: messageOf({ conditions }) },
        'rule status',
      );
    },
    close: () => Promise.resolve(),
  };
}

function messageOf({ conditions = [] }: RuleStatus): string | undefined {
  return conditions.find(({ type }) => type === 'Ready')?.message;
}
