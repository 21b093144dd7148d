// `npm run demo` and `npm test` on a machine that has only git, npm and some Node >= 18: installs with a pinned pnpm (a native
// binary, through npx), which brings Node 24 along, builds, and runs the rest under that Node. Plain JavaScript for old hosts.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PNPM } from './pnpm.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const bin = join(root, 'node_modules', '.bin');
const stamp = join(root, 'node_modules', '.bootstrap');
const [task, ...args] = process.argv.slice(2);

const TASKS = {
  install: () => undefined,
  demo: () => run('node', ['packages/demo/dist/main.js', ...args]),
  'kube-trigger': () => run('node', ['packages/operator/dist/main.js', ...args]),
  test: () => run('vitest', ['run', ...args]),
};

if (task === undefined || !(task in TASKS)) {
  say(`usage: node scripts/bootstrap.mjs ${Object.keys(TASKS).join('|')} [argument…]`);
  process.exit(2);
}
install();
step('build', () => run('tsc', ['-b']));
TASKS[task]();

function install() {
  const wanted = createHash('sha256')
    .update(PNPM)
    .update(readFileSync(join(root, 'pnpm-lock.yaml')))
    .digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;
  step('install dependencies and Node 24 (once, about a minute)', () => {
    // On Windows npx is a script, which only a shell runs.
    run('npx', ['-y', PNPM, 'install', '--frozen-lockfile'], {
      stdio: ['ignore', 2, 2],
      shell: process.platform === 'win32',
    });
  });
  writeFileSync(stamp, wanted);
}

function step(what, work) {
  const startedAt = Date.now();
  say(`${what} …`);
  work();
  say(`${what}: ${((Date.now() - startedAt) / 1000).toFixed(1)} s`);
}

/** Runs a command with the workspace's tools first on the PATH; its failure is ours. */
function run(command, commandArgs, options = {}) {
  const env = { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH}` };
  const result = spawnSync(command, commandArgs, { cwd: root, stdio: 'inherit', env, ...options });
  if (result.error) say(`${command}: ${result.error.message}`);
  if (result.signal) process.kill(process.pid, result.signal);
  if (result.status !== 0) process.exit(result.status ?? 1);
}

/** On standard error, so that a task's own output (`--json`) stays clean. */
function say(text) {
  process.stderr.write(`bootstrap: ${text}\n`);
}
