import { TriggerError } from '../contract/errors.js';
import { CONTRACT_VERSION, type Plugin, type SourcePlugin } from '../contract/plugin.js';

type Kind = Plugin['kind'];
type PluginOf<K extends Kind> = Extract<Plugin, { kind: K }>;

/** Keys that a plugin cannot take as its name, because they stand beside plugin keys in a rule. */
const TAKEN_NAMES = new Set(['name', 'retry', 'timeoutSeconds', 'onFailure', 'objectRef']);

/** The installed plugins, by kind and name. */
export class PluginRegistry {
  readonly #plugins = new Map<string, Plugin>();

  /**
   * Checks and adds a package's default export. Throws `KT_PLUGIN_INVALID`, naming `origin` (a package name) and the reason, for
   * anything that is not a plugin of this contract version and for a name that is taken.
   */
  register(candidate: unknown, origin: string): void {
    const plugin = assertPlugin(candidate, origin);
    const id = `${plugin.kind}/${plugin.name}`;
    if (this.#plugins.has(id)) throw invalid(origin, `another plugin is already the ${plugin.kind} "${plugin.name}"`);
    this.#plugins.set(id, plugin);
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
  if (typeof candidate !== 'object' || candidate === null) {
    throw invalid(
      origin,
      'its default export is not a plugin; export defineSource(…), defineFilter(…) or defineAction(…)',
    );
  }
  const plugin = candidate as Partial<Record<keyof SourcePlugin, unknown>>;
  if (plugin.contract !== CONTRACT_VERSION) {
    throw invalid(
      origin,
      `it was built for contract ${String(plugin.contract)}, this operator speaks ${CONTRACT_VERSION}`,
    );
  }
  if (typeof plugin.kind !== 'string' || !['source', 'filter', 'action'].includes(plugin.kind)) {
    throw invalid(origin, `kind is ${JSON.stringify(plugin.kind)}, not source, filter or action`);
  }
  if (
    typeof plugin.name !== 'string' ||
    !/^[a-z][A-Za-z0-9]{0,62}$/.test(plugin.name) ||
    TAKEN_NAMES.has(plugin.name)
  ) {
    throw invalid(origin, `name ${JSON.stringify(plugin.name)} is not a free lowerCamelCase word`);
  }
  if ((plugin.config as { type?: unknown } | undefined)?.type !== 'object')
    throw invalid(origin, 'config is not an object schema');
  if (typeof plugin.useClass !== 'function') throw invalid(origin, 'useClass is not a class');
  if (!Array.isArray(plugin.rbac)) throw invalid(origin, 'rbac is not a list of rules');
  return candidate as Plugin;
}

function invalid(origin: string, why: string): TriggerError {
  return new TriggerError('KT_PLUGIN_INVALID', `plugin ${origin}: ${why}`, { retry: 'never' });
}
