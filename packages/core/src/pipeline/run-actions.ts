import type { SchedulerLike } from 'rxjs';
import type { Logger, RuleIdentity } from '../contract/context.js';
import { isTriggerError, toTriggerError, TriggerError } from '../contract/errors.js';
import type { TriggerEvent } from '../contract/events.js';
import type { Action, ActionResult, Delivery, TargetResult } from '../contract/plugin.js';
import type { CompiledAction } from '../rule/compiled-rule.js';
import { attempt as attemptOnce } from './attempt.js';
import type { ActionOutcome, RuleReport } from './report.js';
import { fullJitter, LONGEST_WAIT_MS } from './wait.js';

export interface ActionRunner {
  readonly rule: RuleIdentity;
  readonly actions: readonly { readonly compiled: CompiledAction; readonly instance: Action }[];
  readonly logger: Logger;
  readonly scheduler: SchedulerLike;
  readonly random: () => number;
  readonly combinedRevision: () => string;
  readonly report: (report: RuleReport) => void;
}

/** What the mailbox lets a delivery know and do. */
export interface DeliveryControl {
  /** A newer state of the key arrived: waiting for a retry of this one makes no sense any more. */
  readonly superseded: () => boolean;
  /** The rule is ending: a running delivery may finish, but nothing waits. */
  readonly closing: () => boolean;
  /** How long nothing may be touched (this replica lost its lease, the breaker tripped) before asking again; undefined when it may. */
  readonly heldMs: () => number | undefined;
  /** Aborts running attempts. */
  readonly stopped: AbortSignal;
  /** Waits with the delivery's place given free; ends early when superseded, poked or closing. */
  readonly wait: (ms: number) => Promise<void>;
  readonly redelivered: boolean;
}

export type ActionsEnd =
  | { readonly end: 'answered'; readonly outcomes: readonly ActionOutcome[] }
  | { readonly end: 'superseded' | 'stopped' };

/**
 * Runs the rule's actions for one event, in order. A failed attempt is repeated by the error's hint; after a final failure the rest is
 * skipped, unless the action says `onFailure: continue`. Only a failed action is repeated, not those before it.
 */
export async function runActions(
  runner: ActionRunner,
  event: TriggerEvent,
  control: DeliveryControl,
): Promise<ActionsEnd> {
  const outcomes: ActionOutcome[] = [];
  let skip = false;
  for (const { compiled, instance } of runner.actions) {
    if (skip) {
      outcomes.push({ action: compiled.name, outcome: 'skipped', attempts: 0, targets: [] });
      continue;
    }
    const outcome = await untilAnswered(runner, { compiled, instance, event }, control);
    if (typeof outcome === 'string') return { end: outcome };
    outcomes.push(outcome);
    skip = outcome.outcome === 'failed' && compiled.onFailure === 'stop';
  }
  return { end: 'answered', outcomes };
}

interface ActionRun {
  readonly compiled: CompiledAction;
  readonly instance: Action;
  readonly event: TriggerEvent;
}

async function untilAnswered(
  runner: ActionRunner,
  run: ActionRun,
  control: DeliveryControl,
): Promise<ActionOutcome | 'superseded' | 'stopped'> {
  const { compiled, event } = run;
  for (let attempt = 1; ;) {
    const end = await untilAllowed(control);
    if (end !== undefined) return end;
    const result = await tryOnce(runner, run, { attempt, control });
    if (!isTriggerError(result)) return { action: compiled.name, attempts: attempt, ...result };
    if (control.stopped.aborted) return 'stopped';
    const delayMs = delayAfter(result, attempt, { run, random: runner.random });
    const report = { type: 'attemptFailed', event, action: compiled.name, attempt, error: result } as const;
    if (delayMs === undefined) {
      runner.report(report);
      return { action: compiled.name, outcome: 'failed', attempts: attempt, targets: [], error: result };
    }
    runner.report({ ...report, nextAttemptAtMs: runner.scheduler.now() + delayMs });
    await control.wait(delayMs);
    if (control.superseded()) return 'superseded';
    if (control.closing()) return 'stopped';
    // Not being the leader is no failure of the action, so it uses up no attempt.
    if (result.code !== 'KT_NOT_LEADER') attempt += 1;
  }
}

/** Asked before every attempt: nothing may be touched without the lease, by a tripped rule, or after the stop. */
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
  { run, random }: { run: ActionRun; random: () => number },
): number | undefined {
  const { retry } = run.compiled;
  if (error.code === 'KT_NOT_LEADER') return 1000;
  if (error.retry === 'never' || attempt > retry.limit) return undefined;
  if (typeof error.retry !== 'object') return fullJitter(attempt, retry, random);
  return Math.min(Math.max(error.retry.afterMs, retry.initialDelayMs / 10), LONGEST_WAIT_MS);
}

async function tryOnce(
  runner: ActionRunner,
  run: ActionRun,
  { attempt, control }: { attempt: number; control: DeliveryControl },
): Promise<ActionResult | TriggerError> {
  const { compiled, event } = run;
  const { rule, scheduler, random } = runner;
  const delivery: Delivery = {
    event,
    id: event.id,
    attempt,
    redelivered: control.redelivered || attempt > 1,
    get revision() {
      return runner.combinedRevision();
    },
  };
  try {
    const logger = runner.logger.child({ action: compiled.name });
    const call = (signal: AbortSignal) =>
      run.instance.run(compiled.config, delivery, { rule, scheduler, random, logger, signal });
    const limits = { timeoutMs: compiled.timeoutMs, scheduler, stopped: control.stopped };
    return checked(await attemptOnce(call, limits));
  } catch (thrown) {
    return toTriggerError(thrown);
  }
}

/** The parts of a result that the host relies on; whatever else a plugin adds is left out. */
function checked(result: unknown): ActionResult {
  try {
    const { outcome, targets } = result as ActionResult;
    if (isOutcome(outcome) && Array.isArray(targets)) return { outcome, targets: targets.map(checkedTarget) };
  } catch {
    // Not an object, or its getters throw: said below.
  }
  throw new TriggerError('KT_PLUGIN_FAULT', 'the action did not resolve with an ActionResult', { retry: 'never' });
}

function checkedTarget({ target, outcome, message }: TargetResult): TargetResult {
  if (typeof target !== 'string' || !isOutcome(outcome)) throw new TypeError('not a TargetResult');
  return { target, outcome, ...(typeof message === 'string' ? { message } : {}) };
}

function isOutcome(value: unknown): value is 'done' | 'unchanged' {
  return value === 'done' || value === 'unchanged';
}
