import { ABSENT, type CheckpointEntry } from '../checkpoint/entry.js';
import type { RuleCheckpoint } from '../checkpoint/rule-checkpoint.js';
import { toTriggerError, TriggerError } from '../contract/errors.js';
import type { Outcome, TriggerEvent, Verdict } from '../contract/events.js';
import type { DeliveryOptions } from '../rule/compiled-rule.js';
import { Breaker } from './breaker.js';
import { eventOf } from './event-of.js';
import type { Observation } from './observe-source.js';
import type { ActionOutcome, RuleReport } from './report.js';
import { type ActionRunner, type DeliveryControl, runActions } from './run-actions.js';
import { Semaphore, sleep } from './wait.js';

/** Occurrences of one key that may wait; level states never queue up. */
const MAX_OCCURRENCES = 1000;

/** Longer than this no timer waits (setTimeout takes 31 bits); whoever is still waiting then asks again. */
const LONGEST_WAIT_MS = 2 ** 31 - 1;

/** Asks the source's own gate and then the rule's filters; undefined when all pass. */
export type Decide = (
  observation: Observation,
  event: TriggerEvent,
) => { readonly gate: string; readonly verdict: Exclude<Verdict, { pass: true }> } | undefined;

export interface MailboxOptions {
  readonly checkpoint: RuleCheckpoint;
  readonly runner: ActionRunner;
  readonly delivery: DeliveryOptions;
  readonly decide: Decide;
  readonly report: (report: RuleReport) => void;
}

interface Mailbox {
  readonly id: string;
  readonly sinceMs: number;
  /** One level state, or occurrences in order. */
  waiting: Observation[];
  /** Aborted to end a wait (a deferral, a backoff); renewed by each wait. */
  alarm: AbortController;
}

interface Item {
  readonly observation: Observation;
  readonly event: TriggerEvent;
}

/**
 * One mailbox per key that is under way: strictly in order within a key, keys side by side up to `concurrency`. A newer level
 * state replaces a waiting one; one that undoes a change before its delivery began leaves nothing to do. Idle keys cost nothing.
 */
export class Mailboxes {
  readonly #boxes = new Map<string, Mailbox>();
  readonly #places: Semaphore;
  readonly #closing = new AbortController();
  readonly #stopped = new AbortController();
  readonly #breaker: Breaker;
  readonly #onIdle = new Set<() => void>();

  constructor(private readonly options: MailboxOptions) {
    this.#places = new Semaphore(options.delivery.concurrency);
    this.#breaker = new Breaker(options.delivery.breaker, options.runner.scheduler);
    this.#breaker.tripped = options.checkpoint.tripped !== undefined;
  }

  /** Keys under way. */
  get size(): number {
    return this.#boxes.size;
  }

