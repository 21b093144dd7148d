/** The operator's process: a plugin cannot be loaded twice in one, so each save gets a new one. */
import 'reflect-metadata';
import { WebhookNetworkToken } from '@kube-trigger/action-webhook';
import { staticAuth } from '@kube-trigger/kube';
import {
  BUNDLED,
  bundledRegistry,
  definitions,
  loadPlugins,
  type Operator,
  type OperatorOptions,
  startOperator,
} from '@kube-trigger/operator';
import { container as rootContainer } from 'tsyringe';
import { narrate, narratingLogger } from './narrate.js';
import type { FromOperator, Line, LoadPlugins, ToOperator } from './protocol.js';

let loaded: OperatorOptions | undefined;
let operator: Operator | undefined;

// A terminal sends Ctrl-C to both: this one goes when it is told to, or when there is nobody to tell it.
process.on('SIGINT', () => undefined);
process.on('disconnect', () => process.exit(0));
process.on('message', (message: ToOperator) => void obey(message));
for (const event of ['uncaughtException', 'unhandledRejection'] as const)
  process.on(event, (error: unknown) => operator?.containFault(error));

async function obey(message: ToOperator): Promise<void> {
  if (message.type === 'load') return load(message);
  if (message.type === 'start' && loaded !== undefined) operator = await startOperator(loaded);
  if (message.type !== 'stop') return;
  await operator?.stop();
  process.disconnect();
}

async function load({ server, token, plugins, directory, disabledPlugins }: LoadPlugins): Promise<void> {
  const registry = bundledRegistry();
  await loadPlugins(registry, { plugins, directory });
  const reasons = registry.refused.map(({ origin, reason }) => `${origin}: ${reason}`);
  for (const name of disabledPlugins) if (!registry.disable(name)) reasons.push(`${name}: there is no such plugin`);
  if (reasons.length > 0) return tell({ type: 'refused', reasons });
  const bundled = new Set(BUNDLED.map(([, plugin]) => plugin));
  const own = registry.all().filter((plugin) => !bundled.has(plugin));
  const container = rootContainer.createChildContainer();
  // Receivers under development run beside it.
  container.register(WebhookNetworkToken, { useValue: { allowLoopback: true } });
  loaded = {
    auth: staticAuth({ server, token }),
    registry,
    container,
    logger: narratingLogger(say),
    tracer: {
      report: (rule, report) => narrate(rule, report).forEach(say),
      shutdown: () => Promise.resolve(),
    },
  };
  tell({
    type: 'loaded',
    plugins: own.map(({ kind, name }) => `${kind} ${name}`),
    definitions: definitions(registry),
  });
}

function say(line: Line): void {
  tell({ type: 'said', line });
}

function tell(message: FromOperator): void {
  if (process.connected) process.send?.(message);
}
