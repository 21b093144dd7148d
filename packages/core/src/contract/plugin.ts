import type { Observable } from 'rxjs';
import type { Static, TSchema } from 'typebox';
import type { ActionContext, FilterContext, PluginContext, SourceContext } from './context.js';
import type { SourceEvent, TriggerEvent, Verdict } from './events.js';

/** The contract version that this package speaks. A plugin built for another one is refused by name. */
export const CONTRACT_VERSION = 1;

export interface Source<C = unknown, D = unknown> {
  /** Cold: acquires on subscribe, releases everything on unsubscribe. Never blocks. When it errors or completes, it is reopened. */
  open(config: C, context: SourceContext): Observable<SourceEvent<D>>;
  /**
   * What else revisions are made with beside the config, e.g. the id of a digest key; part of the checkpoint's identity, so that the rule
   * starts from a new baseline when it is another one. Asked once, before `open`. While it rejects the rule is not started, and is
   * tried again.
   */
  identity?(config: C): string | Promise<string>;
  /** The source's own gate (its `on:` option), asked before the rule's filters. */
  decide?(config: C, event: TriggerEvent<D>): Verdict;
}

export interface Filter<C = unknown> {
  decide(config: C, event: TriggerEvent, context: FilterContext): Verdict;
}

/** One run of one action for one event. */
export interface Delivery<D = unknown> {
  readonly event: TriggerEvent<D>;
  /**
   * The rule's combined revision: one opaque string for the states of all its keys that were passed to actions. Read it as
   * late as possible: it moves on when another key's delivery begins.
   */
  readonly revision: string;
  /** `event.id`: what a receiver may deduplicate by. */
  readonly id: string;
  /** 1 for the first attempt of this action for this event. */
  readonly attempt: number;
  /** True when an earlier attempt may already have reached a target (a retry, or a killed process): compare before acting. */
  readonly redelivered: boolean;
}

export interface TargetResult {
  /** `Kind/namespace/name` or a URL's origin and path. */
  readonly target: string;
  readonly outcome: 'done' | 'unchanged';
  readonly message?: string;
}

/** `unchanged` when no target had to be touched because all had this revision already. */
export interface ActionResult {
  readonly outcome: 'done' | 'unchanged';
  readonly targets: readonly TargetResult[];
}

export interface Action<C = unknown> {
  /** Idempotent by `delivery.revision` or `delivery.id`. Rejects with a `TriggerError`. */
  run(config: C, delivery: Delivery, context: ActionContext): Promise<ActionResult>;
  /**
   * Looks, without touching anything, whether the action could work (target there, verb allowed), so that a bad rule shows it
   * before the first change. Rejects with a `TriggerError`; it is repeated until it resolves and never holds up deliveries.
   */
  check?(config: C, context: ActionContext): Promise<void>;
}

/** A rule of RBAC in Kubernetes' own form; the deploy manifests' Role is generated from these. */
export interface RbacRule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
  readonly resourceNames?: readonly string[];
  /** Needed in the operator's own namespace only: belongs in a Role there, never in a ClusterRole. Default: where rules watch and act. */
  readonly inOperatorNamespace?: boolean;
}

/** A reference to an object, as in the seed's `objectRef`. */
export interface ObjectReference {
  readonly apiVersion?: string;
  readonly kind: string;
  readonly namespace?: string;
  readonly name: string;
}

/** A class whose instance the rule's tsyringe container makes: its constructor may `@inject` tokens. */
export type PluginClass<T> = new (...args: never[]) => T;

interface PluginBase<C extends TSchema> {
  /** The key in YAML: lowerCamelCase, unique among plugins of its kind. */
  readonly name: string;
  /** One sentence. */
  readonly summary: string;
  readonly contract: typeof CONTRACT_VERSION;
  /** An object schema: the one source of type, defaults, validation, CRD fragment and option table. */
  readonly config: C;
  readonly rbac: readonly RbacRule[];
  /** Codes of the errors this plugin throws, with their meaning. */
  readonly errors?: Readonly<Record<string, string>>;
}

export interface SourcePlugin<C extends TSchema = TSchema> extends PluginBase<C> {
  readonly kind: 'source';
  readonly useClass: PluginClass<Source<Static<C>>>;
  /** `level` sources say what is (`present`, `absent`), `edge` sources what happened (`occurred`). */
  readonly semantics: 'level' | 'edge';
  /** What the seed's `objectRef` picks this source by. The config is then `{ namespace, name }`. */
  readonly handles?: { readonly apiVersion: string; readonly kind: string };
  /** Part of the checkpoint's identity: raise it when revisions are made differently, so that rules re-baseline. */
  readonly revisionFormat: number;
  /** Checks that the schema cannot express. Returns messages with a path relative to the config. */
  readonly validate?: (config: Static<C>) => readonly ConfigIssue[];
}

export interface FilterPlugin<C extends TSchema = TSchema> extends PluginBase<C> {
  readonly kind: 'filter';
  readonly useClass: PluginClass<Filter<Static<C>>>;
  readonly validate?: (config: Static<C>) => readonly ConfigIssue[];
}

export interface ActionPlugin<C extends TSchema = TSchema> extends PluginBase<C> {
  readonly kind: 'action';
  readonly useClass: PluginClass<Action<Static<C>>>;
  /**
   * `level` actions (a rollout) bring a target to a state: they are retried until they succeed or are superseded. `edge` actions (a
   * webhook) report something that happened: they give up at `retry.limit`.
   */
  readonly semantics: 'level' | 'edge';
  readonly validate?: (config: Static<C>) => readonly ConfigIssue[];
}

export interface ConfigIssue {
  /** Relative to the plugin's config, e.g. `objectRef.kind`. */
  readonly path: string;
  /** Names the value and the fix. */
  readonly message: string;
}

export type Plugin = SourcePlugin | FilterPlugin | ActionPlugin;

type Draft<P> = Omit<P, 'kind' | 'contract'>;

/** Defines a source plugin; the default export of its package. Types follow from `config`. */
export function defineSource<C extends TSchema>(plugin: Draft<SourcePlugin<C>>): SourcePlugin<C> {
  return { kind: 'source', contract: CONTRACT_VERSION, ...plugin };
}

/** Defines a filter plugin; the default export of its package. */
export function defineFilter<C extends TSchema>(plugin: Draft<FilterPlugin<C>>): FilterPlugin<C> {
  return { kind: 'filter', contract: CONTRACT_VERSION, ...plugin };
}

/** Defines an action plugin; the default export of its package. */
export function defineAction<C extends TSchema>(plugin: Draft<ActionPlugin<C>>): ActionPlugin<C> {
  return { kind: 'action', contract: CONTRACT_VERSION, ...plugin };
}

export type { PluginContext };
