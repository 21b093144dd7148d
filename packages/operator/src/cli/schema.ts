import { Command } from 'commander';
import { ruleJsonSchema } from '../api/json-schema.js';
import { printJson } from './output.js';
import { allChosenPlugins, type PluginOptions, withPluginOptions } from './plugin-options.js';

/** `kube-trigger schema`: the JSON Schema of a TriggerRule, for editors. */
export function schemaCommand(): Command {
  return withPluginOptions(new Command('schema'))
    .description('Print the JSON Schema of a TriggerRule, with which editors complete and check.')
    .addHelpText(
      'after',
      `
Example:
  kube-trigger schema > trigger-rule.schema.json
and as the first line of a rule's file, for editors with yaml-language-server:
  # yaml-language-server: $schema=./trigger-rule.schema.json`,
    )
    .action(async (options: PluginOptions) => printJson(ruleJsonSchema(await allChosenPlugins(options))));
}
