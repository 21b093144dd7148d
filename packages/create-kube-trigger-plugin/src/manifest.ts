import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Kind, type Names, Refusal } from './names.js';

interface Wanted {
  readonly kind: Kind;
  readonly names: Names;
  /** Absolute. */
  readonly packages?: string;
}

/** The packages of kube-trigger are released together. */
const { version: VERSION } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

/** What the plugin shares with the operator that loads it, which has it already. */
const SHARED = { '@kube-trigger/core': `^${VERSION}`, typebox: '^1.4.3' };

/** What its author needs. */
const TOOLS = {
  '@kube-trigger/dev': `^${VERSION}`,
  '@kube-trigger/operator': `^${VERSION}`,
  '@kube-trigger/testing': `^${VERSION}`,
  '@types/node': '^24.10.0',
  typescript: '^7.0.2',
  vitest: '^5.1.1',
};

/** The plugin's package.json. Throws a `Refusal` when `packages` lacks one of kube-trigger's. */
export function manifestOf({ kind, names, packages }: Wanted): object {
  const local = packages === undefined ? {} : tarballsIn(packages);
  const from = (ranges: Readonly<Record<string, string>>) =>
    Object.fromEntries(Object.entries(ranges).map(([name, range]) => [name, local[name] ?? range]));
  const direct = { ...SHARED, ...TOOLS };
  // npm looks for what those need in the registry, unless it is told.
  const overrides = Object.fromEntries(Object.entries(local).filter(([name]) => !Object.hasOwn(direct, name)));
  return {
    name: names.packageName,
    version: '0.1.0',
    description: `A kube-trigger ${kind}: ${names.key}.`,
    keywords: ['kube-trigger-plugin'],
    license: 'UNLICENSED',
    files: ['dist', '!dist/**/*.test.*'],
    type: 'module',
    exports: { types: './dist/index.d.ts', default: './dist/index.js' },
    'kube-trigger': { contract: 1, plugins: [`${kind}/${names.key}`] },
    scripts: {
      build: 'tsc',
      test: 'tsc --noEmit && vitest run src',
      dev: 'kube-trigger dev --plugin ./src/index.ts --inbox 8090 -f example',
      prepack: 'npm run build',
    },
    peerDependencies: SHARED,
    devDependencies: from(direct),
    ...(packages === undefined ? {} : { overrides }),
    engines: { node: '>=22.19.0' },
  };
}

/** `file:` specifiers of all packages of kube-trigger in a folder, as `pnpm pack` calls their files. */
function tarballsIn(folder: string): Record<string, string> {
  const files = existsSync(folder) ? readdirSync(folder) : [];
  const found = files.flatMap((file) => {
    const name = /^kube-trigger-(.+)-\d+\.\d+\.\d+[^/]*\.tgz$/.exec(file)?.[1];
    return name === undefined ? [] : [[`@kube-trigger/${name}`, `file:${join(folder, file)}`] as const];
  });
  const local = Object.fromEntries(found.toSorted(([a], [b]) => a.localeCompare(b)));
  const missing = Object.keys({ ...SHARED, ...TOOLS }).filter(
    (name) => name.startsWith('@kube-trigger/') && local[name] === undefined,
  );
  if (missing.length > 0)
    throw new Refusal(
      `--packages ${folder}: there is no tarball of ${missing.join(', ')}; pack them there: node scripts/pack.mjs ${folder}`,
    );
  return local;
}
