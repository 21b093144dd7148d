// `node scripts/bundle.mjs DIRECTORY`: the operator as a few files (bin/kube-trigger.js and what it loads on demand), the package.json that
// its version is read from, and a CycloneDX list of all that is in it, licence texts included (bom.json). Same sources, same bytes.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cyclonedxEsbuildPlugin } from '@cyclonedx/cyclonedx-esbuild';
import { build } from 'esbuild';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const [target] = process.argv.slice(2);
if (target === undefined) {
  process.stderr.write('usage: node scripts/bundle.mjs DIRECTORY\n');
  process.exit(2);
}
const directory = resolve(target);
const operator = join(root, 'packages', 'operator');

/** Our own packages get a part of undici; a name that is missing there fails the build. WebSockets need all of it, on demand. */
const dispatchers = join(root, 'scripts', 'undici-dispatchers.js');
const undiciInPart = {
  name: 'undici-in-part',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^undici$/ }, ({ importer }) =>
      importer.startsWith(join(root, 'packages')) && !/node_modules|exec[/]converse/.test(importer)
        ? { path: dispatchers }
        : undefined,
    );
    onLoad({ filter: /undici-dispatchers\.js$/ }, ({ path }) => ({
      contents: readFileSync(path, 'utf8'),
      resolveDir: join(root, 'packages', 'kube'),
    }));
  },
};

await build({
  absWorkingDir: operator,
  entryPoints: ['src/main.ts'],
  entryNames: 'kube-trigger',
  outdir: join(directory, 'bin'),
  bundle: true,
  // One file would be 2.5 MB of which a pod needs 1.7: reading a kubeconfig is the rest, and costs 14 MB of memory.
  splitting: true,
  platform: 'node',
  format: 'esm',
  target: 'node22.19',
  conditions: ['@kube-trigger/source'],
  tsconfig: join(root, 'tsconfig.base.json'),
  minify: true,
  legalComments: 'none',
  banner: {
    js: "import { createRequire as bundleRequire } from 'node:module'; const require = bundleRequire(import.meta.url);",
  },
  // What only a person at a terminal uses, and what a dependency looks for without needing it.
  external: ['@kube-trigger/devcluster', 'pino-pretty', 'bufferutil', 'utf-8-validate'],
  metafile: true,
  plugins: [
    undiciInPart,
    cyclonedxEsbuildPlugin({
      outputFile: join(directory, 'bom.json'),
      outputReproducible: true,
      gatherLicenseTexts: true,
    }),
  ],
  logLevel: 'warning',
});

const { name, version, license } = JSON.parse(readFileSync(join(operator, 'package.json'), 'utf8'));
mkdirSync(directory, { recursive: true });
writeFileSync(
  join(directory, 'package.json'),
  `${JSON.stringify({ name, version, license, type: 'module', private: true }, undefined, 2)}\n`,
);
