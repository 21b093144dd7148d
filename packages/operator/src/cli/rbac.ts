import { Command, Option } from 'commander';
import { rbacManifests } from '../api/rbac-manifests.js';
import { type PluginRightsOptions, rightsForPlugins, rightsForRules } from '../api/rbac.js';
import { checkRules } from '../rule-files/check-rules.js';
import { UsageError } from './exit-codes.js';
import { type Output, outputOption, printJson, printYaml } from './output.js';
import { allChosenPlugins, type PluginOptions, withPluginOptions } from './plugin-options.js';
import { collected, contentsOf, type RuleFileOptions, withRuleFiles } from './rule-file-options.js';

interface RbacOptions extends RuleFileOptions, PluginOptions {
  readonly output: Output;
  readonly name: string;
  readonly operatorNamespace: string;
  readonly leaseName: string;
  readonly within: readonly string[];
  readonly impersonate: NonNullable<PluginRightsOptions['impersonate']>;
  readonly secrets: boolean;
}

/** `kube-trigger rbac [FILE…]`: the Roles that the operator needs, for all that plugins can do or for these rules alone. */
export function rbacCommand(): Command {
  return withPluginOptions(withRuleFiles(new Command('rbac'), '[file...]'))
    .description('Print the least Roles and bindings that the operator needs, for all rules or for those in files.')
    .option('--name <name>', 'of the Roles, the bindings and the service account', 'kube-trigger')
    .option('--operator-namespace <name>', 'where the operator runs', 'kube-trigger')
    .option('--lease-name <name>', 'of the Lease that replicas compete for', 'kube-trigger')
    .option('--within <namespace>', 'without files: Roles in this namespace only; may be repeated', collected, [])
    .addOption(
      new Option('--impersonate <when>', 'without files: whether rules act as service accounts')
        .choices(['never', 'optional', 'always'])
        .default('never'),
    )
    .option('--no-secrets', 'without files: withhold Secrets of users, whatever plugins could do with them')
    .addOption(outputOption(['yaml', 'json']))
    .addHelpText(
      'after',
      `
Without files the rights are those of all plugins, in a ClusterRole (or, with --within, in Roles).
With files they are narrowed to the namespaces and names in these rules; run the operator with --namespace for each of them.

Examples:
  kube-trigger rbac | kubectl apply -f -
  kube-trigger rbac rules/*.yaml --operator-namespace ops`,
    )
    .action(rbac);
}

async function rbac(paths: readonly string[], options: RbacOptions): Promise<void> {
  const { operatorNamespace, name } = options;
  const registry = await allChosenPlugins(options);
  if (paths.length === 0) {
    const { leaseName, within: namespaces, impersonate, secrets } = options;
    const rights = rightsForPlugins(registry.all(), { leaseName, namespaces, impersonate, secrets });
    return print(rbacManifests(rights, { name, operatorNamespace }), options.output, rights.notes);
  }
  if (options.within.length > 0 || options.impersonate !== 'never' || !options.secrets)
    throw new UsageError(
      '--within, --impersonate and --no-secrets are for rbac without files: rules say what they need',
    );
  const { rules, findings } = checkRules(await contentsOf(paths), { registry, namespace: options.namespace });
  const [first] = findings;
  if (first !== undefined)
    throw new Error(`${first.file}:${first.line}: ${first.path} ${first.message}; kube-trigger lint shows all`);
  if (rules.length === 0) throw new Error(`there is no TriggerRule in ${paths.join(', ')}`);
  const rights = rightsForRules(
    rules.map(({ rule }) => rule),
    { leaseName: options.leaseName },
  );
  const namespaces = [...new Set(rules.map(({ rule }) => rule.identity.namespace))].toSorted();
  const run = `Run the operator with ${namespaces.map((namespace) => `--namespace ${namespace}`).join(' ')}: it may look for rules there only.`;
  print(rbacManifests(rights, { name, operatorNamespace }), options.output, [run, ...rights.notes]);
}

function print(manifests: readonly object[], output: Output, notes: readonly string[]): void {
  if (output === 'json') printJson({ apiVersion: 'v1', kind: 'List', items: manifests });
  else printYaml(manifests, notes.join('\n'));
}
