import { Command, Option } from 'commander';
import { authorPolicy, type AuthorPolicyOptions } from '../api/author-policy.js';
import { type Output, outputOption, printJson, printYaml } from './output.js';
import { allChosenPlugins, type PluginOptions, withPluginOptions } from './plugin-options.js';

interface PolicyOptions extends PluginOptions, AuthorPolicyOptions {
  readonly output: Output;
}

/** `kube-trigger policy`: what keeps authors of rules from doing more by a rule than they may do themselves. */
export function policyCommand(): Command {
  return withPluginOptions(new Command('policy'))
    .description('Print a ValidatingAdmissionPolicy: a rule is admitted where its author may do what it does.')
    .option('--name <name>', 'of the policy and its binding', 'kube-trigger-authors')
    .option('--default-service-account <name>', 'what the operator was started with, if it was')
    .addOption(
      new Option('--action <action>', 'what becomes of a rule whose author may not do what it does')
        .choices(['Deny', 'Warn', 'Audit'])
        .default('Deny'),
    )
    .addOption(outputOption(['yaml', 'json']))
    .addHelpText('after', '\nFor Kubernetes 1.30 and later.\n\nExample:\n  kube-trigger policy | kubectl apply -f -')
    .action(async (options: PolicyOptions) => {
      const manifests = authorPolicy(await allChosenPlugins(options), options);
      if (options.output === 'json') printJson({ apiVersion: 'v1', kind: 'List', items: manifests });
      else printYaml(manifests);
    });
}
