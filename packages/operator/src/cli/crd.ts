import { Command } from 'commander';
import { stringify } from 'yaml';
import { definitions } from '../api/definitions.js';
import { allChosenPlugins, type PluginOptions, withPluginOptions } from './plugin-options.js';

/** `kube-trigger crd`: the CustomResourceDefinitions as YAML on standard output. */
export function crdCommand(): Command {
  return withPluginOptions(new Command('crd'))
    .description('Print the CustomResourceDefinitions for the installed plugins.')
    .addHelpText('after', '\nExample:\n  kube-trigger crd | kubectl apply -f -')
    .action(async (options: PluginOptions) => {
      const documents = definitions(await allChosenPlugins(options)).map((definition) =>
        // kubectl reads YAML 1.1, in which an unquoted `on` is a boolean.
        stringify(definition, { aliasDuplicateObjects: false, version: '1.1' }),
      );
      process.stdout.write(documents.join('---\n'));
    });
}
