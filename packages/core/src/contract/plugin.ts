import type { Observable } from 'rxjs';
import type { InjectionToken } from 'tsyringe';
import type { Static, TSchema } from 'typebox';
import type { ActionContext, CallContext, FilterContext, PluginContext, SourceContext } from './context.js';
import type { SourceEvent, TriggerEvent, Verdict } from './events.js';

/** The contract version that this package speaks. A plugin built for another one is refused by name. */
export const CONTRACT_VERSION = 1;

export interface Source<C = unknown, D = unknown> {
  /**
   * An Observable: cold, acquires on subscribe, releases everything on unsubscribe. Or an AsyncIterable, such as an `async *` method:
   * the host asks for the next event when there is room for it, and ends it by `context.signal` and `return()`. Never blocks.
   * When it errors or ends, it is reopened with backoff.
   */
  open(config: C, context: SourceContext): Observable<SourceEvent<D>> | AsyncIterable<SourceEvent<D>>;
  /**
   * What else revisions are made with beside the config, e.g. the id of a digest key; part of the checkpoint's identity, so that the rule
   * starts from a new baseline when it is another one. Asked once, before `open`. While it rejects the rule is not started, and is
   * tried again.
   */
  identity?(config: C): string | Promise<string>;
  /** The source's own gate (its `on:` option), asked before the rule's filters. */
  decide?(config: C, event: TriggerEvent<D>): Verdict;
  /**
   * The object of a key as it is now, null when there is none. Needed where the plugin's `objects` is `readable`. Rejects with a
   * `TriggerError` also for one that is too large to be looked at.
   */
  read?(config: C, key: string, context: CallContext): Promise<unknown>;
}

export interface Filter<C = unknown, D = unknown> {
  decide(config: C, event: TriggerEvent<D>, context: FilterContext): Verdict;
}

/** One run of one action for one event. Read it, do not spread it: `revision` is made when it is read, as is the `signal` of the context. */
export interface Delivery<D = unknown> {
  readonly event: TriggerEvent<D>;
  /**
   * The rule's combined revision: one opaque string for the states of all its keys that were passed to actions. Read it as
   * late as possible: it moves on when another key's delivery begins. So a later attempt may find another one: what an earlier attempt of
   * this delivery did is known by the `id`.
   */
  readonly revision: string;
  /** `event.id`: what a receiver may deduplicate by. */
  readonly id: string;
  /** 1 for the first attempt of this action for this event; a run that ended `waiting` is none. */
  readonly attempt: number;
  /** True when an earlier run may already have reached a target (a retry, a wait, or a killed process): compare before acting. */
  readonly redelivered: boolean;
}

export interface TargetResult {
  /** `Kind/namespace/name` or a URL's origin and path. */
  readonly target: string;
  readonly outcome: 'done' | 'unchanged';
  readonly message?: string;
}

/** How one run of an action ended; what went wrong is a rejection. */
export type ActionResult = ActionAnswer | ActionWaiting;

/** The action is through. `unchanged` when no target had to be touched because all had this revision already. */
export interface ActionAnswer {
  readonly outcome: 'done' | 'unchanged';
  readonly targets: readonly TargetResult[];
}

/**
 * A part is done (or nothing yet), and the rest has to wait: for the next wave, a PodDisruptionBudget, a file that is not mounted yet.
 * No failure: it counts towards no limit and nothing backs off. The action is run again for the same delivery, with `redelivered`, after
 * `againAfterMs` (or earlier); in another process, if this one ends meanwhile. So it keeps no state and finds out by looking how far it
 * is. A newer state of the key takes the place of one that waits; later actions of the rule wait as well.
 */
export interface ActionWaiting {
  readonly outcome: 'waiting';
  /** What this run touched, or found up to date. */
  readonly targets: readonly TargetResult[];
  /** What it waits for, as a short clause that names the fact: shown in status and logs. */
  readonly because: string;
  /** At least 100 ms go by, so that a zero makes no loop. */
  readonly againAfterMs: number;
  /**
   * Ends the wait at its first value, at the earliest 100 ms after it began. Subscribed to only while the delivery waits, so it must
   * also emit for what happened since the run looked. That it errors or completes ends nothing.
   */
  readonly until?: Observable<unknown>;
}

