import type { Plugin, PluginRegistry } from '@kube-trigger/core';
import { nearest } from '@kube-trigger/core';
import { Command } from 'commander';
import { optionsOf } from '../api/plugin-options.js';
import { UsageError } from './exit-codes.js';
import { coloured, type Output, outputOption, printAs, printTable } from './output.js';
import { allChosenPlugins, type PluginOptions, withPluginOptions } from './plugin-options.js';

interface Options extends PluginOptions {
  readonly output: Output;
}

/** `kube-trigger plugins list|describe NAME`: what rules may say. */
export function pluginsCommand(): Command {
  const list = withPluginOptions(new Command('list'))
    .description('List the installed plugins.')
    .addOption(outputOption())
    .addHelpText('after', '\nExample:\n  kube-trigger plugins list')
    .action(async (options: Options) => listAll(await allChosenPlugins(options), options.output));
  const describe = withPluginOptions(new Command('describe'))
    .description('Show the options, rights and error codes of a plugin.')
    .argument('<name>', 'as rules call it, e.g. configMap')
    .addOption(outputOption())
    .addHelpText('after', '\nExample:\n  kube-trigger plugins describe webhook')
    .action(async (name: string, options: Options) =>
      describeOne(name, await allChosenPlugins(options), options.output),
    );
  return new Command('plugins')
    .description('Tell which plugins there are and what they take.')
    .addCommand(list)
    .addCommand(describe);
}

function factsOf({ kind, name, summary, config, rbac, errors = {} }: Plugin) {
  return { kind, name, summary, options: optionsOf(config), rbac, errors };
}

function listAll(registry: PluginRegistry, output: Output): void {
  const facts = registry.all().map(({ kind, name, summary }) => ({ kind, name, summary }));
  printAs(output, facts, () =>
    printTable(
      ['KIND', 'NAME', 'SUMMARY'],
      facts.map(({ kind, name, summary }) => [kind, name, summary]),
    ),
  );
}

function describeOne(wanted: string, registry: PluginRegistry, output: Output): void {
  const found = registry.all().filter(({ name }) => name === wanted);
  if (found.length === 0) {
    const names = registry.all().map(({ name }) => name);
    const close = nearest(wanted, names);
    const hint = close === undefined ? `installed: ${names.toSorted().join(', ')}` : `did you mean "${close}"?`;
    throw new UsageError(`no plugin "${wanted}" is installed; ${hint}`);
  }
  const facts = found.map(factsOf);
  printAs(output, facts, () => facts.forEach(describeInWords));
}

function describeInWords({ kind, name, summary, options, rbac, errors }: ReturnType<typeof factsOf>): void {
  process.stdout.write(`${coloured('bold', `${kind} ${name}`)}: ${summary}\n\n`);
  printTable(
    ['OPTION', 'TYPE', 'DEFAULT', 'MEANING'],
    options.map((one) => [one.path, one.type, one.default, one.meaning]),
  );
  if (rbac.length > 0) process.stdout.write('\nRights:\n');
  for (const { apiGroups, resources, verbs } of rbac)
    process.stdout.write(
      `  ${verbs.join(', ')} ${resources.join(', ')}${apiGroups.join() && ` (${apiGroups.join(', ')})`}\n`,
    );
  if (Object.keys(errors).length > 0) process.stdout.write('\nError codes:\n');
  for (const [code, meaning] of Object.entries(errors)) process.stdout.write(`  ${code}: ${meaning}\n`);
}
