import type { SchedulerLike } from 'rxjs';
import type { ActionContext, Logger, RuleIdentity } from '../contract/context.js';
import { isTriggerError, toTriggerError, TriggerError } from '../contract/errors.js';
import type { TriggerEvent } from '../contract/events.js';
import type { Action, ActionResult, Delivery } from '../contract/plugin.js';
import type { CompiledAction } from '../rule/compiled-rule.js';
import type { ActionOutcome, RuleReport } from './report.js';
import { fullJitter } from './wait.js';

export interface ActionRunner {
  readonly rule: RuleIdentity;
  readonly actions: readonly { readonly compiled: CompiledAction; readonly instance: Action }[];
  readonly logger: Logger;
  readonly scheduler: SchedulerLike;
  readonly random: () => number;
  readonly combinedRevision: () => string;
  /** False when this replica lost its lease: then nothing may be touched. */
  readonly mayAct: () => boolean;
  readonly report: (report: RuleReport) => void;
}

/** What the mailbox lets a delivery know and do. */
export interface DeliveryControl {
  /** A newer state of the key arrived: waiting for a retry of this one makes no sense any more. */
  readonly superseded: () => boolean;
  /** The rule is ending: a running delivery may finish, but nothing waits. */
  readonly closing: () => boolean;
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
  for (let attempt = 1; ; attempt += 1) {
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
  }
}

/** Undefined: give up. Not being the leader is no failure of the action and never counts. */
function delayAfter(
  error: TriggerError,
  attempt: number,
  { run, random }: { run: ActionRun; random: () => number },
): number | undefined {
  const { retry } = run.compiled;
  if (error.code === 'KT_NOT_LEADER') return 1000;
  if (error.retry === 'never' || attempt > retry.limit) return undefined;
  return typeof error.retry === 'object' ? error.retry.afterMs : fullJitter(attempt, retry, random);
}

async function tryOnce(
  runner: ActionRunner,
  run: ActionRun,
  { attempt, control }: { attempt: number; control: DeliveryControl },
): Promise<ActionResult | TriggerError> {
  if (!runner.mayAct()) return new TriggerError('KT_NOT_LEADER', 'this replica does not hold the lease');
  const timeout = new AbortController();
  const timer = runner.scheduler.schedule(() => timeout.abort(), run.compiled.timeoutMs);
  const signal = AbortSignal.any([timeout.signal, control.stopped]);
  const delivery: Delivery = {
    event: run.event,
    id: run.event.id,
    attempt,
    redelivered: control.redelivered || attempt > 1,
    get revision() {
      return runner.combinedRevision();
    },
  };
  const context: ActionContext = {
    ...pick(runner),
    signal,
    logger: runner.logger.child({ action: run.compiled.name }),
  };
  try {
    return checked(await orAborted(() => run.instance.run(run.compiled.config, delivery, context), signal));
  } catch (thrown) {
    if (!timeout.signal.aborted) return toTriggerError(thrown);
    const seconds = run.compiled.timeoutMs / 1000;
    return new TriggerError(
      'KT_ACTION_TIMEOUT',
      `no answer within ${seconds} s (timeoutSeconds); the attempt was aborted`,
    );
  } finally {
    timer.unsubscribe();
  }
}

function pick({ rule, scheduler, random }: ActionRunner) {
  return { rule, scheduler, random };
}

/** Settles when the plugin does, or rejects when the signal aborts first: a plugin that ignores its signal holds up nothing. */
export async function orAborted<T>(call: () => Promise<T>, signal: AbortSignal): Promise<T> {
  let onAbort: (() => void) | undefined;
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(new TriggerError('KT_STOPPED', 'the attempt was aborted'));
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort);
  });
  try {
    return await Promise.race([call(), aborted]);
  } finally {
    if (onAbort !== undefined) signal.removeEventListener('abort', onAbort);
  }
}

function checked(result: ActionResult): ActionResult {
  const outcome: unknown = (result as ActionResult | undefined)?.outcome;
  if ((outcome === 'done' || outcome === 'unchanged') && Array.isArray(result.targets)) return result;
  throw new TriggerError('KT_PLUGIN_FAULT', 'the action did not resolve with an ActionResult', { retry: 'never' });
}
