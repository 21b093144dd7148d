import { isObservable, type SchedulerLike } from 'rxjs';
import type { ActionContext, Logger, RuleIdentity } from '../contract/context.js';
import { toTriggerError, TriggerError } from '../contract/errors.js';
import type { TriggerEvent } from '../contract/events.js';
import type { ActionResult, ActionWaiting, Delivery, TargetResult } from '../contract/plugin.js';
import { attempt, type Cancellation } from './attempt.js';
import type { ActionRun, ActionRunner, DeliveryControl, Progress, RunnableAction } from './run-actions.js';

/** Runs an action once. Never rejects: what is thrown, and an answer that is no `ActionResult`, come back as the error. */
export function attemptAction(
  runner: ActionRunner,
  { action, event }: ActionRun,
  { progress, control }: { progress: Progress; control: DeliveryControl },
): Promise<ActionResult | TriggerError> {
  const { compiled, instance } = action;
  const run = (seen: TriggerEvent, context: ActionContext) =>
    instance.run(compiled.config, new LazyDelivery(runner, seen, progress), context);
  const call = (cancellation: Cancellation) => {
    const context = new LazyContext(runner, action, cancellation);
    if (!compiled.needsObject) return run(event, context);
    // Read for each attempt: what waits for the next one holds no contents.
    return control.object(context).then((object) => run({ ...event, object }, context));
  };
  const limits = { timeoutMs: compiled.timeoutMs, scheduler: runner.scheduler, stopped: control.stopped };
  return attempt(call, limits).then(checked, toTriggerError);
}

/**
 * Sums up the combined revision when an action asks for it. A class, as is the context below: V8 puts the accessors of an object literal
 * into the old generation at once, one pair per object, and what they close over then outlives its event until a full collection.
 */
class LazyDelivery implements Delivery {
  readonly id: string;
  readonly attempt: number;
  readonly redelivered: boolean;
  readonly #runner: ActionRunner;

  constructor(
    runner: ActionRunner,
    readonly event: TriggerEvent,
    progress: Progress,
  ) {
    this.id = event.id;
    this.attempt = progress.attempt;
    this.redelivered = progress.redelivered;
    this.#runner = runner;
  }

  get revision(): string {
    return this.#runner.combinedRevision();
  }
}

/** Makes the signal when an action asks for it, and the logger. */
export class LazyContext implements ActionContext {
  readonly rule: RuleIdentity;
  readonly scheduler: SchedulerLike;
  readonly random: () => number;
  readonly #action: RunnableAction;
  readonly #cancellation: Cancellation;

  constructor({ rule, scheduler, random }: ActionRunner, action: RunnableAction, cancellation: Cancellation) {
    this.rule = rule;
    this.scheduler = scheduler;
    this.random = random;
    this.#action = action;
    this.#cancellation = cancellation;
  }

  get logger(): Logger {
    return this.#action.logger;
  }

  get signal(): AbortSignal {
    return this.#cancellation.signal;
  }
}

/** The parts of a result that the host relies on; whatever else a plugin adds is left out. */
function checked(result: unknown): ActionResult | TriggerError {
  try {
    const { outcome, targets: told, because, againAfterMs, until } = result as ActionWaiting;
    const targets = told.map(checkedTarget);
    if (isOutcome(outcome)) return { outcome, targets };
    const isWaiting = outcome === 'waiting' && typeof because === 'string' && Number.isFinite(againAfterMs);
    if (isWaiting && (until === undefined || isObservable(until)))
      return { outcome, targets, because, againAfterMs, ...(until === undefined ? {} : { until }) };
  } catch {
    // Not an object, or its getters throw: said below.
  }
  return new TriggerError('KT_PLUGIN_FAULT', 'the action did not resolve with an ActionResult', { retry: 'never' });
}

function checkedTarget({ target, outcome, message }: TargetResult): TargetResult {
  if (typeof target !== 'string' || !isOutcome(outcome)) throw new TypeError('not a TargetResult');
  return { target, outcome, ...(typeof message === 'string' ? { message } : {}) };
}

function isOutcome(value: unknown): value is 'done' | 'unchanged' {
  return value === 'done' || value === 'unchanged';
}
