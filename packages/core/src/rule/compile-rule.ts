import { createHash } from 'node:crypto';
import { type Static, type TSchema, Type } from 'typebox';
import type { RuleIdentity } from '../contract/context.js';
import { toTriggerError } from '../contract/errors.js';
import type { ConfiguredRbacRule, Plugin } from '../contract/plugin.js';
import { NamespaceName, ObjectName } from '../contract/schema.js';
import type { PluginRegistry } from '../registry/plugin-registry.js';
import type { CompiledAction, CompiledFilter, CompiledRule, CompiledSource, DeliveryOptions } from './compiled-rule.js';
import { crossIssues } from './cross-issues.js';
import { foreignReferences, type ReachingItem } from './foreign-references.js';
import { nearest } from './nearest.js';
import { RESERVED_KEYS, type RetrySpec, RuleSpec } from './rule-spec.js';
import { type RuleIssue, unknownField, validateConfig } from './validate-config.js';
import { asWritten } from './yaml-keys.js';

export type Compilation =
  | {
      readonly rule: CompiledRule;
      readonly suspend: boolean;
      /** What is wrong with a rule that was accepted before and goes on all the same. */
      readonly tolerated?: { readonly issues: readonly RuleIssue[]; readonly reason: 'Invalid' };
    }
  | { readonly issues: readonly RuleIssue[]; readonly reason: 'Invalid' | 'UnknownPlugin' | 'UnknownKind' };

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

export interface CompileOptions {
  /**
   * This very spec was accepted before: what a plugin now finds wrong with its own options is tolerated, because a newer version of the
   * plugin must not stop a rule that works. Names that cannot be resolved are refused all the same.
   */
  readonly acceptedBefore?: boolean;
  /** Sources, filters and actions that reach out of the rule's namespace are refused, also when they were accepted before. */
  readonly ownNamespaceOnly?: boolean;
}

/**
 * Resolves a rule's `spec` against the installed plugins. Total and pure: everything that is wrong comes back as issues with a path
 * from the object's root, all at once.
 */
export function compileRule(
  identity: RuleIdentity,
  spec: unknown,
  registry: PluginRegistry,
  options: CompileOptions = {},
): Compilation {
  const shape = validateConfig(RuleSpec, spec, 'spec');
  const compiler = new Compiler(identity, registry, options.acceptedBefore === true);
  if (shape.issues !== undefined) {
    compiler.lookInto(shape.defaulted);
    return { issues: [...shape.issues, ...compiler.issues], reason: compiler.reason };
  }
  const { suspend, onFirstSeen, delivery, serviceAccountName } = shape.value;
  const sources = shape.value.sources.map((item, i) => compiler.source(item, i));
  const filters = shape.value.filters.map((item, i) => compiler.filter(item, i));
  const actions = shape.value.actions.map((item, i) => compiler.action(item, i));
  compiler.issues.push(...crossIssues({ sources, filters, actions }, delivery));
  if (options.ownNamespaceOnly === true) compiler.refuseForeign();
  if (compiler.issues.length > 0) return { issues: compiler.issues, reason: compiler.reason };
  const rule: CompiledRule = {
    identity,
    onFirstSeen,
    ...(serviceAccountName === undefined ? {} : { serviceAccountName }),
    sources: sources.filter((source) => source !== undefined),
    filters: filters.filter((filter) => filter !== undefined),
    actions: actions.filter((action) => action !== undefined),
    delivery: deliveryOf(delivery, actions),
  };
  if (compiler.tolerated.length === 0) return { rule, suspend };
  return { rule, suspend, tolerated: { issues: compiler.tolerated, reason: 'Invalid' } };
}

const MAX_WAIT_SECONDS = 30;

