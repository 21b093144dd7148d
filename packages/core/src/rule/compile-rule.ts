import { createHash } from 'node:crypto';
import { type Static, type TSchema, Type } from 'typebox';
import type { RuleIdentity } from '../contract/context.js';
import { toTriggerError } from '../contract/errors.js';
import type { ConfiguredRbacRule } from '../contract/plugin.js';
import type { PluginRegistry } from '../registry/plugin-registry.js';
import type { CompiledAction, CompiledFilter, CompiledRule, CompiledSource, DeliveryOptions } from './compiled-rule.js';
import { crossIssues } from './cross-issues.js';
import { foreignReferences, type ReachingItem } from './foreign-references.js';
import { resolvePlugin, resolveSource, type Unresolved } from './resolve-plugin.js';
import { RESERVED_KEYS, type RetrySpec, RuleSpec } from './rule-spec.js';
import { type RuleIssue, validateConfig } from './validate-config.js';
import { asWritten } from './yaml-keys.js';

export type Compilation =
  | {
      readonly rule: CompiledRule;
      readonly suspend: boolean;
      /** What is wrong with a rule that was accepted before and goes on all the same. */
      readonly tolerated?: { readonly issues: readonly RuleIssue[]; readonly reason: 'Invalid' };
    }
  | { readonly issues: readonly RuleIssue[]; readonly reason: Unresolved['reason'] };

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
    sources: whole(sources),
    filters: whole(filters),
    actions: whole(actions),
    delivery: deliveryOf(delivery, actions),
  };
  if (compiler.tolerated.length === 0) return { rule, suspend };
  return { rule, suspend, tolerated: { issues: compiler.tolerated, reason: 'Invalid' } };
}

/** What `filter` makes has room for 16 more, which thousands of rules would keep. */
function whole<T>(items: readonly (T | undefined)[]): readonly T[] {
  return items.filter((item) => item !== undefined).slice();
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

/** What all plugins have in common for checking a config. */
interface AnyResolved {
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
  reason: Unresolved['reason'] = 'Invalid';

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
    const resolved = this.#resolved(resolveSource({ item, path }, this.registry));
    const config = resolved && this.#config(resolved);
    if (resolved === undefined || config === undefined || reserved === undefined) return undefined;
    const { plugin } = resolved;
    const name = reserved.name ?? `${plugin.name}[${index}]`;
    const identity = [plugin.name, plugin.revisionFormat, this.identity.namespace, canonical(config)];
    const id = createHash('sha256').update(JSON.stringify(identity)).digest('base64url').slice(0, 12);
    return { name, id, plugin, config };
  }

  filter(item: Record<string, unknown>, index: number): CompiledFilter | undefined {
    const path = `spec.filters[${index}]`;
    const reserved = this.#reserved('filters', item, path);
    const resolved = this.#resolved(resolvePlugin('filter', { item, path }, this.registry));
    const config = resolved && this.#config(resolved);
    if (resolved === undefined || config === undefined || reserved === undefined) return undefined;
    const { plugin } = resolved;
    return {
      name: reserved.name ?? `${plugin.name}[${index}]`,
      plugin,
      config,
      needsObject: this.#needsObject(resolved, config),
    };
  }

  action(item: Record<string, unknown>, index: number): CompiledAction | undefined {
    const path = `spec.actions[${index}]`;
    const reserved = this.#reserved('actions', item, path);
    const resolved = this.#resolved(resolvePlugin('action', { item, path }, this.registry));
    const config = resolved && this.#config(resolved);
    if (resolved === undefined || config === undefined || reserved === undefined) return undefined;
    const { plugin } = resolved;
    const retry = reserved.retry ?? { limit: undefined, initialDelaySeconds: 1, maxDelaySeconds: 60 };
    return {
      name: reserved.name ?? `${plugin.name}[${index}]`,
      plugin,
      config,
      needsObject: this.#needsObject(resolved, config),
      timeoutMs: (reserved.timeoutSeconds ?? 30) * 1000,
      onFailure: reserved.onFailure ?? 'stop',
      retry: {
        limit: retry.limit ?? (plugin.semantics === 'level' ? Infinity : 10),
        initialDelayMs: retry.initialDelaySeconds * 1000,
        maxDelayMs: retry.maxDelaySeconds * 1000,
      },
    };
  }

  #resolved<R extends AnyResolved>(found: R | Unresolved): R | undefined {
    if (!('reason' in found)) return found;
    this.issues.push(...found.issues);
    if (found.reason !== 'Invalid') this.reason = found.reason;
    return undefined;
  }

  #needsObject({ plugin, path }: AnyResolved, config: unknown): boolean {
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

  refuseForeign(): void {
    this.issues.push(...foreignReferences(this.identity.namespace, this.#reaching));
  }

  #config(resolved: AnyResolved): unknown {
    const config = this.#checked(resolved);
    if (config !== undefined) this.#reaching.push({ ...resolved, config });
    return config;
  }

  #checked(resolved: AnyResolved): unknown {
    const { plugin, path } = resolved;
    const validated = validateConfig(plugin.config, asWritten(plugin.config, resolved.config), path);
    if (validated.issues !== undefined) {
      const { issues, defaulted } = validated;
      if (defaulted !== undefined) return this.#object(issues) ? undefined : defaulted;
      this.issues.push(...issues);
      return undefined;
    }
    const more = this.#furtherIssues(resolved, validated.value);
    return more.length > 0 && this.#object(more) ? undefined : validated.value;
  }

  /** True when the objection counts. */
  #object(issues: readonly RuleIssue[]): boolean {
    (this.acceptedBefore ? this.tolerated : this.issues).push(...issues);
    return !this.acceptedBefore;
  }

  /** What the plugin itself objects to. A `validate` that fails is an issue of its own: the rule must not run unchecked. */
  #furtherIssues({ plugin, path }: AnyResolved, config: unknown): RuleIssue[] {
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