export interface Action<C = unknown, D = unknown> {
  /** Idempotent by `delivery.revision` or `delivery.id`. Rejects with a `TriggerError`. */
  run(config: C, delivery: Delivery<D>, context: ActionContext): Promise<ActionResult>;
  /**
   * Looks, without touching anything, whether the action could work (target there, verb allowed), so that a bad rule shows it
   * before the first change. Rejects with a `TriggerError`; it is repeated until it resolves and never holds up deliveries.
   */
  check?(config: C, context: ActionContext): Promise<void | CheckedUntil>;
  /**
   * Says at once, from what the action watches anyway, why a run for this event would find nothing to touch ("no Deployment uses it");
   * undefined when it may find something or is not sure. An event that all actions of its rule have no use for is dropped with these
   * reasons: nothing is written before, and no run is counted. Not asked for a delivery that began, nor for a run by hand.
   */
  idle?(config: C, event: TriggerEvent<D>, context: PluginContext): string | undefined;
}

/** What a check found holds until `until` says something: then it is made again, a second later at the soonest. */
export interface CheckedUntil {
  readonly until: Observable<unknown>;
}

/** A rule of RBAC in Kubernetes' own form; the deploy manifests' Role is generated from these. */
export interface RbacRule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
  readonly resourceNames?: readonly string[];
  /** Needed in the operator's own namespace only: belongs in a Role there, never in a ClusterRole. Default: where rules watch and act. */
  readonly inOperatorNamespace?: boolean;
  /** Which resources it comes to is the rules' choice: the plugin may ask for all of these, but whoever installs it grants them; in no Role. */
  readonly chosenByRules?: boolean;
}

/** What one config needs, in the namespace where it needs it. */
export interface ConfiguredRbacRule extends RbacRule {
  /** Default: the rule's. `''`: in no namespace, because the objects are in none. */
  readonly namespace?: string;
  /** What whoever grants this should check first, e.g. that a name was guessed. */
  readonly note?: string;
}

/** A reference to an object, as in a rule's `objectRef`. */
export interface ObjectReference {
  readonly apiVersion?: string;
  readonly kind: string;
  readonly namespace?: string;
  readonly name: string;
}

/** Gives what the host (or an embedding program) registered for a token. Throws when there is nothing. */
export interface Inject {
  <T>(token: InjectionToken<T>): T;
  /** Undefined when nothing is registered for it. */
  optional<T>(token: InjectionToken<T>): T | undefined;
}

/** A class whose instance the rule's tsyringe container makes: its constructor may `@inject` tokens. */
export type PluginClass<T> = new (...args: never[]) => T;

/** How instances are made, one per rule that uses the plugin. An instance's `dispose()`, if it has one, is called when the rule ends. */
export type Making<T> =
  | { readonly create: (inject: Inject) => T; readonly useClass?: undefined }
  | { readonly useClass: PluginClass<T>; readonly create?: undefined };

// Functions of the config are written as methods, so that plugins with different configs fit in one list.
interface PluginFields<C extends TSchema> {
  /** The key in YAML: lowerCamelCase, unique among plugins of its kind. */
  readonly name: string;
  /** One sentence. */
  readonly summary: string;
  /** An object schema: the one source of type, defaults, validation, CRD fragment and option table. */
  readonly config: C;
  /** Everything that it asks of the Kubernetes API; its client refuses what is not in here. */
  readonly rbac: readonly RbacRule[];
  /** What one config needs, narrowed to the names and namespaces in it. Default: all of `rbac`. */
  rbacFor?(this: void, config: Static<C>): readonly ConfiguredRbacRule[];
  /**
   * What whoever writes a rule must be allowed to, so that it does nothing for them which they could not do: CEL for the admission policy that
   * `kube-trigger policy` prints. A list of `verb|group|resource|subresource|namespace|name`, the last three perhaps empty, over `config` as
   * it was written (`has(config.x)` for what may be missing), `variables.home` (the rule's) and `variables.sourceNamespaces`. Texts that
   * are empty ask for nothing. Default: all of `rbac`, in all namespaces.
   */
  readonly authorRights?: string;
  /** Codes of the errors this plugin throws, with their meaning. */
  readonly errors?: Readonly<Record<string, string>>;
  /** Checks that the schema cannot express. Returns messages with a path relative to the config. */
  validate?(this: void, config: Static<C>): readonly ConfigIssue[];
}