function deliveryOf(
  { concurrency, breaker, coalesce }: RuleSpec['delivery'],
  actions: readonly (CompiledAction | undefined)[],
): DeliveryOptions {
  const isLevel = actions.some((action) => action?.plugin.semantics === 'level');
  const { quietSeconds = isLevel ? 1 : 0 } = coalesce;
  const { maxWaitSeconds = Math.max(MAX_WAIT_SECONDS, quietSeconds) } = coalesce;
  return {
    concurrency,
    coalesce: { quietMs: quietSeconds * 1000, maxWaitMs: maxWaitSeconds * 1000 },
    breaker: { limit: breaker.limit, windowMs: breaker.windowSeconds * 1000 },
  };
}

type Kind = Plugin['kind'];
type PluginOf<K extends Kind> = Extract<Plugin, { kind: K }>;

interface Picked<K extends Kind> {
  readonly plugin: PluginOf<K>;
  readonly config: unknown;
  readonly path: string;
}

/** What all plugins have in common for checking a config. */
interface AnyPicked {
  readonly plugin: {
    readonly config: TSchema;
    readonly validate?: (config: unknown) => readonly RuleIssue[];
    readonly needsObject?: (config: unknown) => boolean;
    readonly rbacFor?: (config: never) => readonly ConfiguredRbacRule[];
  };
  readonly config: unknown;
  readonly path: string;
}

class Compiler {
  readonly issues: RuleIssue[] = [];
  readonly tolerated: RuleIssue[] = [];
  readonly #reaching: ReachingItem[] = [];
  reason: 'Invalid' | 'UnknownPlugin' | 'UnknownKind' = 'Invalid';

  constructor(
    private readonly identity: RuleIdentity,
    private readonly registry: PluginRegistry,
    private readonly acceptedBefore: boolean,
  ) {}

  /** Finds what else is wrong with a spec whose shape is wrong. */
  lookInto(spec: unknown): void {
    const { sources, filters, actions } = (spec ?? {}) as Record<string, unknown>;
    for (const [item, i] of itemsOf(sources)) this.source(item, i);
    for (const [item, i] of itemsOf(filters)) this.filter(item, i);
    for (const [item, i] of itemsOf(actions)) this.action(item, i);
  }

  source(item: Record<string, unknown>, index: number): CompiledSource | undefined {
    const path = `spec.sources[${index}]`;
    const reserved = this.#reserved('sources', item, path);
    const [key, another] = this.#pluginKeys(item, 'sources');
    const byKind = key === 'objectRef' && another === undefined;
    const picked = byKind ? this.#byKind(item, path) : this.#byName('source', item, path);
    const config = picked && this.#config(picked);
    if (picked === undefined || config === undefined || reserved === undefined) return undefined;
    const { plugin } = picked;
    const name = reserved.name ?? `${plugin.name}[${index}]`;
    const identity = [plugin.name, plugin.revisionFormat, this.identity.namespace, canonical(config)];
    const id = createHash('sha256').update(JSON.stringify(identity)).digest('base64url').slice(0, 12);
    return { name, id, plugin, config };
  }

  filter(item: Record<string, unknown>, index: number): CompiledFilter | undefined {
    const path = `spec.filters[${index}]`;
    const reserved = this.#reserved('filters', item, path);
    const picked = this.#byName('filter', item, path);
    const config = picked && this.#config(picked);
    if (picked === undefined || config === undefined || reserved === undefined) return undefined;
    const { plugin } = picked;
    return {
      name: reserved.name ?? `${plugin.name}[${index}]`,
      plugin,
      config,
      needsObject: this.#needsObject(picked, config),
    };
  }

  action(item: Record<string, unknown>, index: number): CompiledAction | undefined {
    const path = `spec.actions[${index}]`;
    const reserved = this.#reserved('actions', item, path);
    const picked = this.#byName('action', item, path);
    const config = picked && this.#config(picked);
    if (picked === undefined || config === undefined || reserved === undefined) return undefined;
    const { plugin } = picked;
    const retry = reserved.retry ?? { limit: undefined, initialDelaySeconds: 1, maxDelaySeconds: 60 };
    return {
      name: reserved.name ?? `${plugin.name}[${index}]`,
      plugin,
      config,
      needsObject: this.#needsObject(picked, config),
      timeoutMs: (reserved.timeoutSeconds ?? 30) * 1000,
      onFailure: reserved.onFailure ?? 'stop',
      retry: {
        limit: retry.limit ?? (plugin.semantics === 'level' ? Infinity : 10),
        initialDelayMs: retry.initialDelaySeconds * 1000,
        maxDelayMs: retry.maxDelaySeconds * 1000,
      },
    };
  }

