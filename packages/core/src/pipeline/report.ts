import type { TargetOutcome, TriggerError } from '../contract/errors.js';
import type { Outcome, TriggerEvent } from '../contract/events.js';
import type { ActionResult } from '../contract/plugin.js';

/** What a running rule tells: the one stream that status, Events, metrics and `explain` are made from. */
export type RuleReport =
  | SourceReport
  | {
      readonly type: 'verdict';
      readonly event: TriggerEvent;
      readonly gate: string;
      readonly verdict: 'drop';
      readonly because: string;
    }
  | {
      readonly type: 'verdict';
      readonly event: TriggerEvent;
      readonly gate: string;
      readonly verdict: 'defer';
      readonly because: string;
      readonly untilMs: number;
    }
  | AttemptedReport
  | AttemptFailedReport
  | WaitingReport
  | SettledReport
  | UndoneReport
  | { readonly type: 'check'; readonly action: string; readonly error?: TriggerError }
  | { readonly type: 'checkpoint'; readonly error?: TriggerError }
  | { readonly type: 'tripped'; readonly error: TriggerError }
  | { readonly type: 'resumed' }
  | { readonly type: 'fault'; readonly where: string; readonly error: TriggerError };

export interface SourceReport {
  readonly type: 'source';
  readonly source: string;
  readonly state: 'opening' | 'synced' | 'degraded';
  readonly error?: TriggerError;
}

/** What waited for a delivery is the settled state again: nothing is to be done. */
export interface UndoneReport {
  readonly type: 'undone';
  readonly source: string;
  readonly key: string;
}

/** An attempt of an action ended, however it did. */
export interface AttemptedReport {
  readonly type: 'attempted';
  readonly event: TriggerEvent;
  readonly action: string;
  readonly attempt: number;
  readonly outcome: ActionResult['outcome'] | 'failed';
  readonly error?: TriggerError;
  readonly startedAtMs: number;
  readonly endedAtMs: number;
}

/** An attempt failed; without `nextAttemptAtMs` the action was given up. */
export interface AttemptFailedReport {
  readonly type: 'attemptFailed';
  readonly event: TriggerEvent;
  readonly action: string;
  readonly attempt: number;
  readonly error: TriggerError;
  readonly nextAttemptAtMs?: number;
}

/** An action did what it can for now and is run again. */
export interface WaitingReport {
  readonly type: 'waiting';
  readonly event: TriggerEvent;
  readonly action: string;
  /** What became of its targets so far in this process. */
  readonly targets: readonly TargetOutcome[];
  readonly because: string;
  readonly againAtMs: number;
}

export interface ActionOutcome {
  readonly action: string;
  readonly outcome: 'done' | 'unchanged' | 'failed' | 'skipped';
  readonly attempts: number;
  readonly targets: readonly TargetOutcome[];
  readonly error?: TriggerError;
}

/** An event ended. `actions` is empty for a dropped one. */
export interface SettledReport {
  readonly type: 'settled';
  readonly event: TriggerEvent;
  readonly outcome: Outcome;
  readonly actions: readonly ActionOutcome[];
  /** From when the runtime saw the event to now. */
  readonly tookMs: number;
}
