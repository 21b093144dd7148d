import { Type } from 'typebox';
import type { Plugin } from '../contract/plugin.js';
import { NamespaceName, ObjectName } from '../contract/schema.js';
import type { PluginRegistry } from '../registry/plugin-registry.js';
import { nearest } from './nearest.js';
import { RESERVED_KEYS } from './rule-spec.js';
import { type RuleIssue, unknownField, validateConfig } from './validate-config.js';

type Kind = Plugin['kind'];

/** An item of `spec.sources`, `spec.filters` or `spec.actions`, and its path from the object's root. */
export interface PlacedItem {
  readonly item: Record<string, unknown>;
  readonly path: string;
}

/** The plugin that an item names, and the config it gives it, not looked at yet. */
export interface ResolvedPlugin<K extends Kind> {
  readonly plugin: Extract<Plugin, { kind: K }>;
  readonly config: unknown;
  /** Of the config. */
  readonly path: string;
}

export interface Unresolved {
  readonly issues: readonly RuleIssue[];
  readonly reason: 'Invalid' | 'UnknownPlugin' | 'UnknownKind';
}

/** The seed's form of a source: the kind picks the plugin. */
const SourceObjectRef = Type.Object(
  {
    apiVersion: Type.Optional(Type.String({ minLength: 1 })),
    kind: Type.String({ minLength: 1 }),
    namespace: Type.Optional(NamespaceName()),
    name: ObjectName(),
  },
  { additionalProperties: false },
);

/** The source plugin that an item names: by its own key, or by the kind of an `objectRef`. */
export function resolveSource(placed: PlacedItem, registry: PluginRegistry): ResolvedPlugin<'source'> | Unresolved {
  const [key, another] = pluginKeys('source', placed.item);
  const isByKind = key === 'objectRef' && another === undefined;
  return isByKind ? resolveKind(placed, registry) : resolvePlugin('source', placed, registry);
}

/** The plugin that an item names by its key. What else than one such key is found is refused, saying what may have been meant. */
export function resolvePlugin<K extends Kind>(
  kind: K,
  { item, path }: PlacedItem,
  registry: PluginRegistry,
): ResolvedPlugin<K> | Unresolved {
  const keys = pluginKeys(kind, item);
  const misspelt = misspeltFields(kind, keys, registry);
  if (misspelt.length > 0) return invalid(misspelt.map(({ name, message }) => ({ path: `${path}.${name}`, message })));
  const [key] = keys;
  if (key === undefined || keys.length > 1) return invalid([{ path, message: notOne(kind, keys, registry) }]);
  const plugin = registry.find(kind, key);
  if (plugin !== undefined) return { plugin, config: item[key], path: `${path}.${key}` };
  return {
    issues: [{ path: `${path}.${key}`, message: whyUnknown(kind, key, registry) }],
    reason: 'UnknownPlugin',
  };
}

function resolveKind({ item, path }: PlacedItem, registry: PluginRegistry): ResolvedPlugin<'source'> | Unresolved {
  const ref = validateConfig(SourceObjectRef, item['objectRef'], `${path}.objectRef`);
  if (ref.issues !== undefined) return invalid(ref.issues);
  const { apiVersion, kind, namespace, name } = ref.value;
  const kinds = registry.handledKinds();
  const handler = kinds.find(
    (handled) => handled.kind === kind && (apiVersion ?? handled.apiVersion) === handled.apiVersion,
  );
  if (handler !== undefined)
    return {
      plugin: handler.plugin,
      config: { name, ...(namespace ? { namespace } : {}) },
      path: `${path}.objectRef`,
    };
  const names = kinds.map((handled) => handled.kind);
  const close = nearest(kind, names);
  const hint =
    close === undefined || close === kind
      ? `handled: ${kinds.map((k) => `${k.apiVersion} ${k.kind}`).join(', ') || 'none'}`
      : `did you mean "${close}"?`;
  const shown = apiVersion === undefined ? `"${kind}"` : `"${apiVersion}" "${kind}"`;
  return {
    issues: [{ path: `${path}.objectRef.kind`, message: `no source plugin handles ${shown}; ${hint}` }],
    reason: 'UnknownKind',
  };
}

function invalid(issues: readonly RuleIssue[]): Unresolved {
  return { issues, reason: 'Invalid' };
}

function pluginKeys(kind: Kind, item: Record<string, unknown>): string[] {
  // The API server drops keys whose value is null; so does every other way to get here.
  const keys = Object.keys(item).filter((key) => !Object.hasOwn(RESERVED_KEYS[`${kind}s`], key) && item[key] !== null);
  return keys.toSorted();
}

/** Of one plugin's key and others beside it: those others, unless one of them is a misspelt plugin. */
function misspeltFields(kind: Kind, keys: readonly string[], registry: PluginRegistry) {
  const known = choices(kind, registry);
  const reserved = Object.keys(RESERVED_KEYS[`${kind}s`]);
  const others = keys.filter((name) => !known.includes(name));
  const meantPlugins = others.filter((name) => nearest(name, reserved) === undefined && nearest(name, known));
  if (keys.length - others.length !== 1 || meantPlugins.length > 0) return [];
  return others.map((name) => ({ name, message: unknownField(name, reserved) }));
}

function choices(kind: Kind, registry: PluginRegistry): string[] {
  return [...registry.names(kind), ...(kind === 'source' ? ['objectRef'] : [])];
}

/** The definition has the same words for plugins that are known when it is made (see the operator's api/choices.ts). */
function notOne(kind: Kind, keys: readonly string[], registry: PluginRegistry): string {
  const found = keys.length === 0 ? 'none (a key without a value is none: write {})' : keys.join(' and ');
  const installed = registry.names(kind).join(', ') || 'none';
  return `needs exactly one ${kind} plugin, found ${found}; installed: ${installed}`;
}

function whyUnknown(kind: Kind, key: string, registry: PluginRegistry): string {
  if (registry.isDisabled(kind, key))
    return `the ${kind} plugin "${key}" is disabled; whoever runs the operator can allow it`;
  const { refused } = registry;
  const saysItHasIt = refused.find(({ provides }) => provides.includes(`${kind}/${key}`));
  if (saysItHasIt !== undefined)
    return `the ${kind} plugin "${key}" is not available: ${saysItHasIt.origin} was refused: ${saysItHasIt.reason}`;
  const elsewhere = (['source', 'filter', 'action'] as const).find((other) => registry.find(other, key));
  if (elsewhere !== undefined) return `"${key}" is a plugin for ${elsewhere}s; move it to spec.${elsewhere}s`;
  const close = nearest(key, choices(kind, registry));
  const known = registry.names(kind).join(', ') || 'none';
  const hint = close === undefined ? `installed: ${known}` : `did you mean "${close}"?`;
  const others = refused.map(({ origin, reason }) => `; refused: ${origin}: ${reason}`).join('');
  return `no ${kind} plugin "${key}" is installed; ${hint}${others}`;
}
