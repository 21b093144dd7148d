import { existsSync, readFileSync, statSync } from 'node:fs';
import { findPackageJSON } from 'node:module';
import { basename, dirname, isAbsolute, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { CONTRACT_VERSION } from '@kube-trigger/core';
import { exports as resolveExports, legacy } from 'resolve.exports';
import { satisfies, validRange } from 'semver';
import { VERSION } from '../version.js';

/** What a package says about itself, read without running any of its code. */
export interface PluginPackage {
  /** Its name; of a file or folder without one, its path. */
  readonly origin: string;
  /** `kind/name` of each of its plugins, e.g. `action/chat`. */
  readonly provides: readonly string[];
  /** The module to import; undefined when the package must not be. */
  readonly entry: string | undefined;
  /** Why it must not be. */
  readonly refusal: string | undefined;
}

interface Manifest {
  readonly name?: string;
  readonly 'kube-trigger'?: unknown;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

/** A reason to refuse a package. */
class Refusal extends Error {}

/**
 * Finds `wanted` from `directory`: a package name is looked for as Node does (in its `node_modules` and those above), a path (with a
 * leading `.` or `/`) names a package's folder or one module.
 */
export function findPluginPackage(wanted: string, directory: string): PluginPackage {
  let found: Found = { origin: wanted, provides: [] };
  try {
    const [path, file] = locate(wanted, resolve(directory));
    const manifest = path === undefined ? {} : readManifest(path);
    found = { origin: file === undefined ? (manifest.name ?? wanted) : wanted, provides: [] };
    // A single module may stand for itself; a package is imported only when it says that it is meant for this.
    if (file === undefined || manifest['kube-trigger'] !== undefined) {
      const provides = listedPlugins(manifest);
      found = { ...found, provides };
      refuseOtherDeclarations(manifest, provides);
      refuseOtherVersions(manifest);
    }
    return { ...found, entry: file ?? entryOf(manifest, dirname(path ?? '')), refusal: undefined };
  } catch (thrown) {
    const reason = thrown instanceof Error ? thrown.message : String(thrown);
    return { ...found, entry: undefined, refusal: reason };
  }
}

type Found = Pick<PluginPackage, 'origin' | 'provides'>;

/** Its package.json and, when a module was named, that module. */
function locate(wanted: string, directory: string): [manifest: string | undefined, file: string | undefined] {
  if (!/^\.{0,2}\//.test(wanted) && wanted !== '.' && wanted !== '..') {
    if (!/^(@[a-z0-9~-][\w.~-]*\/)?[a-z0-9~-][\w.~-]*$/.test(wanted))
      throw new Refusal('it is neither a package name nor a path that begins with ./ or /');
    return [installed(wanted, directory), undefined];
  }
  const path = isAbsolute(wanted) ? wanted : join(directory, wanted);
  if (!existsSync(path)) throw new Refusal(`there is no ${path}`);
  if (!statSync(path).isDirectory()) return [packageOf(path), path];
  const manifest = join(path, 'package.json');
  if (!existsSync(manifest)) throw new Refusal(`there is no package.json in ${path}; name its module instead`);
  return [manifest, undefined];
}

/** The package.json that a module belongs to. Node answers with the module itself when there is none. */
function packageOf(module: string): string | undefined {
  const path = findPackageJSON(pathToFileURL(module));
  return path !== undefined && basename(path) === 'package.json' ? path : undefined;
}

function installed(name: string, directory: string): string {
  try {
    const path = findPackageJSON(name, pathToFileURL(`${directory}/`));
    if (path !== undefined) return path;
  } catch {
    // Said below, with the fix.
  }
  throw new Refusal(`it is not installed in ${join(directory, 'node_modules')} or above; npm install ${name}`);
}

function readManifest(path: string): Manifest {
  try {
    const manifest: unknown = JSON.parse(readFileSync(path, 'utf8'));
    if (typeof manifest === 'object' && manifest !== null) return manifest;
  } catch {
    // Said below.
  }
  throw new Refusal(`${basename(dirname(path))}/package.json is not JSON`);
}

/** The `kube-trigger` field: `{ "contract": 1, "plugins": ["action/chat"] }`. */
type Declaration = { readonly contract?: unknown; readonly plugins?: unknown } | null | undefined;

/** Also of a package for another contract: rules that name one of its plugins are told of the package. Empty when it lists none. */
function listedPlugins(manifest: Manifest): string[] {
  const { plugins } = (manifest['kube-trigger'] as Declaration) ?? {};
  if (!Array.isArray(plugins)) return [];
  const listed = plugins.map(String);
  return listed.every((plugin) => /^(source|filter|action)\/[a-z]\w*$/.test(plugin)) ? listed : [];
}

function refuseOtherDeclarations(manifest: Manifest, provides: readonly string[]): void {
  const field = manifest['kube-trigger'] as Declaration;
  if (typeof field !== 'object' || field === null)
    throw new Refusal('its package.json has no "kube-trigger" field, so it is no plugin package');
  if (field.contract !== CONTRACT_VERSION)
    throw new Refusal(`it was built for contract ${String(field.contract)}, this operator speaks ${CONTRACT_VERSION}`);
  if (provides.length === 0)
    throw new Refusal('"kube-trigger.plugins" of its package.json is not a list like ["action/chat"]');
}

/** All packages of kube-trigger are released together, so one version stands for all. */
function refuseOtherVersions({ dependencies = {}, peerDependencies = {} }: Manifest): void {
  for (const [name, range] of Object.entries({ ...dependencies, ...peerDependencies })) {
    // Ranges that are no versions (file:, workspace:) are development's own business.
    if (!name.startsWith('@kube-trigger/') || validRange(range) === null) continue;
    if (!satisfies(VERSION, range, { includePrerelease: true }))
      throw new Refusal(`it needs ${name} ${range}, this operator has ${VERSION}`);
  }
}

function entryOf(manifest: Manifest, folder: string): string {
  const entry = pointer(manifest);
  if (entry === undefined) throw new Refusal('its package.json exports no main module');
  const path = join(folder, entry);
  if (!existsSync(path)) throw new Refusal(`its main module ${entry} does not exist; was it built?`);
  return path;
}

function pointer(manifest: Manifest): string | undefined {
  try {
    const [exported] = resolveExports(manifest, '.') ?? [];
    return exported ?? (legacy(manifest, { browser: false, fields: ['main'] }) as string | undefined) ?? 'index.js';
  } catch {
    return undefined; // it has exports, and none for '.'
  }
}
