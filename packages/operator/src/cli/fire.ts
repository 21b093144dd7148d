import { randomUUID } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { nearest } from '@kube-trigger/core';
import { type Command, InvalidArgumentError } from 'commander';
import { FIRE_ANNOTATION } from '../api/resources.js';
import type { HistoryItem, RuleStatus } from '../rules/trigger-rule.js';
import { EXIT, Finished, UsageError } from './exit-codes.js';
import { onRule, ruleCommand, type RuleCommandOptions, type RuleOnCluster, whoAmI } from './rule-command.js';

interface FireOptions extends RuleCommandOptions {
  readonly source?: string;
  readonly key?: string;
  readonly wait?: number;
}

const POLL_MS = 500;

/** `kube-trigger fire RULE`: runs the actions now. Through an annotation, so that the operator's rights suffice and the audit log has it. */
export function fireCommand(): Command {
  return ruleCommand('fire', "Run a rule's actions now, whatever its sources and filters say.")
    .option('--source <name>', 'have the event name this source of the rule (default: manual)')
    .option('--key <key>', 'have the event name this key, e.g. ConfigMap/shop/app-config (default: manual)')
    .option('--wait <seconds>', 'wait so long for the end, and exit by how it ended', seconds)
    .addHelpText(
      'after',
      `
Each call is one run, also for actions that do nothing when nothing changed. It is in the rule's history with who asked.
Exit codes: 0 asked (with --wait: done), 1 it cannot be asked or was given up or not done in time, 2 wrong usage.

Examples:
  kube-trigger fire web -n shop
  kube-trigger fire web -n shop --wait 60`,
    )
    .action((name: string, options: FireOptions) => onRule(name, options, (rule) => fire(rule, options)));
}

async function fire(rule: RuleOnCluster, { source, key, wait }: FireOptions): Promise<void> {
  const { spec, status = {} } = await rule.get();
  refuse(rule.title, spec?.suspend === true, status);
  const known = (status.sources ?? []).map(({ name }) => name);
  if (source !== undefined && known.length > 0 && !known.includes(source)) {
    const close = nearest(source, known);
    const hint = close === undefined ? `there are ${known.join(', ')}` : `did you mean "${close}"?`;
    throw new UsageError(`--source ${source}: triggerrule ${rule.title} has no such source; ${hint}`);
  }
  const value = JSON.stringify({ id: randomUUID(), by: await whoAmI(rule.kube), source, key });
  await rule.patch({ metadata: { annotations: { [FIRE_ANNOTATION]: value } } });
  if (wait === undefined) {
    const { namespace, name } = rule.ref;
    process.stdout.write(`triggerrule ${rule.title}: asked; see kube-trigger history ${name} -n ${namespace}\n`);
    return;
  }
  const item = await ended(rule, value, wait);
  if (item === undefined)
    throw new Error(`triggerrule ${rule.title}: not done within ${wait} s; see kube-trigger explain`);
  process.stdout.write(
    `triggerrule ${rule.title}: ${item.result}${item.because === undefined ? '' : `: ${item.because}`}\n`,
  );
  if (item.result === 'Failed') throw new Finished(EXIT.failed);
}

function refuse(title: string, isSuspended: boolean, { conditions = [] }: RuleStatus): void {
  if (isSuspended)
    throw new Error(`triggerrule ${title} is suspended and would run it later; kube-trigger resume first`);
  const stalled = conditions.find(({ type, status }) => type === 'Stalled' && status === 'True');
  if (stalled !== undefined && stalled.reason !== 'DeadLetters')
    throw new Error(`triggerrule ${title} stands still (${stalled.reason}): ${stalled.message}`);
}

async function ended(rule: RuleOnCluster, value: string, wait: number): Promise<HistoryItem | undefined> {
  const deadline = Date.now() + wait * 1000;
  while (Date.now() < deadline) {
    const { status = {} } = await rule.get();
    if (status.handled?.fire === value) return status.history?.find(({ manualBy }) => manualBy !== undefined);
    await setTimeout(POLL_MS);
  }
  return undefined;
}

function seconds(text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new InvalidArgumentError('It must be a number of seconds above 0.');
  return value;
}
