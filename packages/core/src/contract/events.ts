import type { TriggerError } from './errors.js';

/**
 * What a source says. A **level** source (a watch) emits what _is_: `present` for every key at first, then `synced`, then
 * `present` and `absent` as the world changes; saying the same thing twice is harmless. An **edge** source (a timer, a queue) emits
 * `occurred` with a unique revision each time, and `synced` at once.
 */
export type SourceEvent<D = unknown> =
  | PresentEvent<D>
  | AbsentEvent
  | OccurredEvent<D>
  | { readonly change: 'synced' }
  | DegradedEvent;

/** A key exists, in the state that `revision` names. */
export interface PresentEvent<D = unknown> {
  readonly change: 'present';
  /** What the event is about, unique within the source, e.g. `ConfigMap/shop/app-config`. 1 to 512 characters. */
  readonly key: string;
  /** Opaque; equal revisions mean equal states. A digest, never a timestamp. 1 to 128 characters. */
  readonly revision: string;
  /** Digest by part (a ConfigMap's data key), from which the runtime derives `changedKeys`. Digests, never values. */
  readonly parts?: Readonly<Record<string, string>>;
  /**
   * By which the source knows this very version again without looking at it, e.g. a resourceVersion. 1 to 64 characters. Equal marks mean
   * equal revisions, but not the other way round. `SourceContext.recall` gives it back after a restart.
   */
  readonly mark?: string;
  /** What filters and templates may look at. Kept only while the event is under way. */
  readonly data?: D;
}

/** A key that was present exists no longer. */
export interface AbsentEvent {
  readonly change: 'absent';
  readonly key: string;
}

/** Something happened at `revision` (a scheduled instant, a message id). Each one is delivered, in order by key. */
export interface OccurredEvent<D = unknown> {
  readonly change: 'occurred';
  readonly key: string;
  readonly revision: string;
  readonly data?: D;
  /** Called once when the event is settled (also when it was dropped or given up), to acknowledge upstream. */
  readonly settled?: (outcome: Outcome) => void;
}

/** The source lives but cannot see (forbidden, not found, unreachable). It keeps trying and emits `synced` when it sees again. */
export interface DegradedEvent {
  readonly change: 'degraded';
  readonly error: TriggerError;
}

/** How one event ended. */
export type Outcome = 'done' | 'unchanged' | 'dropped' | 'failed';

/** What changed, as filters, actions and templates see it. Derived by the runtime from a `SourceEvent` and the checkpoint. */
export interface TriggerEvent<D = unknown> {
  /** Equal for a redelivery of the same change and for nothing else; the CloudEvents `id`. */
  readonly id: string;
  /** The source's `name` in the rule, or its plugin name and position, e.g. `configMap[0]`. */
  readonly source: string;
  readonly key: string;
  /** Empty for `deleted`. */
  readonly revision: string;
  readonly change: 'created' | 'updated' | 'deleted' | 'occurred';
  /** Sorted names of the parts that were added, changed or removed; absent where the source has no parts. */
  readonly changedKeys?: readonly string[];
  /** When the runtime saw it, in milliseconds since the epoch. For people; decides nothing. */
  readonly observedAtMs: number;
  /** Since when the key has been waiting for a delivery, also across replaced states; milliseconds since the epoch. */
  readonly waitingSinceMs: number;
  /** Set for a run that a person asked for (`kube-trigger fire`): who, by their own word. No filter was asked. */
  readonly manual?: { readonly by: string };
  readonly data?: D;
  /**
   * What the event is about, in the state that it has now (it may be newer than `revision`); null when it was deleted, and for a
   * run by hand. Read for one decision or attempt and kept no longer; there for filters and actions whose plugin says `needsObject`.
   */
  readonly object?: unknown;
}

/** A filter's answer. `because` and `drop` end up in `explain`, status and logs: a short clause that names the fact. */
export type Verdict =
  | { readonly pass: true; readonly coalesce?: CoalesceWindow }
  | { readonly drop: string }
  | { readonly deferUntilMs: number; readonly because: string };

/**
 * Lets a change that passes begin together with others of its rule: once none came for `quietMs`, at the latest `maxWaitMs` after the
 * first of them. Where the rule (`delivery.coalesce`) and its filters ask for different windows, the longest counts.
 */
export interface CoalesceWindow {
  readonly quietMs: number;
  readonly maxWaitMs: number;
}

/** The verdict that lets a change through at once. */
export const PASS: Verdict = { pass: true };
