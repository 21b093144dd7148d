import { readFile } from 'node:fs/promises';
import type { TriggerEvent } from '@kube-trigger/core';
import type { KubeClient, KubeObject } from '@kube-trigger/kube';
import type { Command } from 'commander';
import { asyncScheduler } from 'rxjs';
import { parseAllDocuments } from 'yaml';
import { ClusterCheckpointStore } from '../checkpoint/cluster-checkpoint-store.js';
import type { GateAnswer } from '../explain/look-now.js';
import { standingGates } from '../explain/standing-gates.js';
import { type WhatIf, whatIf } from '../explain/what-if.js';
import { withObject } from '../explain/with-object.js';
import { createLogger } from '../logger.js';
import type { ActionStatus, HistoryItem, PendingItem } from '../rules/trigger-rule.js';
import { EXIT, Finished, UsageError } from './exit-codes.js';
import { rowOf } from './history.js';
import { coloured, type Output, outputOption, printAs, printTable } from './output.js';
import { allChosenPlugins, type PluginOptions, withPluginOptions } from './plugin-options.js';
import { onRule, ruleCommand, type RuleCommandOptions, type RuleOnCluster } from './rule-command.js';

interface ExplainOptions extends RuleCommandOptions, PluginOptions {
  readonly event?: string;
  readonly operatorNamespace: string;
  readonly output: Output;
}

type TargetAnswer = { readonly action: string } & NonNullable<ActionStatus['targets']>[number];

interface Explanation {
  readonly rule: string;
  readonly gates: readonly GateAnswer[];
  readonly underWay: readonly PendingItem[];
  readonly targets: readonly TargetAnswer[];
  readonly history: readonly HistoryItem[];
  readonly now: WhatIf | { readonly cannotTell: string };
}

/** `kube-trigger explain RULE`: why it did or did not fire, and what it would do now. Reads the API server only. */
export function explainCommand(): Command {
  return withPluginOptions(ruleCommand('explain', 'Say why a rule did or did not fire, and what it would do now.'))
    .option(
      '--event <file>',
      'ask about this: an event {key, change, changedKeys}, or an object as if it were applied now',
    )
    .option('--operator-namespace <name>', 'where the key for digests of Secrets is', 'default')
    .addOption(outputOption())
    .addHelpText(
      'after',
      `
What is past comes from the rule's status. What would be now is asked of the rule's own plugins, here and with your rights; nothing is
written or acted on. Exit codes: 0 all was told, 1 the rule or one of its sources cannot be asked here, or there is no such rule, 2 the usage
is wrong.

Examples:
  kube-trigger explain web -n shop
  kube-trigger explain web -n shop --event changed-configmap.yaml
  kube-trigger explain web -n shop --event event.yaml   # {key: ConfigMap/shop/app, change: updated, changedKeys: [app.conf]}`,
    )
    .action((name: string, options: ExplainOptions) => onRule(name, options, (rule) => explain(rule, options)));
}

async function explain(rule: RuleOnCluster, options: ExplainOptions): Promise<void> {
  const object = await rule.get();
  const asked = options.event === undefined ? {} : await readAsked(options.event, rule.ref.namespace ?? 'default');
  const { status = {} } = object;
  const explanation: Explanation = {
    rule: rule.title,
    gates: standingGates(object),
    underWay: status.pending ?? [],
    targets: (status.actions ?? []).flatMap(({ name: action, targets = [] }) =>
      targets.map((target) => ({ action, ...target })),
    ),
    history: status.history ?? [],
    now: await present(rule, { object, asked, options }),
  };
  printAs(options.output, explanation, () => print(explanation));
  if (!isWhole(explanation.now)) throw new Finished(EXIT.failed);
}

/** Whether all that was asked could be told. */
function isWhole(now: Explanation['now']): boolean {
  return !('cannotTell' in now) && now.sources.every(({ state }) => state === 'Synced');
}

interface Asked {
  readonly events?: readonly Partial<TriggerEvent>[];
  readonly object?: KubeObject & { readonly apiVersion: string; readonly kind: string };
}

