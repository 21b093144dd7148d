import type { Observable } from 'rxjs';
import type { RuleCheckpoint } from '../checkpoint/rule-checkpoint.js';
import type { CallContext } from '../contract/context.js';
import { toTriggerError } from '../contract/errors.js';
import type { TargetResult } from '../contract/plugin.js';
import type { Candidate } from './admission.js';
import { type Cancellation, orAborted } from './attempt.js';
import { conclude } from './conclude.js';
import { eventOf } from './event-of.js';
import type { Permission } from './permission.js';
import { readObject } from './read-object.js';
import { type ActionRunner, type DeliveryControl, runActions } from './run-actions.js';
import type { Semaphore } from './wait.js';

/** After a beginning that could not be stored. */
const BEGIN_AGAIN_MS = 30_000;

/** What all deliveries of a rule share. */
export interface DeliveryHost {
  readonly checkpoint: RuleCheckpoint;
  readonly runner: ActionRunner;
  readonly permission: Permission;
  /** For those whose actions run. */
  readonly places: Semaphore;
  /** Whether an action brings its target to the rule's combined revision, which all keys have a part in. */
  readonly isLevel: boolean;
  /** The rule is ending: a running delivery may finish, but nothing waits. */
  readonly closing: () => boolean;
  /** Aborts running attempts. */
  readonly stopped: Cancellation;
  readonly stop: () => void;
}

/** One delivery of one state: recorded as begun, given a place, acted on, settled. */
export class Delivery implements DeliveryControl {
  readonly redelivered: boolean;
  readonly stopped: AbortSignal;
  /** Gives its place free. */
  #leave = () => {};

  constructor(
    private readonly host: DeliveryHost,
    private readonly delivered: Candidate,
  ) {
    this.redelivered = delivered.before?.begun !== undefined;
    this.stopped = host.stopped.signal;
  }

  /**
   * Calls `placed` once it has a place. Resolves with how long to wait before another try, when the beginning could not be stored;
   * undefined: it is settled, or something newer took its place.
   */
  async run(placed: () => void): Promise<number | undefined> {
    const { checkpoint, isLevel, places } = this.host;
    const { box, observation, before } = this.delivered;
    const { readings } = checkpoint;
    box.deliver(observation);
    try {
      const refused = await this.#begin();
      if (refused === undefined) {
        const place = places.acquire();
        this.#leave = place instanceof Promise ? await place : place;
        placed();
        if (!this.superseded() && !this.closing()) {
          await this.#act();
          return undefined;
        }
        this.#leave();
      }
      // Unless a target may have it already, by the combined revision that another key's delivery brought there.
      if (!isLevel || checkpoint.readings === readings) checkpoint.undoBegin(observation, before);
      return refused;
    } finally {
      box.deliver(undefined);
    }
  }

  /** Undefined once the beginning is stored; else how long to wait before another try. Never outlasts the stop. */
  async #begin(): Promise<number | undefined> {
    const { checkpoint, runner, stop } = this.host;
    const { stopped } = this;
    try {
      await orAborted(() => checkpoint.begin(this.delivered.observation), stopped);
      return undefined;
    } catch (thrown) {
      if (stopped.aborted) return 0;
      const error = toTriggerError(thrown);
      runner.report({ type: 'checkpoint', error });
      // Another process owns the checkpoint: whatever this one still did would be done twice.
      if (error.retry === 'never') stop();
      return BEGIN_AGAIN_MS;
    }
  }

  async #act(): Promise<void> {
    const { checkpoint, runner } = this.host;
    const { box, observation, before } = this.delivered;
    try {
      const event = eventOf(observation, before, {
        ruleUid: runner.rule.uid,
        sequence: checkpoint.entryOf(observation)?.sequence ?? 0,
        waitingSinceMs: box.sinceMs,
      });
      const result = await runActions(runner, event, this);
      if (result.end !== 'answered') return;
      const { outcomes: actions } = result;
      const failure = actions.find(({ outcome }) => outcome === 'failed');
      checkpoint.settle(observation, failure?.error?.code);
      const done = actions.some(({ outcome }) => outcome === 'done');
      const outcome = done ? 'done' : 'unchanged';
      conclude(runner, box, observation, { event, outcome: failure === undefined ? outcome : 'failed', actions });
    } finally {
      this.#leave();
    }
  }

  superseded(): boolean {
    const { box, observation } = this.delivered;
    return box.head !== observation;
  }

  closing(): boolean {
    return this.host.closing();
  }

  heldMs(): number | undefined {
    return this.host.permission.heldMs();
  }

  object(context: CallContext): Promise<unknown> {
    return readObject(this.delivered.observation, context);
  }

  touched(targets: readonly TargetResult[]): void {
    this.host.permission.count(this.delivered.observation.key, targets);
  }

  async wait(ms: number, until?: Observable<unknown>): Promise<void> {
    const { places, runner } = this.host;
    const { box, observation } = this.delivered;
    this.#leave();
    const asleep = this.closing() ? undefined : box.sleep(ms, runner.scheduler, observation);
    const wake = until?.subscribe({ next: () => box.wake(), error: () => undefined });
    await asleep;
    wake?.unsubscribe();
    this.#leave = await places.acquire();
  }
}