  offer(observation: Observation): void {
    if (this.#closing.signal.aborted) return;
    const id = `${observation.sourceId}/${observation.key}`;
    const box = this.#boxes.get(id);
    if (box !== undefined) return this.#replace(box, observation);
    if (this.options.checkpoint.isSettled(observation)) return this.#nothingToDo(observation);
    const opened = { id, sinceMs: observation.observedAtMs, waiting: [observation], alarm: new AbortController() };
    this.#boxes.set(id, opened);
    void this.#work(opened);
  }

  /** Ends all waits, because what they waited for may be over (a check recovered): due work is tried now. */
  poke(): void {
    for (const box of this.#boxes.values()) box.alarm.abort();
  }

  /** Resolves when nothing is under way any more. */
  whenIdle(): Promise<void> {
    if (this.#boxes.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#onIdle.add(resolve));
  }

  /** Takes no more, ends all waits; running deliveries go on. What is not settled is found again at the next start. */
  close(): void {
    this.#closing.abort();
    this.#breaker.dispose();
    this.poke();
  }

  /** Aborts running attempts as well. */
  stop(): void {
    this.close();
    this.#stopped.abort();
  }

  #replace(box: Mailbox, observation: Observation): void {
    if (observation.occurrence === undefined) {
      box.waiting = [observation];
      return box.alarm.abort();
    }
    if (box.waiting.length < MAX_OCCURRENCES) {
      box.waiting.push(observation);
      return;
    }
    const error = new TriggerError(
      'KT_QUEUE_FULL',
      `more than ${MAX_OCCURRENCES} occurrences of ${observation.key} are waiting`,
    );
    this.options.report({ type: 'fault', where: observation.source.name, error });
    observation.occurrence.settled?.('failed');
  }

  async #work(box: Mailbox): Promise<void> {
    try {
      while (box.waiting[0] !== undefined && !this.#closing.signal.aborted) await this.#advance(box, box.waiting[0]);
    } catch (thrown) {
      // Only the checkpoint rejects here: another process owns it now, so this rule must end.
      this.options.report({ type: 'checkpoint', error: toTriggerError(thrown) });
    } finally {
      this.#boxes.delete(box.id);
      if (this.#boxes.size === 0) this.#idle();
    }
  }

  #idle(): void {
    for (const resolve of this.#onIdle) resolve();
    this.#onIdle.clear();
  }

  /** One step of a key: a settled state ends, a deferred one waits, a passed one is delivered. */
  async #advance(box: Mailbox, observation: Observation): Promise<void> {
    const { checkpoint, decide, report, runner } = this.options;
    if (checkpoint.isSettled(observation)) {
      this.#nothingToDo(observation);
      return take(box, observation);
    }
    const before = checkpoint.get(observation.sourceId, observation.key);
    const event = this.#eventOf(box, observation, before);
    const objection = decide(observation, event);
    if (objection !== undefined && 'deferUntilMs' in objection.verdict) {
      const { deferUntilMs: untilMs, because } = objection.verdict;
      report({ type: 'verdict', event, gate: objection.gate, verdict: 'defer', because, untilMs });
      return this.#wait(box, untilMs - runner.scheduler.now());
    }
    // A delivery that began is always brought to an end: some targets may have its state already.
    if (objection !== undefined && 'drop' in objection.verdict && before?.begun === undefined) {
      report({ type: 'verdict', event, gate: objection.gate, verdict: 'drop', because: objection.verdict.drop });
      checkpoint.drop(observation);
      return this.#ended(box, { observation, event }, { outcome: 'dropped', actions: [] });
    }
    if (this.#breaker.tripped) return this.#wait(box, LONGEST_WAIT_MS);
    await this.#places.acquire();
    try {
      if (box.waiting[0] === observation && !this.#closing.signal.aborted)
        await this.#deliver(box, observation, before);
    } finally {
      this.#places.release();
    }
  }

  async #deliver(box: Mailbox, observation: Observation, before: CheckpointEntry | undefined): Promise<void> {
    const { checkpoint, runner } = this.options;
    await checkpoint.begin(observation);
    if (box.waiting[0] !== observation || this.#closing.signal.aborted)
      return checkpoint.undoBegin(observation, before);
    const event = this.#eventOf(box, observation, before);
    const result = await runActions(runner, event, this.#control(box, observation, before?.begun !== undefined));
    if (result.end !== 'answered') return;
    const { outcomes: actions } = result;
    const failure = actions.find((action) => action.outcome === 'failed');
    checkpoint.settle(observation, failure?.error?.code);
    this.#countTargets(observation.key, actions);
    const done = actions.some((action) => action.outcome === 'done');
    this.#ended(box, { observation, event }, { outcome: failure ? 'failed' : done ? 'done' : 'unchanged', actions });
  }

  #ended(
    box: Mailbox,
    { observation, event }: Item,
    end: { outcome: Outcome; actions: readonly ActionOutcome[] },
  ): void {
    const tookMs = this.options.runner.scheduler.now() - event.waitingSinceMs;
    this.options.report({ type: 'settled', event, ...end, tookMs });
    observation.occurrence?.settled?.(end.outcome);
    take(box, observation);
  }

  #nothingToDo(observation: Observation): void {
    if (observation.revision !== ABSENT) this.options.checkpoint.seen(observation);
    observation.occurrence?.settled?.('unchanged');
  }

  #countTargets(key: string, actions: readonly ActionOutcome[]): void {
    const touched = actions.flatMap((action) => action.targets).filter((target) => target.outcome === 'done');
    const over = touched.find(({ target }) => this.#breaker.count(key, target));
    if (over === undefined) return;
    const { limit, windowMs } = this.options.delivery.breaker;
    const error = new TriggerError(
      'KT_BREAKER_TRIPPED',
      `${key} made the rule act on ${over.target} more than ${limit} times within ${windowMs / 1000} s`,
      { fix: 'If an action of the rule changes what the rule watches, narrow its sources. Then resume the rule' },
    );
    this.options.checkpoint.setTripped(error.message);
    this.options.report({ type: 'tripped', error });
  }

  #control(box: Mailbox, observation: Observation, redelivered: boolean): DeliveryControl {
    return {
      superseded: () => box.waiting[0] !== observation,
      closing: () => this.#closing.signal.aborted,
      stopped: this.#stopped.signal,
      redelivered,
      wait: async (ms) => {
        if (box.waiting[0] !== observation) return;
        this.#places.release();
        await this.#wait(box, ms);
        await this.#places.acquire();
      },
    };
  }

  async #wait(box: Mailbox, ms: number): Promise<void> {
    if (this.#closing.signal.aborted) return;
    box.alarm = new AbortController();
    await sleep(Math.min(ms, LONGEST_WAIT_MS), this.options.runner.scheduler, box.alarm.signal);
  }

  #eventOf(box: Mailbox, observation: Observation, before: CheckpointEntry | undefined): TriggerEvent {
    const sequence = this.options.checkpoint.get(observation.sourceId, observation.key)?.sequence ?? 0;
    return eventOf(observation, before, {
      ruleUid: this.options.runner.rule.uid,
      sequence,
      waitingSinceMs: box.sinceMs,
    });
  }
}

/** Removes what was dealt with, unless something newer took its place meanwhile. */
function take(box: Mailbox, observation: Observation): void {
  if (box.waiting[0] === observation) box.waiting.shift();
}
