import type { Static, TObject, TOptional, TSchema } from 'typebox';
import type { ActionPlugin, FilterPlugin, SourcePlugin } from '../contract/plugin.js';

declare const GIVES: unique symbol;
declare const TAKES: unique symbol;

/** One item of a rule whose events carry `D`. */
export interface SourceItem<D> {
  readonly [GIVES]?: D;
}

/** One item of a rule that needs events with `D`. */
export interface EventItem<D> {
  readonly [TAKES]?: (data: D) => void;
}

type DataOf<S> = S extends readonly SourceItem<infer D>[] ? D : never;

/** `spec` of a TriggerRule, with items made by `use`. */
export interface TypedRule<S extends readonly SourceItem<unknown>[]> {
  readonly sources: S;
  readonly filters?: readonly EventItem<DataOf<S>>[];
  readonly actions: readonly EventItem<DataOf<S>>[];
  readonly suspend?: boolean;
  readonly onFirstSeen?: 'baseline' | 'run';
  readonly delivery?: {
    readonly concurrency?: number;
    readonly breaker?: { readonly limit?: number; readonly windowSeconds?: number };
  };
}

type MayBeMissing<P> = {
  [K in keyof P]: P[K] extends TOptional | { readonly default: unknown } ? K : never;
}[keyof P];

/** A config as an author writes it: fields that are optional, or made with `Default`, may be left out. */
export type ConfigInput<C extends TSchema> =
  C extends TObject<infer P>
    ? { readonly [K in Exclude<keyof P, MayBeMissing<P>>]: ConfigInput<P[K]> } & {
        readonly [K in MayBeMissing<P>]?: ConfigInput<P[K]>;
      }
    : Static<C>;

/** Beside the config of any item. */
export interface ItemOptions {
  readonly name?: string;
}

/** Beside the config of an action. */
export interface ActionItemOptions extends ItemOptions {
  readonly retry?: {
    readonly limit?: number;
    readonly initialDelaySeconds?: number;
    readonly maxDelaySeconds?: number;
  };
  readonly timeoutSeconds?: number;
  readonly onFailure?: 'stop' | 'continue';
}

/** An item of a rule, checked by the compiler against the plugin that it names. */
export function use<C extends TSchema, D>(
  plugin: SourcePlugin<C, D>,
  config: ConfigInput<C>,
  options?: ItemOptions,
): SourceItem<D>;
export function use<C extends TSchema, D>(
  plugin: FilterPlugin<C, D>,
  config: ConfigInput<C>,
  options?: ItemOptions,
): EventItem<D>;
export function use<C extends TSchema, D>(
  plugin: ActionPlugin<C, D>,
  config: ConfigInput<C>,
  options?: ActionItemOptions,
): EventItem<D>;
export function use(plugin: { readonly name: string }, config: unknown, options: object = {}): object {
  return { ...options, [plugin.name]: config };
}

/** A rule for `createRuntime` whose sources, filters and actions fit together by type. */
export function defineRule<const S extends readonly SourceItem<unknown>[]>(rule: TypedRule<S>): TypedRule<S> {
  return rule;
}
