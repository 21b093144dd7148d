import { Command, InvalidArgumentError, Option } from 'commander';
import { FAULTS, type FaultName } from './disturbances.js';
import { summary, TABLE_HEAD, tableLine } from './report.js';
import type { Sample } from './sampler.js';
import { checkOptions, soak, type SoakOptions } from './soak.js';

const command = new Command('soak')
  .description('Changes sources while operators are killed and networks fail, and says what was lost or done twice.')
  .option('--minutes <n>', 'how long changes are made', number, 3)
  .addOption(new Option('--cluster <which>', 'API server').choices(['embedded', 'real']).default('embedded'))
  .option('--rules <n>', 'sources, each with a rule and a Deployment of its own', whole, 10)
  .option('--webhooks <n>', 'further sources, each with a rule that calls a URL', wholeOrNone, 5)
  .option('--replicas <n>', 'operators; more than one compete for a lease', whole, 1)
  .option('--write-every <ms>', 'mean time between two changes, over all rules', number, 250)
  .option('--kill-every <seconds>', 'kill -9 the leader and start it again; 0: never', number, 10)
  .option('--restart-apiserver-every <seconds>', '0: never', number, 0)
  .option('--faults <list>', `one after the other, of ${FAULTS.join(',')}`, faultList, [])
  .option('--churn <n>', 'ConfigMaps a minute that come and go under a rule of their own', wholeOrNone, 0)
  .option('--fault-every <seconds>', 'from the end of one fault to the next', number, 20)
  .option('--sample-every <seconds>', 'one line of the table', number, 10)
  .option('--seed <n>', 'for the order of changes', whole, Date.now() % 1_000_000_000)
  .option('--json', 'print one JSON object instead of lines for people')
  .addHelpText('after', '\nExample:\n  pnpm soak --minutes 60 --replicas 2 --faults freeze,rst,fin,429,500')
  .showHelpAfterError('(--help lists the options)')
  // 1 means that something was lost or done twice.
  .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2));

/** pnpm hands a `--` on that people write before the options of a script. */
const args = process.argv.slice(2);
command.parse(args[0] === '--' ? args.slice(1) : args, { from: 'user' });
const { json = false, ...options } = command.opts<SoakOptions & { readonly json?: boolean }>();
const writeEveryMs = command.opts<{ readonly writeEvery: number }>().writeEvery;

try {
  checkOptions({ ...options, writeEveryMs });
  if (!json) console.log(TABLE_HEAD);
  const onSample = (sample: Sample) => console.log(tableLine(sample));
  const report = await soak({ ...options, writeEveryMs, ...(json ? {} : { onSample }) });
  end(report.ok ? 0 : 1, json ? `${JSON.stringify(report, null, 2)}\n` : `${summary(report)}\n`);
} catch (error) {
  console.error(error instanceof RangeError ? `soak: ${error.message}` : error);
  process.exit(2);
}

/**
 * Ends at once when the text is out. Left to itself, Node 24 may spin for ever after the last `exit` handler, waiting for requests on
 * sockets that were cut.
 */
function end(code: number, text: string): void {
  process.stdout.write(text, () => process.exit(code));
}

function number(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value) || value < 0)
    throw new InvalidArgumentError('It must be a number, 0 or more.');
  return value;
}

function whole(text: string): number {
  const value = number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('It must be a whole number, 1 or more.');
  return value;
}

function wholeOrNone(text: string): number {
  return number(text) === 0 ? 0 : whole(text);
}

function faultList(text: string): FaultName[] {
  const names = text.split(',').filter((name) => name !== '');
  const unknown = names.find((name) => !FAULTS.some((fault) => fault === name));
  if (unknown !== undefined) throw new InvalidArgumentError(`${unknown} is none of ${FAULTS.join(', ')}.`);
  return names as FaultName[];
}
