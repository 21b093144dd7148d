import { once } from 'node:events';
import { runDemo } from './demo.js';
import { humanPresenter, silentPresenter } from './presenter.js';

const KNOWN = new Set(['--json', '--keep', '--help']);
const USAGE = `usage: npm run demo -- [--json] [--keep]
  --json   print one JSON object instead of lines for people
  --keep   leave the cluster and the operator running until Ctrl-C, and print how kubectl reaches them
`;

const args = process.argv.slice(2);
const unknown = args.find((arg) => !KNOWN.has(arg));
if (unknown !== undefined) {
  process.stderr.write(`demo: ${unknown} is not an option\n${USAGE}`);
  process.exit(2);
}
if (args.includes('--help')) {
  process.stdout.write(USAGE);
  process.exit(0);
}

const json = args.includes('--json');
const presenter = json ? silentPresenter : humanPresenter(process.stdout);
const out = json ? process.stderr : process.stdout;
const ended = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => ended.abort(new Error(`ended by ${signal}`)));

const keep = async (kubeconfig: string) => {
  // Listeners of signals alone do not keep a process alive.
  const alive = setInterval(() => undefined, 60_000);
  out.write(`\nThe cluster and the operator are running; Ctrl-C ends both. For kubectl:\n\n`);
  out.write(`  export KUBECONFIG=${kubeconfig}\n  kubectl get triggerrules -A\n\n`);
  if (!ended.signal.aborted) await once(ended.signal, 'abort');
  clearInterval(alive);
};

try {
  const result = await runDemo({ presenter, signal: ended.signal, ...(args.includes('--keep') ? { keep } : {}) });
  if (json) process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
  else presenter.note(`\n${result.ok ? 'All steps held' : 'A step failed'}, ${(result.tookMs / 1000).toFixed(1)} s.`);
  process.exitCode = result.ok ? 0 : 1;
} catch (error) {
  if (!ended.signal.aborted) throw error;
  process.stderr.write(`demo: ${String(ended.signal.reason)}; the cluster and the operator are gone\n`);
  process.exitCode = 130;
}
