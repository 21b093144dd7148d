import { readFile } from 'node:fs/promises';
import type { EventExpectation } from '@kube-trigger/core';
import { Command } from 'commander';
import { evaluate, type Evaluation } from '../evaluate/evaluate.js';
import { recordedEvents } from '../evaluate/recorded-events.js';
import { createLogger } from '../logger.js';
import { type CheckedRule, checkRules } from '../rule-files/check-rules.js';
import { titleOf } from '../rule-files/manifests.js';
import { readYaml } from '../rule-files/yaml-text.js';
import { EXIT, Finished, UsageError } from './exit-codes.js';
import { coloured, type Output, outputOption, printAs } from './output.js';
import { allChosenPlugins, type PluginOptions, withPluginOptions } from './plugin-options.js';
import { contentsOf, type RuleFileOptions } from './rule-file-options.js';

interface EvalOptions extends RuleFileOptions, PluginOptions {
  readonly events: string;
  readonly rule?: string;
  readonly output: Output;
}

/** `kube-trigger eval RULE-FILE --events FILE`: unit tests for rules, without a cluster. */
export function evalCommand(): Command {
  return withPluginOptions(new Command('eval'))
    .description('Ask a rule about recorded events, without a cluster, and compare with what is expected.')
    .argument('<file>', 'the file with the TriggerRule; - is standard input')
    .requiredOption('--events <file>', 'the recorded events, a list in YAML or JSON')
    .option('--rule <name>', 'which rule, where the file has several')
    .option('-n, --namespace <name>', 'of rules that name none', 'default')
    .addOption(outputOption())
    .addHelpText(
      'after',
      `
An event has a key and, optionally, at, source, change, changedKeys, data, object and expect. The clock stands at the time of each event.
As in the operator, what passes begins together with what else changes: after the quiet of delivery.coalesce or of debounce by: rule.
expect is an outcome (Fires, Drop, Replaced, Waits, Error), or a map of outcome, gate, because (a part of it) and at.
Exit codes: 0 all is as expected, 1 something is not, 2 a file cannot be read or the usage is wrong.

Example:
  kube-trigger eval rule.yaml --events events.yaml`,
    )
    .action(run);
}

async function run(path: string, options: EvalOptions): Promise<void> {
  const { rule } = await theRule(path, options);
  const text = await readFile(options.events, 'utf8').catch((error: unknown) => {
    throw new UsageError(`--events ${options.events}: ${error instanceof Error ? error.message : String(error)}`);
  });
  const events = orUsage(`--events ${options.events}`, () => recordedEvents(readYaml(text), rule));
  const evaluations = await evaluate(rule, events, createLogger('silent'));
  const results = evaluations.map((evaluation, i) => ({
    ...evaluation,
    unexpected: compare(evaluation, events[i]?.expect),
  }));
  printAs(options.output, results, () => {
    for (const result of results) print(result);
  });
  if (results.some(({ unexpected }) => unexpected.length > 0)) throw new Finished(EXIT.failed);
}

async function theRule(path: string, options: EvalOptions): Promise<CheckedRule> {
  const registry = await allChosenPlugins(options);
  const { rules, findings } = checkRules(await contentsOf([path]), { registry, namespace: options.namespace });
  const [finding] = findings;
  if (finding !== undefined)
    throw new UsageError(`${finding.file}:${finding.line}: ${finding.path}: ${finding.message}`);
  const wanted = rules.filter(({ manifest }) => options.rule === undefined || manifest.name === options.rule);
  const [only, another] = wanted;
  const names = rules.map(({ manifest }) => titleOf(manifest)).join(', ') || 'none';
  if (only === undefined) throw new UsageError(`there is no such TriggerRule in ${path}; it has ${names}`);
  if (another !== undefined) throw new UsageError(`${path} has several rules (${names}); choose one with --rule`);
  return only;
}

function orUsage<T>(what: string, work: () => T): T {
  try {
    return work();
  } catch (thrown) {
    throw new UsageError(`${what}: ${thrown instanceof Error ? thrown.message : String(thrown)}`, { cause: thrown });
  }
}

/** What is not as expected, in words. */
function compare(found: Evaluation, expected: EventExpectation | undefined): string[] {
  if (expected === undefined) return [];
  const gates = found.asked.flatMap((asked) => asked.gates).filter(({ verdict }) => verdict !== 'Pass');
  const fitting = gates.filter(
    ({ gate, because = '' }) =>
      (expected.gate === undefined || gate === expected.gate) && because.includes(expected.because ?? ''),
  );
  const unexpected: string[] = [];
  if (found.outcome !== expected.outcome) unexpected.push(`expected ${expected.outcome}, it is ${found.outcome}`);
  if ((expected.gate ?? expected.because) !== undefined && fitting.length === 0) {
    const said = gates.map(({ gate, because = '' }) => `${gate}: ${because}`).join('; ') || 'nothing';
    unexpected.push(`expected ${expected.gate ?? 'a gate'} to say "${expected.because ?? ''}"; said was ${said}`);
  }
  if (expected.at !== undefined && Date.parse(expected.at) !== Date.parse(found.at))
    unexpected.push(`expected at ${expected.at}, it is at ${found.at}`);
  return unexpected;
}

const COLOUR = { Fires: 'green', Drop: 'yellow', Replaced: 'dim', Waits: 'yellow', Error: 'red' } as const;

function print({
  key,
  change,
  source,
  asked,
  outcome,
  at,
  actions,
  unexpected,
}: Evaluation & { unexpected: readonly string[] }): void {
  const out = (text: string) => process.stdout.write(`${text}\n`);
  out(coloured('bold', `${key} ${change} (${source})`));
  for (const { at: when, gates } of asked)
    for (const { gate, verdict, because = '', until } of gates)
      out(
        `  ${when}  ${verdict.padEnd(5)}  ${gate}${because && `: ${because}`}${until === undefined ? '' : ` (until ${until})`}`,
      );
  const what = actions.length === 0 ? '' : `: ${actions.join(', ')}`;
  out(`  ${at}  ${coloured(COLOUR[outcome], outcome)}${what}`);
  for (const line of unexpected) out(coloured('red', `  ✘ ${line}`));
}