  #needsObject({ plugin, path }: AnyPicked, config: unknown): boolean {
    try {
      return plugin.needsObject?.(config) ?? false;
    } catch (thrown) {
      this.issues.push({ path, message: `the plugin cannot check this: ${toTriggerError(thrown).message}` });
      return false;
    }
  }

  #reserved(list: keyof typeof RESERVED_KEYS, item: Record<string, unknown>, path: string) {
    const present = Object.keys(RESERVED_KEYS[list]).filter((key) => item[key] !== undefined);
    const validated = validateConfig(
      Type.Object(RESERVED_KEYS[list]),
      Object.fromEntries(present.map((key) => [key, item[key]])),
      path,
    );
    if (validated.issues !== undefined) {
      this.issues.push(...validated.issues);
      return undefined;
    }
    return validated.value as {
      name?: string;
      retry?: Static<typeof RetrySpec>;
      timeoutSeconds?: number;
      onFailure?: 'stop' | 'continue';
    };
  }

  #pluginKeys(item: Record<string, unknown>, list: keyof typeof RESERVED_KEYS): string[] {
    // The API server drops keys whose value is null; so does every other way to get here.
    const keys = Object.keys(item).filter((key) => !Object.hasOwn(RESERVED_KEYS[list], key) && item[key] !== null);
    return keys.toSorted();
  }

  /** Of one plugin's key and others beside it: those others, unless one of them is a misspelt plugin. */
  #misspelt(keys: readonly string[], { known, list }: { known: readonly string[]; list: keyof typeof RESERVED_KEYS }) {
    const reserved = Object.keys(RESERVED_KEYS[list]);
    const others = keys.filter((name) => !known.includes(name));
    const meantPlugins = others.filter((name) => nearest(name, reserved) === undefined && nearest(name, known));
    if (keys.length - others.length !== 1 || meantPlugins.length > 0) return [];
    return others.map((name) => ({ name, message: unknownField(name, reserved) }));
  }

  #byName<K extends Kind>(kind: K, item: Record<string, unknown>, path: string): Picked<K> | undefined {
    const keys = this.#pluginKeys(item, `${kind}s`);
    const [key] = keys;
    const known = this.#choices(kind);
    const misspelt = keys.length > 1 ? this.#misspelt(keys, { known, list: `${kind}s` }) : [];
    if (misspelt.length > 0) {
      this.issues.push(...misspelt.map(({ name, message }) => ({ path: `${path}.${name}`, message })));
      return undefined;
    }
    if (key === undefined || keys.length > 1) {
      this.issues.push({ path, message: this.#notOne(kind, keys) });
      return undefined;
    }
    const plugin = this.registry.find(kind, key);
    if (plugin === undefined) {
      this.issues.push({ path: `${path}.${key}`, message: this.#whyUnknown(kind, key) });
      this.reason = 'UnknownPlugin';
      return undefined;
    }
    return { plugin, config: item[key], path: `${path}.${key}` };
  }

  #choices(kind: Kind): string[] {
    return [...this.registry.names(kind), ...(kind === 'source' ? ['objectRef'] : [])];
  }

  /** The definition has the same words for plugins that are known when it is made (see the operator's api/choices.ts). */
  #notOne(kind: Kind, keys: readonly string[]): string {
    const installed = this.registry.names(kind);
    const found = keys.length === 0 ? 'none (a key without a value is none: write {})' : keys.join(' and ');
    return `needs exactly one ${kind} plugin, found ${found}; installed: ${installed.join(', ') || 'none'}`;
  }

  #whyUnknown(kind: Kind, key: string): string {
    if (this.registry.isDisabled(kind, key))
      return `the ${kind} plugin "${key}" is disabled; whoever runs the operator can allow it`;
    const { refused } = this.registry;
    const saysItHasIt = refused.find(({ provides }) => provides.includes(`${kind}/${key}`));
    if (saysItHasIt !== undefined)
      return `the ${kind} plugin "${key}" is not available: ${saysItHasIt.origin} was refused: ${saysItHasIt.reason}`;
    const elsewhere = (['source', 'filter', 'action'] as const).find((other) => this.registry.find(other, key));
    if (elsewhere !== undefined) return `"${key}" is a plugin for ${elsewhere}s; move it to spec.${elsewhere}s`;
    const close = nearest(key, this.#choices(kind));
    const known = this.registry.names(kind).join(', ') || 'none';
    const hint = close === undefined ? `installed: ${known}` : `did you mean "${close}"?`;
    const others = refused.map(({ origin, reason }) => `; refused: ${origin}: ${reason}`).join('');
    return `no ${kind} plugin "${key}" is installed; ${hint}${others}`;
  }

  #byKind(item: Record<string, unknown>, path: string): Picked<'source'> | undefined {
    const ref = validateConfig(SourceObjectRef, item['objectRef'], `${path}.objectRef`);
    if (ref.issues !== undefined) {
      this.issues.push(...ref.issues);
      return undefined;
    }
    const { apiVersion, kind, namespace, name } = ref.value;
    const kinds = this.registry.handledKinds();
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
    this.issues.push({ path: `${path}.objectRef.kind`, message: `no source plugin handles ${shown}; ${hint}` });
    this.reason = 'UnknownKind';
    return undefined;
  }

  refuseForeign(): void {
    this.issues.push(...foreignReferences(this.identity.namespace, this.#reaching));
  }

  #config(picked: AnyPicked): unknown {
    const config = this.#checked(picked);
    if (config !== undefined) this.#reaching.push({ ...picked, config });
    return config;
  }

  #checked(picked: AnyPicked): unknown {
    const { plugin, path } = picked;
    const validated = validateConfig(plugin.config, asWritten(plugin.config, picked.config), path);
    if (validated.issues !== undefined) {
      const { issues, defaulted } = validated;
      if (defaulted !== undefined) return this.#object(issues) ? undefined : defaulted;
      this.issues.push(...issues);
      return undefined;
    }
    const more = this.#furtherIssues(picked, validated.value);
    return more.length > 0 && this.#object(more) ? undefined : validated.value;
  }

  /** True when the objection counts. */
  #object(issues: readonly RuleIssue[]): boolean {
    (this.acceptedBefore ? this.tolerated : this.issues).push(...issues);
    return !this.acceptedBefore;
  }

  /** What the plugin itself objects to. A `validate` that fails is an issue of its own: the rule must not run unchecked. */
  #furtherIssues({ plugin, path }: AnyPicked, config: unknown): RuleIssue[] {
    try {
      const found = plugin.validate?.(config) ?? [];
      return found.map((issue) => ({
        path: issue.path === '' ? path : `${path}.${issue.path}`,
        message: issue.message,
      }));
    } catch (thrown) {
      return [{ path, message: `the plugin cannot check this: ${toTriggerError(thrown).message}` }];
    }
  }
}

/** The items that can be looked at, with their places. */
function itemsOf(list: unknown): [Record<string, unknown>, number][] {
  if (!Array.isArray(list)) return [];
  return list
    .map((item, i): [unknown, number] => [item, i])
    .filter((pair): pair is [Record<string, unknown>, number] => {
      const [item] = pair;
      return typeof item === 'object' && item !== null && !Array.isArray(item);
    });
}

/** JSON with sorted keys: equal configs give equal text, however they were written. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const entries = Object.entries(value).filter(([, inner]) => inner !== undefined);
  return `{${entries
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, inner]) => `${JSON.stringify(key)}:${canonical(inner)}`)
    .join(',')}}`;
}
