// `node scripts/pack.mjs DIRECTORY`: every package that is published, as the tarball that would be, in DIRECTORY. For tests outside the workspace,
// and for plugins before there is a release (`create-kube-trigger-plugin --packages DIRECTORY`). Packs what `tsc -b` built last.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const [target] = process.argv.slice(2);
if (target === undefined) {
  process.stderr.write('usage: node scripts/pack.mjs DIRECTORY\n');
  process.exit(2);
}
const packages = readdirSync(join(root, 'packages'))
  .map((folder) => join(root, 'packages', folder))
  .filter((folder) => existsSync(join(folder, 'package.json')))
  .map((folder) => ({ folder, ...JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) }))
  .filter(({ private: isPrivate }) => isPrivate !== true);
const unbuilt = packages.find(({ folder }) => !existsSync(join(folder, 'dist', 'index.js')));
if (unbuilt !== undefined) {
  process.stderr.write(`pack: ${unbuilt.name} is not built: node scripts/bootstrap.mjs install\n`);
  process.exit(1);
}
const { PNPM } = await import('./pnpm.mjs');
const directory = resolve(target);
mkdirSync(directory, { recursive: true });
const filters = packages.flatMap(({ name }) => ['--filter', name]);
const args = ['-y', PNPM, ...filters, 'pack', '--pack-destination', directory];
const { status, stdout, stderr } = spawnSync('npx', args, { cwd: root, encoding: 'utf8' });
if (status !== 0) {
  process.stderr.write(`${stdout}${stderr}`);
  process.exit(status ?? 1);
}
for (const file of readdirSync(directory).filter((name) => name.endsWith('.tgz')))
  process.stdout.write(`${join(directory, file)}\n`);
