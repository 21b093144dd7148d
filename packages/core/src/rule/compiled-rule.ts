import type { RuleIdentity } from '../contract/context.js';
import type { CoalesceWindow } from '../contract/events.js';
import type { Action, ActionPlugin, Filter, FilterPlugin, Source, SourcePlugin } from '../contract/plugin.js';

/** A rule whose every name is resolved and whose every config is validated and defaulted. */
export interface CompiledRule {
  readonly identity: RuleIdentity;
  readonly sources: readonly CompiledSource[];
  readonly filters: readonly CompiledFilter[];
  readonly actions: readonly CompiledAction[];
  readonly delivery: DeliveryOptions;
  readonly onFirstSeen: 'baseline' | 'run';
  /** Of the rule's namespace: whom the rule watches and acts as. Default: the operator's own. */
  readonly serviceAccountName?: string;
}

export interface CompiledSource {
  /** The item's `name`, or its plugin and position, e.g. `configMap[0]`. */
  readonly name: string;
  /** Digest of plugin, revision format and config: the checkpoint belongs to it. */
  readonly id: string;
  readonly plugin: SourcePlugin;
  readonly config: unknown;
}

export interface CompiledFilter {
  readonly name: string;
  readonly plugin: FilterPlugin;
  readonly config: unknown;
  readonly needsObject: boolean;
}

export interface CompiledAction {
  readonly name: string;
  readonly plugin: ActionPlugin;
  readonly config: unknown;
  readonly needsObject: boolean;
  readonly timeoutMs: number;
  readonly retry: RetryOptions;
  /** What a final failure means for the actions after this one. */
  readonly onFailure: 'stop' | 'continue';
}

export interface RetryOptions {
  /** Repetitions after the first attempt; `Infinity` until it succeeds or is superseded. */
  readonly limit: number;
  readonly initialDelayMs: number;
  readonly maxDelayMs: number;
}

export interface DeliveryOptions {
  /** Keys in delivery at a time. */
  readonly concurrency: number;
  /** Lets changes that come together begin together; a `quietMs` of 0 turns it off. */
  readonly coalesce: CoalesceWindow;
  readonly breaker: BreakerOptions;
}

/** More than `limit` actions on one target because of one key within `windowMs` trip the breaker. */
export interface BreakerOptions {
  readonly limit: number;
  readonly windowMs: number;
}

/** The instances that a rule runs on, in the order of the rule. */
export interface RuleInstances {
  readonly sources: readonly Source[];
  readonly filters: readonly Filter[];
  readonly actions: readonly Action[];
  /** Disposes what the container made, after the last attempt ended. */
  dispose(): Promise<void>;
}
