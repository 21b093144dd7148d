import type { Command } from 'commander';
import { RETRY_ANNOTATION } from '../api/resources.js';
import { onRule, ruleCommand, type RuleCommandOptions } from './rule-command.js';

/** `kube-trigger retry RULE`: sets an annotation that the operator acts on. */
export function retryCommand(): Command {
  return ruleCommand('retry', 'Deliver again what a rule gave up (status.deadLetters).')
    .addHelpText('after', '\nExample:\n  kube-trigger retry web -n shop')
    .action((name: string, options: RuleCommandOptions) =>
      onRule(name, options, async (rule) => {
        await rule.patch({ metadata: { annotations: { [RETRY_ANNOTATION]: new Date().toISOString() } } });
        process.stdout.write(
          `triggerrule ${rule.title}: asked; see kube-trigger history ${name} -n ${rule.ref.namespace}\n`,
        );
      }),
    );
}
