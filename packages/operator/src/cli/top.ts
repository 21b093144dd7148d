import { setTimeout } from 'node:timers/promises';
import { Command, InvalidArgumentError } from 'commander';
import { TRIGGER_RULE } from '../api/resources.js';
import type { Counters } from '../rules/trigger-rule.js';
import { coloured, type Output, outputOption, printAs, tableText } from './output.js';
import { onCluster, type RuleCommandOptions, type RuleObject, withCluster } from './rule-command.js';

interface TopOptions extends RuleCommandOptions {
  readonly allNamespaces?: boolean;
  readonly interval: number;
  readonly output: Output;
}

interface TopRow {
  readonly rule: string;
  readonly ready: string;
  readonly underWay: number;
  /** Events a minute since the look before; undefined at the first. */
  readonly perMinute: number | undefined;
  readonly counters: Counters;
  readonly deadLetters: number;
  readonly lastFired: string;
}

const NO_COUNTERS: Counters = { done: 0, unchanged: 0, failed: 0, dropped: 0 };
const HEAD = ['RULE', 'READY', 'QUEUE', 'EVENTS/MIN', 'DONE', 'UNCHANGED', 'DROPPED', 'FAILED', 'DEAD', 'LAST FIRED'];

/** `kube-trigger top`: all rules in a table that moves; printed once where the output is no terminal. */
export function topCommand(): Command {
  return withCluster(new Command('top'))
    .description('Watch all rules: rates, queues and failures.')
    .option('-A, --all-namespaces', 'the rules of all namespaces')
    .option('--interval <seconds>', 'between two looks', seconds, 2)
    .addOption(outputOption())
    .addHelpText('after', '\nCtrl-C or q ends it.\n\nExample:\n  kube-trigger top -A')
    .action((options: TopOptions) =>
      onCluster(options, (kube, own) => {
        const namespace = options.allNamespaces === true ? undefined : own;
        const look = () => kube.list<RuleObject>(TRIGGER_RULE, { namespace });
        return options.output === 'table' && process.stdout.isTTY ? live(look, options) : once(look, options);
      }),
    );
}

async function once(look: () => Promise<RuleObject[]>, { output }: TopOptions): Promise<void> {
  const rows = new TopTable().rows(await look(), Date.now());
  printAs(output, rows, () => process.stdout.write(tableText(HEAD, rows.map(cellsOf))));
}

/** On the alternate screen, so that the terminal is afterwards what it was. */
async function live(look: () => Promise<RuleObject[]>, { interval }: TopOptions): Promise<void> {
  const ended = new AbortController();
  const end = () => ended.abort();
  process.once('SIGINT', end);
  process.once('SIGTERM', end);
  process.stdin.setRawMode(true).on('data', (key) => ['q', '\u0003'].includes(String(key)) && end());
  process.stdout.write('\u001B[?1049h\u001B[?25l');
  const table = new TopTable();
  try {
    while (!ended.signal.aborted) {
      const rows = table.rows(await look(), Date.now());
      const lines = tableText(HEAD, rows.map(cellsOf))
        .split('\n')
        .slice(0, (process.stdout.rows ?? 25) - 1);
      const [head = '', ...rest] = lines.map((line) => line.slice(0, process.stdout.columns));
      const text = [coloured('bold', head), ...rest].map((line) => `${line}\u001B[K\n`).join('');
      process.stdout.write(`\u001B[H${text}\u001B[J`);
      await setTimeout(interval * 1000, undefined, { signal: ended.signal }).catch(() => undefined);
    }
  } finally {
    process.stdout.write('\u001B[?25h\u001B[?1049l');
    process.stdin.setRawMode(false).pause();
  }
}

/** Rates are told from two looks at the counters. Busiest first, then what is in trouble. */
export class TopTable {
  #before = new Map<string, { readonly events: number; readonly atMs: number }>();

  rows(rules: readonly RuleObject[], atMs: number): TopRow[] {
    const rows = rules.map((rule) => this.#row(rule, atMs));
    this.#before = new Map(rows.map(({ rule, counters }) => [rule, { events: sum(counters), atMs }]));
    const weight = ({ perMinute = 0, underWay, deadLetters }: TopRow) => perMinute * 1000 + underWay * 10 + deadLetters;
    return rows.toSorted((a, b) => weight(b) - weight(a) || (a.rule < b.rule ? -1 : 1));
  }

  #row({ metadata, status = {} }: RuleObject, atMs: number): TopRow {
    const rule = `${metadata.namespace}/${metadata.name}`;
    const counters = { ...NO_COUNTERS, ...status.counters };
    const before = this.#before.get(rule);
    const ready = status.conditions?.find(({ type }) => type === 'Ready');
    const minutes = before === undefined ? 0 : (atMs - before.atMs) / 60_000;
    return {
      rule,
      ready: ready === undefined ? 'Unknown' : ready.status === 'True' ? 'True' : ready.reason,
      underWay: status.underWay ?? 0,
      perMinute:
        before === undefined || minutes <= 0 ? undefined : Math.max(0, sum(counters) - before.events) / minutes,
      counters,
      deadLetters: status.deadLetters?.length ?? 0,
      lastFired: status.lastFired ?? '',
    };
  }
}

function cellsOf({ rule, ready, underWay, perMinute, counters, deadLetters, lastFired }: TopRow): string[] {
  const { done, unchanged, dropped, failed } = counters;
  const rate = perMinute === undefined ? '-' : perMinute.toFixed(perMinute < 10 ? 1 : 0);
  const counts = [done, unchanged, dropped, failed, deadLetters].map(String);
  return [rule, ready, String(underWay), rate, ...counts, lastFired === '' ? 'never' : lastFired];
}

function sum({ done, unchanged, failed, dropped }: Counters): number {
  return done + unchanged + failed + dropped;
}

function seconds(text: string): number {
  const value = Number(text);
  if (!(value >= 0.2)) throw new InvalidArgumentError('It must be a number of seconds, 0.2 or more.');
  return value;
}
