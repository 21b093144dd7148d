import type { Command } from 'commander';
import { RESUME_ANNOTATION } from '../api/resources.js';
import { onRule, ruleCommand, type RuleCommandOptions } from './rule-command.js';

/** `kube-trigger suspend RULE` and `kube-trigger resume RULE`. */
export function suspendCommands(): Command[] {
  const suspend = ruleCommand('suspend', 'Have a rule do nothing until it is resumed (spec.suspend: true).')
    .addHelpText(
      'after',
      `
What changes meanwhile is found and acted on once after resume. Where Git owns the rule, set spec.suspend there: else it is undone.

Example:
  kube-trigger suspend web -n shop`,
    )
    .action((name: string, options: RuleCommandOptions) =>
      onRule(name, options, async (rule) => {
        await rule.patch({ spec: { suspend: true } });
        process.stdout.write(`triggerrule ${rule.title}: suspended\n`);
      }),
    );
  const resume = ruleCommand('resume', 'Let a rule act again: after suspend, or after its breaker tripped.')
    .addHelpText('after', '\nExample:\n  kube-trigger resume web -n shop')
    .action((name: string, options: RuleCommandOptions) =>
      onRule(name, options, async (rule) => {
        const annotations = { [RESUME_ANNOTATION]: new Date().toISOString() };
        await rule.patch({ metadata: { annotations }, spec: { suspend: false } });
        process.stdout.write(`triggerrule ${rule.title}: resumed\n`);
      }),
    );
  return [suspend, resume];
}