async function present(
  { kube, ref }: RuleOnCluster,
  { object, asked, options }: { object: KubeObject & { spec?: unknown }; asked: Asked; options: ExplainOptions },
): Promise<Explanation['now']> {
  const { namespace = '', name } = ref;
  const logger = createLogger('silent');
  const checkpoints = new ClusterCheckpointStore({
    kube,
    scheduler: asyncScheduler,
    random: Math.random,
    writer: 'explain',
  });
  try {
    return await whatIf({
      rule: { namespace, name, uid: object.metadata.uid ?? '', spec: object.spec },
      kube: asked.object === undefined ? kube : await seeing(kube, asked.object),
      registry: await allChosenPlugins(options),
      checkpoints,
      logger,
      operatorNamespace: options.operatorNamespace,
      events: asked.events,
    });
  } catch (thrown) {
    return { cannotTell: thrown instanceof Error ? thrown.message : String(thrown) };
  }
}

async function seeing(kube: KubeClient, object: NonNullable<Asked['object']>): Promise<KubeClient> {
  return withObject(kube, await kube.resourceFor(object), object);
}

async function readAsked(file: string, namespace: string): Promise<Asked> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw new UsageError(`--event ${file}: ${error instanceof Error ? error.message : String(error)}`);
  });
  const documents = parseAllDocuments(text).map((document) => {
    const [error] = document.errors;
    if (error !== undefined) throw new UsageError(`--event ${file}: ${error.message}`);
    return document.toJS() as unknown;
  });
  const items = documents.flatMap((item) => item ?? []) as (Record<string, unknown> & KubeObject)[];
  const [first] = items;
  if (items.length === 1 && typeof first?.['kind'] === 'string' && typeof first['apiVersion'] === 'string') {
    const { kind, apiVersion } = first;
    return { object: { ...first, kind, apiVersion, metadata: { namespace, ...first.metadata } } };
  }
  const isEvent = (item: Record<string, unknown>) => typeof item === 'object' && typeof item['key'] === 'string';
  if (items.length === 0 || !items.every(isEvent))
    throw new UsageError(`--event ${file}: it must be one object with apiVersion and kind, or events with a key`);
  return { events: items as readonly Partial<TriggerEvent>[] };
}

const COLOUR = { Pass: 'green', Stop: 'red', Error: 'red', Drop: 'yellow', Defer: 'yellow' } as const;

function print({ rule, gates, underWay, targets, history, now }: Explanation): void {
  const out = (text: string) => process.stdout.write(`${text}\n`);
  const gateLine = ({ gate, verdict, because = '', until }: GateAnswer) =>
    `  ${coloured(COLOUR[verdict], verdict.padEnd(5))}  ${gate}${because === '' ? '' : `: ${because}`}${until === undefined ? '' : ` (until ${until})`}`;
  out(coloured('bold', `triggerrule ${rule}`));
  for (const gate of gates) out(gateLine(gate));
  out(coloured('bold', '\nUnder way'));
  if (underWay.length === 0) out('  nothing');
  for (const { key, state, by = '', because = '', since, until = '' } of underWay)
    out(
      `  ${key}: ${state} since ${since}${by === '' ? '' : ` by ${by}`}${because === '' ? '' : `: ${because}`}${until === '' ? '' : ` (until ${until})`}`,
    );
  out(coloured('bold', '\nTargets'));
  if (targets.length === 0) out('  none yet');
  else
    printTable(
      ['TIME', 'ACTION', 'TARGET', 'RESULT', 'BECAUSE'],
      targets.map(({ time, action, target, result, message = '' }) => [time, action, target, result, message]),
    );
  out(coloured('bold', '\nLast events'));
  if (history.length === 0) out('  none');
  else printTable(['TIME', 'KEY', 'CHANGE', 'RESULT', 'TOOK', 'BECAUSE'], history.map(rowOf));
  out(coloured('bold', '\nNow'));
  if ('cannotTell' in now) return void out(`  cannot tell: ${now.cannotTell}`);
  for (const { name, state, because } of now.sources)
    if (state !== 'Synced') out(`  ${coloured('red', 'Error')}  ${name}: ${because ?? 'said nothing in time'}`);
  if (now.events.length === 0)
    out(
      isWhole(now)
        ? '  every revision is settled: nothing differs from what was dealt with last'
        : '  cannot tell whether anything differs from what was dealt with last',
    );
  for (const { key, change, changedKeys = [], gates: asked, begun, wouldFire } of now.events) {
    const verdict = begun ? 'its delivery began already' : wouldFire ? 'would fire' : 'would not fire now';
    out(`  ${key} ${change}${changedKeys.length === 0 ? '' : ` (${changedKeys.join(', ')})`}: ${verdict}`);
    for (const gate of asked) out(`  ${gateLine(gate)}`);
  }
  for (const gate of now.actions) out(gateLine(gate));
}
