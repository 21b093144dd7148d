import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { manifestOf } from './manifest.js';
import { type Kind, type Names, namesFor, readKind, Refusal } from './names.js';

export interface PluginToCreate {
  /** The npm package's name; without its scope it is the folder's. */
  readonly name: string | undefined;
  readonly kind: string | undefined;
  /** Where the folder is made. */
  readonly directory: string;
  /** A folder of packed tarballs to take `@kube-trigger/*` from. Default: the registry. */
  readonly packages?: string | undefined;
}

export interface CreatedPlugin {
  readonly kind: Kind;
  readonly names: Names;
  /** Absolute. */
  readonly folder: string;
  /** Relative to the folder, sorted. */
  readonly files: readonly string[];
}

const TEMPLATE = fileURLToPath(new URL('../template/', import.meta.url));

/** Writes a plugin's folder. Throws a `Refusal` with the fix for a wrong name or kind, and when the folder is there and not empty. */
export function createPlugin({ name, kind: wanted, directory, packages }: PluginToCreate): CreatedPlugin {
  const kind = readKind(wanted);
  const names = namesFor(kind, name);
  const folder = resolve(directory, names.folder);
  refuseUsed(folder);
  // Before anything is written: it looks for the tarballs.
  const manifest = manifestOf({ kind, names, ...(packages === undefined ? {} : { packages: resolve(packages) }) });
  mkdirSync(folder, { recursive: true });
  for (const part of ['common', kind]) cpSync(join(TEMPLATE, part), folder, { recursive: true });
  // npm packs no file of that name.
  renameSync(join(folder, 'gitignore'), join(folder, '.gitignore'));
  for (const file of filesBelow(folder)) writeFileSync(file, named(readFileSync(file, 'utf8'), names));
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(manifest, undefined, 2)}\n`);
  const files = filesBelow(folder).map((file) => relative(folder, file));
  return { kind, names, folder, files: files.toSorted() };
}

function refuseUsed(folder: string): void {
  if (!existsSync(folder)) return;
  if (!statSync(folder).isDirectory()) throw new Refusal(`${folder} is a file; take another name, or move it`);
  if (readdirSync(folder).length > 0)
    throw new Refusal(`${folder} is there and not empty; take another name, or empty it`);
}

/** The template is a plugin called `my-sample`. */
function named(text: string, { packageName, key, type, code }: Names): string {
  return text
    .replaceAll('my-sample', packageName)
    .replaceAll('mySample', key)
    .replaceAll('MySample', type)
    .replaceAll('MY_SAMPLE', code);
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}
