import { delay, type Observable, type SchedulerLike, take } from 'rxjs';
import type { CallContext, Logger, PluginContext, RuleIdentity } from '../contract/context.js';
import { isTriggerError, type TargetOutcome, type TriggerError } from '../contract/errors.js';
import type { TriggerEvent } from '../contract/events.js';
import type { Action, ActionResult, TargetResult } from '../contract/plugin.js';
import type { CompiledAction, RetryOptions } from '../rule/compiled-rule.js';
import { attemptAction } from './attempt-action.js';
import type { ActionOutcome, RuleReport } from './report.js';
import { fullJitter, LONGEST_WAIT_MS } from './wait.js';

/** Between two runs of an action that has to wait. */
const LEAST_WAIT_MS = 100;

export class RunnableAction {
  #logger: Logger | undefined;

  constructor(
    readonly compiled: CompiledAction,
    readonly instance: Action,
    private readonly rule: PluginContext,
  ) {}

  get context(): PluginContext {
    return { ...this.rule, logger: this.logger };
  }

  /** Names the action in whatever it logs. */
  get logger(): Logger {
    return (this.#logger ??= this.rule.logger.child({ action: this.compiled.name }));
  }
}

export interface ActionRunner {
  readonly rule: RuleIdentity;
  readonly actions: readonly RunnableAction[];
  readonly logger: Logger;
  readonly scheduler: SchedulerLike;
  readonly random: () => number;
  readonly combinedRevision: () => string;
  readonly report: (report: RuleReport) => void;
}

/** What the actions of a delivery may know of it and do. */
export interface DeliveryControl {
  /** A newer state of the key arrived: waiting for a retry of this one makes no sense any more. */
  superseded(): boolean;
  /** The rule is ending: a running delivery may finish, but nothing waits. */
  closing(): boolean;
  /** How long nothing may be touched (this replica lost its lease, the breaker tripped) before asking again; undefined when it may. */
  heldMs(): number | undefined;
  /** Aborts running attempts. */
  readonly stopped: AbortSignal;
  /** Told of what each run touched or found up to date. */
  touched(targets: readonly TargetResult[]): void;
  /** Waits with the delivery's place given free; ends early when superseded, poked or closing, and at the first value of `until`. */
  wait(ms: number, until?: Observable<unknown>): Promise<void>;
  readonly redelivered: boolean;
  /** Reads what the event is about. */
  object(context: CallContext): Promise<unknown>;
}

export type ActionsEnd =
  | { readonly end: 'answered'; readonly outcomes: readonly ActionOutcome[] }
  | { readonly end: 'superseded' | 'stopped' };

/**
 * Runs the rule's actions for one event, in order. A failed attempt is repeated by the error's hint, one that has to wait when it asked
 * to; after a final failure the rest is skipped, unless the action says `onFailure: continue`. Only that action is repeated, not those
 * before it.
 */
export async function runActions(
  runner: ActionRunner,
  event: TriggerEvent,
  control: DeliveryControl,
): Promise<ActionsEnd> {
  const outcomes: ActionOutcome[] = [];
  let skip = false;
  for (const action of runner.actions) {
    const { compiled } = action;
    if (skip) {
      outcomes.push({ action: compiled.name, outcome: 'skipped', attempts: 0, targets: [] });
      continue;
    }
    const outcome = await untilAnswered(runner, { action, event }, control);
    if (typeof outcome === 'string') return { end: outcome };
    outcomes.push(outcome);
    skip = outcome.outcome === 'failed' && compiled.onFailure === 'stop';
  }
  return { end: 'answered', outcomes };
}

/** One action of one delivery. */
export interface ActionRun {
  readonly action: RunnableAction;
  readonly event: TriggerEvent;
}

/** How far it is. */
export interface Progress {
  attempt: number;
  redelivered: boolean;
  /** What all runs so far did, each target once. */
  targets: readonly TargetOutcome[];
}

async function untilAnswered(
  runner: ActionRunner,
  run: ActionRun,
  control: DeliveryControl,
): Promise<ActionOutcome | 'superseded' | 'stopped'> {
  const progress: Progress = { attempt: 1, redelivered: control.redelivered, targets: [] };
  for (;;) {
    const end = mayStart(control) ? undefined : await untilAllowed(control);
    if (end !== undefined) return end;
    const startedAtMs = runner.scheduler.now();
    const result = await attemptAction(runner, run, { progress, control });
    runner.report({
      type: 'attempted',
      event: run.event,
      action: run.action.compiled.name,
      attempt: progress.attempt,
      ...(isTriggerError(result) ? { outcome: 'failed', error: result } : { outcome: result.outcome }),
      startedAtMs,
      endedAtMs: runner.scheduler.now(),
    });
    progress.redelivered = true;
    if (isTriggerError(result) && control.stopped.aborted) return 'stopped';
    progress.targets = merged(progress.targets, result.targets ?? []);
    if (!isTriggerError(result)) control.touched(result.targets);
    const next = isTriggerError(result)
      ? afterFailure(runner, { ...run, progress }, result)
      : afterResult(runner, { ...run, progress }, result);
    if (typeof next !== 'number') return next;
    await control.wait(next, untilOf(result, runner.scheduler));
    if (control.superseded()) return 'superseded';
    if (control.closing()) return 'stopped';
  }
}

/** Milliseconds until the next run, or how the action ended. */
type Next = number | ActionOutcome;

function afterResult(
  runner: ActionRunner,
  { action: { compiled }, event, progress }: ActionRun & { progress: Progress },
  result: ActionResult,
): Next {
  const { name: action } = compiled;
  const { targets } = progress;
  if (result.outcome !== 'waiting') {
    const outcome = targets.some((target) => target.outcome === 'done') ? 'done' : result.outcome;
    return { action, outcome, attempts: progress.attempt, targets };
  }
  const delayMs = within(LEAST_WAIT_MS, result.againAfterMs);
  const againAtMs = runner.scheduler.now() + delayMs;
  runner.report({ type: 'waiting', event, action, targets, because: result.because, againAtMs });
  return delayMs;
}

/** By target the last word, but `done` once is `done`. */
function merged(earlier: readonly TargetOutcome[], said: readonly TargetOutcome[]): readonly TargetOutcome[] {
  if (said.length === 0) return earlier;
  const targets = new Map(earlier.map((outcome) => [outcome.target, outcome]));
  for (const outcome of said) {
    const isDone = outcome.outcome === 'unchanged' && targets.get(outcome.target)?.outcome === 'done';
    targets.set(outcome.target, isDone ? { ...outcome, outcome: 'done' } : outcome);
  }
  return [...targets.values()];
}

function untilOf(result: ActionResult | TriggerError, scheduler: SchedulerLike): Observable<unknown> | undefined {
  if (isTriggerError(result) || result.outcome !== 'waiting') return undefined;
  return result.until?.pipe(take(1), delay(LEAST_WAIT_MS, scheduler));
}

function afterFailure(
  runner: ActionRunner,
  { action: { compiled }, event, progress }: ActionRun & { progress: Progress },
  error: TriggerError,
): Next {
  const { name: action } = compiled;
  const { attempt, targets } = progress;
  const delayMs = delayAfter(error, attempt, { retry: compiled.retry, random: runner.random });
  const report = { type: 'attemptFailed', event, action, attempt, error } as const;
  if (delayMs === undefined) {
    runner.report(report);
    return { action, outcome: 'failed', attempts: attempt, targets, error };
  }
  runner.report({ ...report, nextAttemptAtMs: runner.scheduler.now() + delayMs });
  // Not being the leader is no failure of the action, so it uses up no attempt.
  if (error.code !== 'KT_NOT_LEADER') progress.attempt += 1;
  return delayMs;
}

/** Asked before every attempt: nothing may be touched without the lease, by a tripped rule, or after the stop. */
function mayStart(control: DeliveryControl): boolean {
  return control.heldMs() === undefined && !control.stopped.aborted;
}

/** Waits until it may start, or until it makes no sense any more. */
async function untilAllowed(control: DeliveryControl): Promise<'superseded' | 'stopped' | undefined> {
  for (let heldMs = control.heldMs(); heldMs !== undefined; heldMs = control.heldMs()) {
    if (control.closing()) return 'stopped';
    await control.wait(heldMs);
    if (control.superseded()) return 'superseded';
  }
  return control.stopped.aborted ? 'stopped' : undefined;
}

/** Undefined: give up. */
function delayAfter(
  error: TriggerError,
  attempt: number,
  { retry, random }: { retry: RetryOptions; random: () => number },
): number | undefined {
  if (error.code === 'KT_NOT_LEADER') return 1000;
  if (error.retry === 'never' || attempt > retry.limit) return undefined;
  if (typeof error.retry !== 'object') return fullJitter(attempt, retry, random);
  return within(retry.initialDelayMs / 10, error.retry.afterMs);
}

/** A plugin's wish, kept from making a loop and from what no timer can hold. */
function within(leastMs: number, afterMs: number): number {
  return Math.min(Math.max(afterMs, leastMs), LONGEST_WAIT_MS);
}