interface SourceFields<C extends TSchema> extends PluginFields<C> {
  /** `level` sources say what is (`present`, `absent`), `edge` sources what happened (`occurred`). */
  readonly semantics: 'level' | 'edge';
  /** What `objectRef` in a rule picks this source by. The config is then `{ namespace, name }`. */
  readonly handles?: { readonly apiVersion: string; readonly kind: string };
  /** Part of the checkpoint's identity: raise it when revisions are made differently, so that rules re-baseline. */
  readonly revisionFormat: number;
  /**
   * Whether filters and actions may look at the objects that events are about (`Source.read`). `never` says why not, as a clause; rules that
   * would need them are refused with it. Default: there are none.
   */
  readonly objects?: 'readable' | { readonly never: string };
}

interface FilterFields<C extends TSchema> extends PluginFields<C> {
  /** Whether this config looks at `event.object`. Asked after `validate`. Default: no. */
  needsObject?(this: void, config: Static<C>): boolean;
}

interface ActionFields<C extends TSchema> extends PluginFields<C> {
  /**
   * `level` actions (a rollout) bring a target to a state: they are retried until they succeed or are superseded. `edge` actions (a
   * webhook) report something that happened: they give up at `retry.limit`.
   */
  readonly semantics: 'level' | 'edge';
  /** Whether this config looks at `event.object`. Asked after `validate`. Default: no. */
  needsObject?(this: void, config: Static<C>): boolean;
}

/** What the host goes by when it looks at a plugin value that it did not make. */
interface Tag<K extends 'source' | 'filter' | 'action'> {
  readonly kind: K;
  readonly contract: typeof CONTRACT_VERSION;
}

type SourceDraft<C extends TSchema, D> = SourceFields<C> & Making<Source<Static<C>, D>>;
type FilterDraft<C extends TSchema, D> = FilterFields<C> & Making<Filter<Static<C>, D>>;
type ActionDraft<C extends TSchema, D> = ActionFields<C> & Making<Action<Static<C>, D>>;

export type SourcePlugin<C extends TSchema = TSchema, D = unknown> = Tag<'source'> & SourceDraft<C, D>;
export type FilterPlugin<C extends TSchema = TSchema, D = unknown> = Tag<'filter'> & FilterDraft<C, D>;
export type ActionPlugin<C extends TSchema = TSchema, D = unknown> = Tag<'action'> & ActionDraft<C, D>;

export interface ConfigIssue {
  /** Relative to the plugin's config, e.g. `objectRef.kind`. */
  readonly path: string;
  /** Names the value and the fix. */
  readonly message: string;
}

export type Plugin = SourcePlugin | FilterPlugin | ActionPlugin;

/** Defines a source plugin; the default export of its package. Types follow from `config`; `D` is what its events carry as `data`. */
export function defineSource<C extends TSchema, D = unknown>(plugin: SourceDraft<C, D>): SourcePlugin<C, D> {
  return { kind: 'source', contract: CONTRACT_VERSION, ...plugin };
}

/** Defines a filter plugin; the default export of its package. */
export function defineFilter<C extends TSchema, D = unknown>(plugin: FilterDraft<C, D>): FilterPlugin<C, D> {
  return { kind: 'filter', contract: CONTRACT_VERSION, ...plugin };
}

/** Defines an action plugin; the default export of its package. `D` is what it needs of an event's `data`. */
export function defineAction<C extends TSchema, D = unknown>(plugin: ActionDraft<C, D>): ActionPlugin<C, D> {
  return { kind: 'action', contract: CONTRACT_VERSION, ...plugin };
}

export type { PluginContext };
