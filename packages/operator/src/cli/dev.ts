import { Command, InvalidArgumentError } from 'commander';
import { UsageError } from './exit-codes.js';
import { type PluginOptions, withPluginOptions } from './plugin-options.js';
import { collected } from './rule-file-options.js';

/** What `runDev` of `@kube-trigger/dev` takes. */
export interface DevOptions {
  /** As `--plugin`: those that are a path are loaded again when they are saved. */
  readonly plugins: readonly string[];
  readonly directory: string;
  readonly disabledPlugins: readonly string[];
  /** Files and folders of manifests. */
  readonly files: readonly string[];
  /** 0 takes any free port; without it there is no inbox. */
  readonly inboxPort?: number;
  readonly out: NodeJS.WritableStream & { readonly isTTY?: boolean };
}

interface Options extends PluginOptions {
  readonly file: readonly string[];
  readonly inbox?: number;
}

/** A package of its own, so that no production image carries a test cluster: found where its author installed it, beside this one. */
const PACKAGE = '@kube-trigger/dev';

/** `kube-trigger dev`: an embedded cluster with the operator, for whoever writes a plugin or rules. */
export function devCommand(): Command {
  return withPluginOptions(new Command('dev'))
    .description(
      'Try plugins and rules on a cluster of their own; what is saved is loaded and applied again. Needs @kube-trigger/dev.',
    )
    .option(
      '-f, --file <path>',
      'apply the manifests of this file or folder, and again when they are saved; may be repeated',
      collected,
      [],
    )
    .option('--inbox <port>', 'serve HTTP here, show what is sent to it, and answer GET with what was sent last', port)
    .addHelpText('after', '\nExample:\n  kube-trigger dev --plugin ./src/index.ts -f example --inbox 8090')
    .action(dev);
}

async function dev({ plugin, pluginsDir, disabledPlugin, file, inbox }: Options): Promise<void> {
  const development = await loadDev();
  await development.runDev({
    plugins: plugin,
    directory: pluginsDir,
    disabledPlugins: disabledPlugin,
    files: file,
    ...(inbox === undefined ? {} : { inboxPort: inbox }),
    out: process.stdout,
  });
}

async function loadDev(): Promise<{ runDev(options: DevOptions): Promise<void> }> {
  try {
    return (await import(PACKAGE)) as { runDev(options: DevOptions): Promise<void> };
  } catch (thrown) {
    const { code, message } = thrown as NodeJS.ErrnoException;
    if (code !== 'ERR_MODULE_NOT_FOUND' || !message.includes(`'${PACKAGE}'`)) throw thrown;
    throw new UsageError(`dev needs the package ${PACKAGE}: npm install --save-dev ${PACKAGE}`, { cause: thrown });
  }
}

function port(text: string): number {
  const value = Number(text);
  if (text === '' || !Number.isInteger(value) || value < 0 || value > 65_535)
    throw new InvalidArgumentError('It must be a port, or 0 for any free one.');
  return value;
}
