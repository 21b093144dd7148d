import { writeFileSync } from 'node:fs';
import { Command, Option } from 'commander';
import { SCENARIOS } from './scenarios/index.js';
import { readBaseline, regressions } from './suite/baseline.js';
import { runScenarios } from './suite/run.js';
import type { Scenario } from './suite/scenario.js';
import { markdownTable, resultText } from './suite/table.js';

interface BenchOptions {
  readonly cluster: 'embedded' | 'real';
  readonly quick?: boolean;
  readonly check?: boolean;
  readonly against?: string;
  readonly json?: boolean;
  readonly markdown?: string;
}

const list = SCENARIOS.map(({ id, title }) => `  ${id.padEnd(4)} ${title}`).join('\n');
const command = new Command('bench')
  .description('Measures how fast and how small a controller is. Without names, all scenarios.')
  .argument('[scenarios...]', 'which, such as B1 B7')
  .addOption(
    new Option('--cluster <which>', 'API server; real needs KUBEBUILDER_ASSETS')
      .choices(['embedded', 'real'])
      .default((process.env['KUBEBUILDER_ASSETS'] ?? '') === '' ? 'embedded' : 'real'),
  )
  .option('--quick', 'a short form with smaller numbers')
  .option(
    '--check',
    'exit with 1 when a figure is worse than bench/baseline.json allows; goes with --quick. Without names, what it bounds',
  )
  .option(
    '--against <command>',
    "measure this controller instead, a shell's command that finds its cluster by KUBECONFIG",
  )
  .option('--json', 'print one JSON object instead of lines for people')
  .option('--markdown <file>', 'also write the figures as a table there')
  .addHelpText(
    'after',
    `\nScenarios:\n${list}\n\nExample:\n  pnpm bench B1 B2 --against 'reloader --namespaces-to-ignore=kube-system'`,
  )
  .showHelpAfterError('(--help lists the options)')
  // 1 means that something is worse than the baseline allows.
  .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2));

// Controllers are process groups of their own, which a Ctrl-C does not reach: they end with this process.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));

/** pnpm hands a `--` on that people write before the options of a script. */
const args = process.argv.slice(2);
command.parse(args[0] === '--' ? args.slice(1) : args, { from: 'user' });
const { json = false, check = false, quick = false, markdown, cluster, against } = command.opts<BenchOptions>();

try {
  const baseline = readBaseline();
  const chosen = choose(check && command.args.length === 0 ? Object.keys(baseline) : command.args, quick);
  if (check && !quick) throw new RangeError('--check goes with --quick: the baseline is of the short form');
  if (check && against !== undefined) throw new RangeError('--check is for kube-trigger; leave it out with --against');
  if (cluster === 'real' && (process.env['KUBEBUILDER_ASSETS'] ?? '') === '')
    throw new RangeError('--cluster real needs KUBEBUILDER_ASSETS: the folder with etcd and kube-apiserver');
  if (markdown !== undefined) mustBeWritable(markdown);
  const report = await runScenarios(chosen, {
    cluster,
    quick,
    against,
    ...(json ? {} : { onResult: (result) => console.log(resultText(result)) }),
    onProgress: (text) => process.stderr.write(`… ${text}\n`),
  });
  if (markdown !== undefined) writeFileSync(markdown, `${markdownTable(report)}\n`);
  const worse = check ? regressions(report, baseline) : [];
  for (const line of worse) process.stderr.write(`worse than the baseline allows: ${line}\n`);
  end(worse.length === 0 ? 0 : 1, json ? `${JSON.stringify(report, null, 2)}\n` : '');
} catch (error) {
  console.error(error instanceof RangeError ? `bench: ${error.message}` : error);
  process.exit(2);
}

/** Before twenty minutes are spent on what is to be written there. */
function mustBeWritable(file: string): void {
  try {
    writeFileSync(file, '', { flag: 'a' });
  } catch (error) {
    throw new RangeError(`--markdown: ${(error as Error).message}`);
  }
}

function choose(names: readonly string[], short: boolean): Scenario[] {
  const wanted = names.map((name) => {
    const found = SCENARIOS.find(({ id }) => id.toLowerCase() === name.toLowerCase());
    if (found === undefined) throw new RangeError(`${name} is none of ${SCENARIOS.map(({ id }) => id).join(', ')}`);
    if (short && found.notQuick !== undefined) throw new RangeError(`${found.id} has no short form: ${found.notQuick}`);
    return found;
  });
  if (wanted.length > 0) return wanted;
  return SCENARIOS.filter(({ notQuick }) => !short || notQuick === undefined);
}

/** Ends at once when the text is out: see main.ts. */
function end(code: number, text: string): void {
  process.stdout.write(text, () => process.exit(code));
}
