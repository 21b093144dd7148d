import type { Command } from 'commander';
import type { HistoryItem } from '../rules/trigger-rule.js';
import { type Output, outputOption, printAs, printTable } from './output.js';
import { onRule, ruleCommand, type RuleCommandOptions } from './rule-command.js';

interface HistoryOptions extends RuleCommandOptions {
  readonly output: Output;
}

/** `kube-trigger history RULE`: the last ten events, the latest first, from the rule's status. */
export function historyCommand(): Command {
  return ruleCommand('history', 'Show the last ten events of a rule and how they ended.')
    .addOption(outputOption())
    .addHelpText('after', '\nExample:\n  kube-trigger history web -n shop')
    .action((name: string, options: HistoryOptions) =>
      onRule(name, options, async (rule) => {
        const { status } = await rule.get();
        const history = status?.history ?? [];
        printAs(options.output, history, () => print(history));
      }),
    );
}

function print(history: readonly HistoryItem[]): void {
  if (history.length === 0) return void process.stdout.write('Nothing has fired yet.\n');
  const head = ['TIME', 'KEY', 'CHANGE', 'RESULT', 'TOOK', 'BECAUSE'];
  printTable(head, history.map(rowOf));
}

export function rowOf(item: HistoryItem): string[] {
  const { time, key, manualBy, result, tookSeconds, because } = item;
  const delay = item.gates?.map((gate) => `${gate.name}: ${gate.because}`).join('; ');
  return [
    time,
    key,
    changeOf(item),
    result,
    tookSeconds === undefined ? '' : `${tookSeconds} s`,
    because ?? delay ?? (manualBy === undefined ? '' : `asked by ${manualBy}`),
  ];
}

export function changeOf({ change, changedKeys = [], manualBy }: HistoryItem): string {
  if (manualBy !== undefined) return 'manual';
  return changedKeys.length === 0 ? change : `${change} (${changedKeys.join(', ')})`;
}
