import { ERROR_CODES, TriggerError } from '../contract/errors.js';
import { CONTRACT_VERSION, type Plugin, type SourcePlugin } from '../contract/plugin.js';

type Kind = Plugin['kind'];
type PluginOf<K extends Kind> = Extract<Plugin, { kind: K }>;

/** Keys that a plugin cannot take as its name, because they stand beside plugin keys in a rule. */
const TAKEN_NAMES = new Set(['name', 'retry', 'timeoutSeconds', 'onFailure', 'objectRef']);

/** A package whose plugins are not available, and why. */
export interface RefusedPackage {
  /** The package's name, or the path that it was asked for by. */
  readonly origin: string;
  readonly reason: string;
  /** What it says it has, e.g. `action/chat`; empty when it could not be asked. */
  readonly provides: readonly string[];
}

/** The installed plugins, by kind and name. */
export class PluginRegistry {
  readonly #plugins = new Map<string, Plugin>();
  readonly #refused: RefusedPackage[] = [];
  readonly #disabled = new Set<string>();

  /**
   * Checks and adds a package's default export. Throws `KT_PLUGIN_INVALID`, naming `origin` (a package name) and the reason, for
   * anything that is not a plugin of this contract version, for a name that is taken, and for a kind of objects that another source
   * handles.
   */
  register(candidate: unknown, origin: string): void {
    const plugin = assertPlugin(candidate, origin);
    const id = `${plugin.kind}/${plugin.name}`;
    if (this.#plugins.has(id)) throw invalid(origin, `another plugin is already the ${plugin.kind} "${plugin.name}"`);
    this.#refuseHandledTwice(plugin, origin);
    this.#plugins.set(id, plugin);
  }

  /** Adds all plugins of a package or, when one of them cannot be, none. Throws as `register` does. */
  registerAll(candidates: readonly unknown[], origin: string): void {
    const before = [...this.#plugins];
    try {
      for (const candidate of candidates) this.register(candidate, origin);
    } catch (thrown) {
      this.#plugins.clear();
      for (const [id, plugin] of before) this.#plugins.set(id, plugin);
      throw thrown;
    }
  }

  /** Remembers a package that was asked for and is not available, so that rules which need it are told why. */
  refuse(refused: RefusedPackage): void {
    this.#refused.push(refused);
  }

  get refused(): readonly RefusedPackage[] {
    return this.#refused;
  }

  /** Takes out every plugin that rules call `name`. False when there is none. */
  disable(name: string): boolean {
    const found = [...this.#plugins].filter(([, plugin]) => plugin.name === name);
    for (const [id] of found) {
      this.#plugins.delete(id);
      this.#disabled.add(id);
    }
    return found.length > 0;
  }

  isDisabled(kind: Kind, name: string): boolean {
    return this.#disabled.has(`${kind}/${name}`);
  }

  #refuseHandledTwice(plugin: Plugin, origin: string): void {
    if (plugin.kind !== 'source' || plugin.handles === undefined) return;
    const { apiVersion, kind } = plugin.handles;
    const other = this.handledKinds().find((handled) => handled.kind === kind && handled.apiVersion === apiVersion);
    if (other !== undefined)
      throw invalid(origin, `the source "${other.plugin.name}" handles ${apiVersion} ${kind} already`);
  }

  find<K extends Kind>(kind: K, name: string): PluginOf<K> | undefined {
    return this.#plugins.get(`${kind}/${name}`) as PluginOf<K> | undefined;
  }

  /** Sorted names of the plugins of a kind. */
  names(kind: Kind): string[] {
    return this.all()
      .filter((plugin) => plugin.kind === kind)
      .map((plugin) => plugin.name)
      .toSorted();
  }

  all(): readonly Plugin[] {
    return [...this.#plugins.values()];
  }

  /** The kinds that a source's `objectRef` may name. */
  handledKinds(): { readonly apiVersion: string; readonly kind: string; readonly plugin: SourcePlugin }[] {
    return this.all().flatMap((plugin) =>
      plugin.kind === 'source' && plugin.handles !== undefined ? [{ ...plugin.handles, plugin }] : [],
    );
  }
}

function assertPlugin(candidate: unknown, origin: string): Plugin {
  let wrong: string | undefined;
  try {
    wrong = whatIsWrong(candidate);
  } catch {
    wrong = 'it cannot be read';
  }
  if (wrong !== undefined) throw invalid(origin, wrong);
  return candidate as Plugin;
}

function whatIsWrong(candidate: unknown): string | undefined {
  if (typeof candidate !== 'object' || candidate === null)
    return 'its default export is not a plugin; export defineSource(…), defineFilter(…) or defineAction(…)';
  const plugin = candidate as Partial<Record<keyof SourcePlugin, unknown>>;
  if (plugin.contract !== CONTRACT_VERSION)
    return `it was built for contract ${String(plugin.contract)}, this operator speaks ${CONTRACT_VERSION}`;
  if (!['source', 'filter', 'action'].includes(String(plugin.kind)))
    return `kind is "${String(plugin.kind)}", not source, filter or action`;
  const { name } = plugin;
  if (typeof name !== 'string' || !/^[a-z][A-Za-z0-9]{0,62}$/.test(name) || TAKEN_NAMES.has(name))
    return `name "${String(name)}" is not a free lowerCamelCase word`;
  if ((plugin.config as { type?: unknown } | undefined)?.type !== 'object') return 'config is not an object schema';
  const makers = [plugin.create, plugin.useClass].filter((maker) => maker !== undefined);
  if (makers.length !== 1 || typeof makers[0] !== 'function')
    return 'it needs create, a function, or useClass, a class';
  if (!Array.isArray(plugin.rbac)) return 'rbac is not a list of rules';
  return wrongByKind(plugin) ?? wrongErrors(plugin.errors);
}

function wrongByKind(plugin: Partial<Record<keyof SourcePlugin, unknown>>): string | undefined {
  if (plugin.kind === 'filter') return undefined;
  if (plugin.semantics !== 'level' && plugin.semantics !== 'edge')
    return `semantics is "${String(plugin.semantics)}", not level or edge`;
  if (plugin.kind === 'action') return undefined;
  if (!Number.isSafeInteger(plugin.revisionFormat)) return 'revisionFormat is not a whole number';
  const { apiVersion, kind } = (plugin.handles ?? { apiVersion: '', kind: '' }) as Record<string, unknown>;
  return typeof apiVersion === 'string' && typeof kind === 'string' ? undefined : 'handles needs apiVersion and kind';
}

function wrongErrors(errors: unknown): string | undefined {
  if (errors === undefined) return undefined;
  if (typeof errors !== 'object' || errors === null) return 'errors is not a table of codes';
  const bad = Object.keys(errors).find((code) => !/^KT_[A-Z0-9_]+$/.test(code) || Object.hasOwn(ERROR_CODES, code));
  return bad === undefined ? undefined : `error code "${bad}" is not KT_<PLUGIN>_…, or is one of the host`;
}

function invalid(origin: string, why: string): TriggerError {
  return new TriggerError('KT_PLUGIN_INVALID', `plugin ${origin}: ${why}`, { retry: 'never' });
}
