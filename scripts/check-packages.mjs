// `node scripts/check-packages.mjs [folder…]`: every package (or those of these folders) that is not private can be published as it is. Each is packed as pnpm publishes it (no
// `workspace:` or `catalog:` is left), its tarball has what its exports name and passes publint, and npm would take it. Nothing is uploaded.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';

const root = join(import.meta.dirname, '..');
const work = mkdtempSync(join(tmpdir(), 'kube-trigger-packages-'));
const wrong = [];

try {
  const names = process.argv.length > 2 ? process.argv.slice(2) : readdirSync(join(root, 'packages'));
  const folders = names.map((name) => join(root, 'packages', name));
  const found = folders.map((folder) => ({ folder, manifest: readJson(join(folder, 'package.json')) }));
  const open = found.filter(({ manifest }) => manifest.private !== true);
  for (const { folder, manifest } of open) await check(folder, manifest);
  if (open.length === 0) wrong.push('no package is to be published');
  process.stdout.write(`${open.length} packages, ${wrong.length} problems\n`);
} finally {
  rmSync(work, { recursive: true, force: true });
}
for (const problem of wrong) process.stderr.write(`${problem}\n`);
process.exitCode = wrong.length === 0 ? 0 : 1;

async function check(folder, { name }) {
  const say = (problem) => wrong.push(`${name}: ${problem}`);
  const packed = run(['pack', '--json', '--pack-destination', work], folder);
  if (packed.status !== 0) return say(`cannot be packed: ${packed.stderr || packed.stdout}`);
  const { filename } = JSON.parse(packed.stdout);
  const tarball = readFileSync(filename);
  const { messages, pkg } = await publint({
    pack: { tarball: tarball.buffer.slice(tarball.byteOffset, tarball.byteOffset + tarball.length) },
  });
  for (const message of messages) say(formatMessage(message, pkg, { color: false }));
  const left = JSON.stringify(pkg).match(/"(workspace|catalog):[^"]*"/);
  if (left) say(`${left[0]} is left in its package.json`);
  for (const field of ['description', 'license', 'engines']) {
    if (pkg[field] === undefined) say(`has no ${field}`);
  }
  const dry = spawnSync('npm', ['publish', '--dry-run', '--access', 'public', filename], {
    cwd: work,
    encoding: 'utf8',
  });
  if (dry.status !== 0) say(`npm would not publish it: ${dry.stderr}`);
  return undefined;
}

function run(args, cwd) {
  return spawnSync('npx', ['-y', 'pnpm@12.21.0', ...args], {
    cwd,
    encoding: 'utf8',
    env: { ...process.env, CI: 'true' },
  });
}

function readJson(path) {
  return JSON.parse(readFileSync(path, 'utf8'));
}
