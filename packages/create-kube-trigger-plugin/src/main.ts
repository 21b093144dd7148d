#!/usr/bin/env node
import { relative } from 'node:path';
import { parseArgs } from 'node:util';
import { createPlugin } from './create-plugin.js';
import { article, Refusal } from './names.js';

const USAGE = `usage: npm create kube-trigger-plugin NAME -- --kind action|source|filter [--packages FOLDER]
  NAME               of the npm package, e.g. my-slack or @acme/my-slack; its folder is made here
  --kind             what the plugin is
  --packages FOLDER  take @kube-trigger/* from packed tarballs in this folder, not from the registry
`;

function run(args: readonly string[]): number {
  const { values, positionals } = readArguments(args);
  if (values.help === true) {
    process.stdout.write(USAGE);
    return 0;
  }
  const [name, ...others] = positionals;
  if (others.length > 0) throw new Refusal(`one plugin at a time: ${others.join(' ')} is too much\n${USAGE.trimEnd()}`);
  const { kind, packages } = values;
  const made = createPlugin({ name, kind, directory: process.cwd(), packages });
  const { folder, names, files } = made;
  process.stdout
    .write(`${names.packageName}: ${article(made.kind)} that rules call ${names.key}, in ${files.length} files

  cd ${relative(process.cwd(), folder)}
  npm install
  npm test         checks the types, and holds the plugin against the contract of its kind
  npm run dev      a cluster, an operator, the plugin and example/: edit either, save, and see what it does
`);
  return 0;
}

function readArguments(args: readonly string[]) {
  try {
    const options = { kind: { type: 'string' }, packages: { type: 'string' }, help: { type: 'boolean' } } as const;
    return parseArgs({ args: [...args], allowPositionals: true, options });
  } catch (thrown) {
    throw new Refusal(`${thrown instanceof Error ? thrown.message : String(thrown)}\n${USAGE.trimEnd()}`, {
      cause: thrown,
    });
  }
}

try {
  process.exitCode = run(process.argv.slice(2));
} catch (thrown) {
  if (!(thrown instanceof Refusal)) throw thrown;
  process.stderr.write(`create-kube-trigger-plugin: ${thrown.message}\n`);
  process.exitCode = 2;
}
