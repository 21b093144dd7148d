import { pathToFileURL } from 'node:url';
import { type PluginRegistry, type RefusedPackage, toTriggerError } from '@kube-trigger/core';
import { structuralSchema } from '../api/structural-schema.js';
import { shareHostModules } from './host-modules.js';
import { findPluginPackage, type PluginPackage } from './plugin-package.js';

export interface PluginSelection {
  /** Package names, or paths (with a leading `.` or `/`) of a package's folder or of one module. Nothing else is ever imported. */
  readonly plugins: readonly string[];
  /** Where names and relative paths are looked up. */
  readonly directory: string;
  /** How long a module's import may take. Default 10,000. */
  readonly importTimeoutMs?: number;
}

/**
 * Adds the selected packages' plugins to the registry. A package that cannot be used in every part is left out and remembered with the
 * reason (`registry.refused`): the operator starts all the same, and rules that need it say why they do not run. Never rejects.
 */
export async function loadPlugins(registry: PluginRegistry, selection: PluginSelection): Promise<void> {
  const { plugins, directory, importTimeoutMs = 10_000 } = selection;
  if (plugins.length > 0) shareHostModules();
  const found = [...new Set(plugins)].map((wanted) => findPluginPackage(wanted, directory));
  const imported = await Promise.all(found.map((candidate) => importPlugins(candidate, importTimeoutMs)));
  for (const [index, candidate] of found.entries()) {
    const { origin, provides } = candidate;
    try {
      const exported = imported[index];
      if (exported === undefined || 'reason' in exported) throw new Error(exported?.reason);
      register(registry, candidate, exported.plugins);
    } catch (thrown) {
      registry.refuse({ origin, provides, reason: reasonOf(thrown, origin) });
    }
  }
}

type Imported = { readonly plugins: readonly unknown[] } | Pick<RefusedPackage, 'reason'>;

async function importPlugins({ entry, refusal }: PluginPackage, timeoutMs: number): Promise<Imported> {
  if (entry === undefined) return { reason: refusal ?? 'it has no main module' };
  const { href } = pathToFileURL(entry);
  let timer: NodeJS.Timeout | undefined;
  try {
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => reject(new Error(`it did not end within ${timeoutMs / 1000} s`)), timeoutMs);
    });
    const module = (await Promise.race([import(href), late])) as { default?: unknown };
    return { plugins: Array.isArray(module.default) ? module.default : [module.default] };
  } catch (thrown) {
    return { reason: `its import failed: ${toTriggerError(thrown).message}` };
  } finally {
    clearTimeout(timer);
  }
}

function register(registry: PluginRegistry, { origin, provides }: PluginPackage, plugins: readonly unknown[]): void {
  for (const plugin of plugins) refuseBadSchema(plugin);
  if (plugins.length === 0) throw new Error('its default export is an empty list');
  refuseOtherNames(provides, plugins);
  registry.registerAll(plugins, origin);
}

/** What a CustomResourceDefinition cannot express must not surprise whoever applies it. */
function refuseBadSchema(plugin: unknown): void {
  const { name, config } = (plugin ?? {}) as { name?: unknown; config?: unknown };
  if (typeof config === 'object' && config !== null) structuralSchema(config, `config of ${String(name)}`);
}

/** The list in package.json is what rules are told about by when the package is refused: it has to be right. */
function refuseOtherNames(provides: readonly string[], plugins: readonly unknown[]): void {
  const exported = plugins.map((plugin) => {
    const { kind, name } = (plugin ?? {}) as { kind?: unknown; name?: unknown };
    return `${String(kind)}/${String(name)}`;
  });
  // What is no plugin at all is better named by the registry.
  if (provides.length === 0 || exported.some((id) => id.includes('undefined'))) return;
  if (exported.toSorted().join() !== provides.toSorted().join())
    throw new Error(`it exports ${exported.join(', ')}, its package.json lists ${provides.join(', ')}`);
}

function reasonOf(thrown: unknown, origin: string): string {
  const { message, code } = toTriggerError(thrown);
  const text = code === 'KT_PLUGIN_FAULT' ? message.replace(/^Error: /, '') : message;
  return text.replace(`plugin ${origin}: `, '');
}
