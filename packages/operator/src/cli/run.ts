import { type Logger, MemoryCheckpointStore } from '@kube-trigger/core';
import type { KubeAuth } from '@kube-trigger/kube';
import { Command, InvalidArgumentError, Option } from 'commander';
import { createLogger, debugOnSignal, LOG_LEVELS, type LogLevel } from '../logger.js';
import { type OperatorOptions, startOperator } from '../operator.js';
import { FileCheckpointStore } from '../standalone/file-checkpoint-store.js';
import { fileFeed } from '../standalone/file-feed.js';
import { tracerFor } from '../telemetry/tracer.js';
import { asyncScheduler } from 'rxjs';
import { UsageError } from './exit-codes.js';
import { chooseAuth, type ClusterOptions } from './cluster-options.js';
import { chosenPlugins, type PluginOptions, withPluginOptions } from './plugin-options.js';

interface RunOptions extends ClusterOptions, PluginOptions {
  readonly namespace: readonly string[];
  readonly file: readonly string[];
  readonly checkpoint?: string;
  readonly dryRun?: boolean;
  readonly leaderElect: boolean;
  readonly operatorNamespace?: string;
  readonly leaseName?: string;
  readonly healthPort: number;
  readonly drainSeconds: number;
  readonly logLevel: LogLevel;
  readonly defaultServiceAccount?: string;
  readonly crossNamespaceRefs: boolean;
}

/** `kube-trigger run`: the controller, until SIGINT or SIGTERM; then it drains and exits 0. A second signal exits at once. */
export function runCommand(): Command {
  return withPluginOptions(new Command('run'))
    .description('Run the controller against a cluster, until SIGINT or SIGTERM.')
    .option(
      '--kubeconfig <file>',
      'use this kubeconfig (default: in a pod its service account, else $KUBECONFIG or ~/.kube/config)',
    )
    .option('--context <name>', 'use this context of the kubeconfig (default: its current one)')
    .option('--namespace <name>', 'look for TriggerRules in this namespace only; may be repeated', collect, [])
    .option(
      '-f, --file <path>',
      'take TriggerRules from this file or folder, not from the cluster; may be repeated',
      collect,
      [],
    )
    .option('--checkpoint <file>', 'with --file: where rules remember what they have seen')
    .option('--dry-run', 'say what would be done; write nothing, take no Lease')
    .option('--no-leader-elect', 'act at once, without a Lease; only when no other replica runs')
    .option(
      '--operator-namespace <name>',
      "namespace of the operator's own objects: its Lease, its digest key (default: the pod's or the context's, else default)",
    )
    .option('--lease-name <name>', 'name of the Lease (default: kube-trigger, with --file kube-trigger-standalone)')
    .option(
      '--default-service-account <name>',
      "rules that name no serviceAccountName watch and act as this one of their own namespace (default: the operator's)",
    )
    .option('--no-cross-namespace-refs', 'refuse rules that refer to another namespace than their own')
    .option(
      '--health-port <port>',
      'serve /healthz, /readyz and /metrics here; 0 takes any free port, -1 none',
      port,
      8080,
    )
    .option('--drain-seconds <seconds>', 'what running actions get to end at a stop', seconds, 10)
    .addOption(
      new Option('--log-level <level>', 'least severe level that is logged').choices(LOG_LEVELS).default('info'),
    )
    .addHelpText('after', '\nExample:\n  kube-trigger run --kubeconfig ~/.kube/config --namespace shop')
    .action(run);
}

async function run(options: RunOptions): Promise<void> {
  const auth = chooseAuth(options);
  const threshold = { level: options.logLevel };
  const logger = createLogger(threshold);
  debugOnSignal(threshold, logger);
  const tracer = await tracerFor(process.env);
  const own = await operatorNamespace(options, auth);
  const operator = await startOperator({
    ...(await standalone(options, (await auth.namespace()) ?? 'default', logger)),
    ...(options.dryRun === true ? { dryRun: (text) => void process.stdout.write(`${text}\n`) } : {}),
    auth,
    logger,
    registry: await chosenPlugins(options, logger),
    namespaces: options.namespace,
    drainMs: options.drainSeconds * 1000,
    tenancy: {
      ownNamespaceOnly: !options.crossNamespaceRefs,
      ...(options.defaultServiceAccount === undefined ? {} : { defaultServiceAccount: options.defaultServiceAccount }),
    },
    ...(tracer === undefined ? {} : { tracer }),
    ...(options.healthPort < 0 ? {} : { healthPort: options.healthPort }),
    ...(options.leaderElect ? { lease: { name: leaseName(options) } } : {}),
    operatorNamespace: own,
  });
  // One plugin's slip must not end the other rules. Nothing is lost by going on: what counts is in the checkpoint.
  for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
    process.on(event, (error: unknown) => operator.containFault(error));
  }
  const signal = await firstSignal();
  logger.info({ signal }, 'stopping');
  for (const again of ['SIGINT', 'SIGTERM'] as const) process.once(again, () => process.exit(1));
  await operator.stop();
  process.exit(0);
}

/** Who runs rules of files must not keep the operator of the cluster from leading. */
function leaseName({ leaseName: chosen, file }: RunOptions): string {
  return chosen ?? (file.length === 0 ? 'kube-trigger' : 'kube-trigger-standalone');
}

async function standalone(
  { file: paths, checkpoint, dryRun, namespace: looked }: RunOptions,
  namespace: string,
  logger: Logger,
): Promise<Pick<OperatorOptions, 'feed' | 'checkpoints'>> {
  if (paths.length === 0) {
    if (checkpoint !== undefined)
      throw new UsageError('--checkpoint goes with --file; rules of the cluster remember there');
    return {};
  }
  if (looked.length > 0) throw new UsageError('--namespace goes without --file; rules in files name theirs');
  if (checkpoint === undefined && dryRun !== true)
    throw new UsageError('--file needs --checkpoint FILE: without it every restart would start from a new baseline');
  const scheduler = asyncScheduler;
  const store =
    checkpoint === undefined
      ? undefined
      : await FileCheckpointStore.load({ file: checkpoint, scheduler, random: Math.random });
  try {
    const onRules = (uids: ReadonlySet<string>) => store?.retain(uids);
    const feed = await fileFeed({ paths, namespace, logger, scheduler, onRules });
    return { feed, checkpoints: store ?? new MemoryCheckpointStore() };
  } catch (thrown) {
    throw new UsageError(thrown instanceof Error ? thrown.message : String(thrown), { cause: thrown });
  }
}

async function operatorNamespace({ operatorNamespace: chosen }: RunOptions, auth: KubeAuth): Promise<string> {
  // Asked in any case: credentials that cannot be read end the command, instead of being tried for ever.
  const own = await auth.namespace();
  return chosen ?? own ?? 'default';
}

function firstSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, resolve);
  });
}

function collect(value: string, before: readonly string[]): string[] {
  return [...before, value];
}

function port(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < -1 || value > 65_535)
    throw new InvalidArgumentError('It must be a port, 0 or -1.');
  return value;
}

function seconds(text: string): number {
  const value = Number(text);
  if (!Number.isFinite(value) || value < 0)
    throw new InvalidArgumentError('It must be a number of seconds, 0 or more.');
  return value;
}
