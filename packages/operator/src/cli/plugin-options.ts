import type { Logger, PluginRegistry } from '@kube-trigger/core';
import type { Command } from 'commander';
import { bundledRegistry } from '../plugins/bundled.js';
import { loadPlugins } from '../plugins/load-plugins.js';
import { UsageError } from './exit-codes.js';
import { collected } from './rule-file-options.js';

export interface PluginOptions {
  readonly plugin: readonly string[];
  readonly pluginsDir: string;
  readonly disabledPlugin: readonly string[];
}

/** `--plugin`, `--plugins-dir` and `--config`, for every command that needs to know which plugins there are. */
export function withPluginOptions(command: Command): Command {
  return (
    command
      .option(
        '--plugin <package>',
        'use the plugins of this npm package, or of this folder or module (./path); may be repeated',
        collected,
        [],
      )
      .option(
        '--disabled-plugin <name>',
        'do without the plugin that rules call so, e.g. secret; may be repeated',
        collected,
        [],
      )
      .option('--plugins-dir <folder>', 'where --plugin looks: in its node_modules and those above', '.')
      // Taken apart by `withConfigFile` before commander sees what is in it.
      .option('--config <file>', 'read options from this YAML file; those of the command line come after them')
  );
}

/** The bundled plugins and those asked for. What cannot be used is left out, and logged. */
export async function chosenPlugins(options: PluginOptions, logger: Logger): Promise<PluginRegistry> {
  const registry = await load(options);
  for (const { origin, reason } of registry.refused)
    logger.error({ plugin: origin, reason }, 'a plugin was refused; rules that use it do not run');
  return registry;
}

/** The same for a command that prints what it makes of them: there a refused one is an error. */
export async function allChosenPlugins(options: PluginOptions): Promise<PluginRegistry> {
  const registry = await load(options);
  const refused = registry.refused.map(({ origin, reason }) => `plugin ${origin} was refused: ${reason}`);
  if (refused.length > 0) throw new Error(refused.join('\n'));
  return registry;
}

async function load({ plugin, pluginsDir, disabledPlugin }: PluginOptions): Promise<PluginRegistry> {
  const registry = bundledRegistry();
  await loadPlugins(registry, { plugins: plugin, directory: pluginsDir });
  for (const name of disabledPlugin) {
    const known = [...new Set(registry.all().map((each) => each.name))].toSorted().join(', ');
    if (!registry.disable(name))
      throw new UsageError(`--disabled-plugin ${name}: there is no such plugin; installed: ${known}`);
  }
  return registry;
}
