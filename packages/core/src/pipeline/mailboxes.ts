import { ABSENT, type CheckpointEntry } from '../checkpoint/entry.js';
import { recordName, type RuleCheckpoint } from '../checkpoint/rule-checkpoint.js';
import { toTriggerError, TriggerError } from '../contract/errors.js';
import type { Outcome, TriggerEvent } from '../contract/events.js';
import type { TargetResult } from '../contract/plugin.js';
import type { DeliveryOptions } from '../rule/compiled-rule.js';
import { orAborted } from './attempt.js';
import { Breaker } from './breaker.js';
import { Coalescing } from './coalescing.js';
import { eventOf } from './event-of.js';
import type { Decide, Decision } from './gates.js';
import { Mailbox, MAX_OCCURRENCES } from './mailbox.js';
import type { Observation } from './observation.js';
import { readObject } from './read-object.js';
import type { ActionOutcome, RuleReport } from './report.js';
import { type ActionRunner, type DeliveryControl, runActions } from './run-actions.js';
import { LONGEST_WAIT_MS, Semaphore } from './wait.js';

/** After a fault that is not the plugin's, and for a filter that defers to a time that is over. */
const LOOK_AGAIN_MS = { fault: 30_000, past: 1000, notLeader: 1000 };

/**
 * So many deliveries may be recorded as begun before they have a place. One write of the checkpoint, of which there is one a second,
 * then serves all of them; with none ahead, `concurrency` deliveries would be the most in a second.
 */
const BEGUN_AHEAD = 256;

export interface MailboxOptions {
  readonly checkpoint: RuleCheckpoint;
  readonly runner: ActionRunner;
  readonly delivery: DeliveryOptions;
  readonly decide: Decide;
  /** False when this replica lost its lease: then nothing may be touched. */
  readonly mayAct: () => boolean;
  readonly report: (report: RuleReport) => void;
}

/** How long to wait before the gates are asked again; undefined: it is dealt with. */
type Answer = number | 'pass' | undefined;

interface Asked {
  readonly observation: Observation;
  readonly before: CheckpointEntry | undefined;
  readonly event: TriggerEvent;
}

interface BegunDelivery {
  readonly observation: Observation;
  readonly before: CheckpointEntry | undefined;
  /** Gives its place free. */
  readonly leave: () => void;
}

/**
 * One mailbox per key that is under way: strictly in order within a key, keys side by side up to `concurrency`. A newer level
 * state replaces a waiting one; one that undoes a change before its delivery began leaves nothing to do. Idle keys cost nothing.
 */
export class Mailboxes {
  readonly #boxes = new Map<string, Mailbox>();
  readonly #places: Semaphore;
  readonly #beginnings: Semaphore;
  readonly #coalescing: Coalescing;
  readonly #isLevel: boolean;
  readonly #closing = new AbortController();
  readonly #stopped = new AbortController();
  readonly #breaker: Breaker;
  readonly #onIdle = new Set<() => void>();

  constructor(private readonly options: MailboxOptions) {
    const { checkpoint, delivery, runner } = options;
    this.#places = new Semaphore(delivery.concurrency);
    this.#isLevel = runner.actions.some(({ compiled }) => compiled.plugin.semantics === 'level');
    // What begins together must be recorded as begun together: a target is rolled once for all of it.
    this.#beginnings = new Semaphore(this.#isLevel ? Infinity : Math.max(BEGUN_AHEAD, 4 * delivery.concurrency));
    this.#coalescing = new Coalescing(runner.scheduler);
    this.#breaker = new Breaker(delivery.breaker, runner.scheduler, checkpoint.tripped !== undefined);
  }

  /** Keys under way. */
  get size(): number {
    return this.#boxes.size;
  }

  /** The keys of a source that are under way. */
  *keysOf(sourceId: string): Iterable<string> {
    const prefix = `${sourceId}/`;
    for (const id of this.#boxes.keys()) if (id.startsWith(prefix)) yield id.slice(prefix.length);
  }

  /** What is under way, in the order of arrival. */
  *underWay(): Iterable<{ readonly source: string; readonly key: string; readonly sinceMs: number }> {
    for (const { head, sinceMs } of this.#boxes.values()) {
      if (head !== undefined) yield { source: head.source.name, key: head.key, sinceMs };
    }
  }

  isUnderWay(sourceId: string, key: string): boolean {
    return this.#boxes.has(recordName(sourceId, key));
  }

  offer(observation: Observation): void {
    if (this.#closing.signal.aborted) return;
    const id = observation.record ?? recordName(observation.sourceId, observation.key);
    const box = this.#boxes.get(id);
    if (box !== undefined) return box.put(observation) ? undefined : this.#refuse(observation);
    if (this.options.checkpoint.isSettled(observation)) return this.#nothingToDo(observation);
    const opened = new Mailbox(id, observation);
    this.#boxes.set(id, opened);
    void this.#work(opened);
  }

  /** Ends all waits, because what they waited for may be over (a check recovered): due work is tried now. */
  poke(): void {
    for (const box of this.#boxes.values()) box.wake();
  }

  /** Lets a tripped rule act again; what waited meanwhile is delivered now. False when it was not tripped. */
  resume(): boolean {
    if (!this.#breaker.tripped) return false;
    this.#breaker.reset();
    this.options.checkpoint.setTripped(null);
    this.poke();
    return true;
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
    this.#stopped.abort(new TriggerError('KT_STOPPED', 'the rule was stopped'));
  }

  #refuse(observation: Observation): void {
    const error = new TriggerError(
      'KT_QUEUE_FULL',
      `more than ${MAX_OCCURRENCES} occurrences of ${observation.key} are waiting`,
    );
    this.options.report({ type: 'fault', where: observation.source.name, error });
    this.#acknowledge(observation, 'failed');
  }

  async #work(box: Mailbox): Promise<void> {
    for (let head = box.head; head !== undefined && !this.#closing.signal.aborted; head = box.head) {
      try {
        await this.#advance(box, head);
      } catch (thrown) {
        // What plugins do is contained where they are called, so this is a fault of ours: the key keeps its state and waits.
        this.options.report({ type: 'fault', where: head.source.name, error: toTriggerError(thrown) });
        await this.#sleep(box, LOOK_AGAIN_MS.fault, head);
      }
    }
    this.#boxes.delete(box.id);
    this.#coalescing.forget(box);
    if (this.#boxes.size === 0) this.#idle();
  }

  #idle(): void {
    for (const resolve of this.#onIdle) resolve();
    this.#onIdle.clear();
  }

  /** One step of a key: a settled state ends, a held or deferred one waits, a passed one is delivered. */
  async #advance(box: Mailbox, observation: Observation): Promise<void> {
    if (this.options.checkpoint.isSettled(observation)) {
      const { source, key } = observation;
      this.#nothingToDo(observation);
      this.options.report({ type: 'undone', source: source.name, key });
      return box.take(observation);
    }
    const heldMs = this.#heldMs();
    if (heldMs !== undefined) return this.#sleep(box, heldMs, observation);
    // Awaited in any case: what a source says and what becomes of it are reported in that order.
    const leave = await this.#beginnings.acquire();
    let againMs: number | undefined;
    try {
      // While it waited, a newer state may have come, or the end, or a trip: then look again first.
      if (box.head !== observation || this.#closing.signal.aborted || this.#heldMs() !== undefined) return;
      againMs = await this.#decideAndDeliver(box, observation, leave);
    } finally {
      leave();
    }
    if (againMs !== undefined) await this.#sleep(box, againMs, observation);
  }

  /** Returns how long to wait before asking again, if it is not dealt with now. */
  async #decideAndDeliver(box: Mailbox, observation: Observation, begun: () => void): Promise<number | undefined> {
    const before = this.options.checkpoint.entryOf(observation);
    if (!this.#coalescing.mayBegin(box, observation.revision)) {
      const asked = this.#decide(box, observation, before);
      const answer = asked instanceof Promise ? await asked : asked;
      if (answer !== 'pass') return answer;
    }
    return this.#beginAndDeliver(box, { observation, before, leave: begun });
  }

  /** Asks the gates. */
  #decide(box: Mailbox, observation: Observation, before: CheckpointEntry | undefined): Answer | Promise<Answer> {
    const event = this.#eventOf(box, observation, before);
    const asked = { observation, before, event };
    const answer = this.options.decide(observation, event);
    if (!(answer instanceof Promise)) return this.#heed(box, asked, answer);
    // An object took a while to read: a newer state, or the end, may have come meanwhile.
    const isOver = () => box.head !== observation || this.#closing.signal.aborted;
    return answer.then((decision) => (isOver() ? undefined : this.#heed(box, asked, decision)));
  }

  #heed(box: Mailbox, { observation, before, event }: Asked, decision: Decision): Answer {
    const { checkpoint, report, runner } = this.options;
    if ('gate' in decision && 'deferUntilMs' in decision.verdict) {
      this.#coalescing.forget(box);
      const { deferUntilMs: untilMs, because } = decision.verdict;
      report({ type: 'verdict', event, gate: decision.gate, verdict: 'defer', because, untilMs });
      const waitMs = untilMs - runner.scheduler.now();
      return waitMs > 0 ? waitMs : LOOK_AGAIN_MS.past;
    }
    // A delivery that began is always brought to an end: some targets may have its state already.
    if ('gate' in decision && 'drop' in decision.verdict && before?.begun === undefined) {
      report({ type: 'verdict', event, gate: decision.gate, verdict: 'drop', because: decision.verdict.drop });
      checkpoint.drop(observation);
      this.#ended(box, { observation, event, outcome: 'dropped', actions: [] });
      return undefined;
    }
    if (before?.begun?.revision === observation.revision) return 'pass';
    const window = 'window' in decision ? decision.window : this.options.delivery.coalesce;
    const held = this.#coalescing.hold(box, observation.revision, window);
    if (held === undefined) return 'pass';
    if (held.isNew) report({ type: 'verdict', event, gate: 'coalesce', verdict: 'defer', ...held });
    return LONGEST_WAIT_MS;
  }

  /** As above. `begun.leave` is called once the delivery has a place. */
  async #beginAndDeliver(box: Mailbox, { observation, before, leave: begun }: BegunDelivery) {
    const { checkpoint } = this.options;
    const { readings } = checkpoint;
    box.deliver(observation);
    try {
      const refused = await this.#begin(observation);
      if (refused === undefined) {
        const place = this.#places.acquire();
        const leave = place instanceof Promise ? await place : place;
        begun();
        if (box.head === observation && !this.#closing.signal.aborted) {
          await this.#deliver(box, { observation, before, leave });
          return undefined;
        }
        leave();
      }
      // Unless a target may have it already, by the combined revision that another key's delivery brought there.
      if (!this.#isLevel || checkpoint.readings === readings) checkpoint.undoBegin(observation, before);
      return refused;
    } finally {
      box.deliver(undefined);
    }
  }

  async #deliver(box: Mailbox, begun: BegunDelivery): Promise<void> {
    const { checkpoint } = this.options;
    const { observation, before } = begun;
    const event = this.#eventOf(box, observation, before);
    const control = this.#control(box, begun);
    const actions = await this.#act(event, control);
    if (actions === undefined) return;
    const failure = actions.find((action) => action.outcome === 'failed');
    checkpoint.settle(observation, failure?.error?.code);
    const done = actions.some((action) => action.outcome === 'done');
    this.#ended(box, { observation, event, outcome: failure ? 'failed' : done ? 'done' : 'unchanged', actions });
  }

  async #act(event: TriggerEvent, control: DeliveryControl & { leave(): void }) {
    try {
      const result = await runActions(this.options.runner, event, control);
      return result.end === 'answered' ? result.outcomes : undefined;
    } finally {
      control.leave();
    }
  }

  /** Undefined once the beginning is stored; else how long to wait before another try. Never outlasts the stop. */
  async #begin(observation: Observation): Promise<number | undefined> {
    try {
      await orAborted(() => this.options.checkpoint.begin(observation), this.#stopped.signal);
      return undefined;
    } catch (thrown) {
      if (this.#stopped.signal.aborted) return 0;
      const error = toTriggerError(thrown);
      this.options.report({ type: 'checkpoint', error });
      // Another process owns the checkpoint: whatever this one still did would be done twice.
      if (error.retry === 'never') this.stop();
      return LOOK_AGAIN_MS.fault;
    }
  }

  #ended(
    box: Mailbox,
    end: { observation: Observation; event: TriggerEvent; outcome: Outcome; actions: readonly ActionOutcome[] },
  ): void {
    const { observation, event, outcome, actions } = end;
    const tookMs = this.options.runner.scheduler.now() - event.waitingSinceMs;
    box.take(observation);
    this.options.report({ type: 'settled', event, outcome, actions, tookMs });
    this.#acknowledge(observation, outcome);
  }

  #nothingToDo(observation: Observation): void {
    if (observation.revision !== ABSENT) this.options.checkpoint.seen(observation);
    this.#acknowledge(observation, 'unchanged');
  }

  #acknowledge({ occurrence, source }: Observation, outcome: Outcome): void {
    try {
      occurrence?.settled?.(outcome);
    } catch (thrown) {
      this.options.report({ type: 'fault', where: source.name, error: toTriggerError(thrown) });
    }
  }

  #countTargets(key: string, targets: readonly TargetResult[]): void {
    const over = targets.find(({ target, outcome }) => outcome === 'done' && this.#breaker.count(key, target));
    if (over === undefined) return;
    const { limit, windowMs } = this.options.delivery.breaker;
    const error = trippedError(
      `${key} made the rule act on ${over.target} more than ${limit} times within ${windowMs / 1000} s`,
    );
    this.options.checkpoint.setTripped(error.message);
    this.options.report({ type: 'tripped', error });
  }

  #control(box: Mailbox, begun: BegunDelivery): DeliveryControl & { leave(): void } {
    const { observation, before } = begun;
    let { leave } = begun;
    return {
      superseded: () => box.head !== observation,
      closing: () => this.#closing.signal.aborted,
      heldMs: () => this.#heldMs(),
      stopped: this.#stopped.signal,
      redelivered: before?.begun !== undefined,
      object: (context) => readObject(observation, context),
      touched: (targets) => this.#countTargets(observation.key, targets),
      wait: async (ms, until) => {
        leave();
        const asleep = this.#sleep(box, ms, observation);
        const wake = until?.subscribe({ next: () => box.wake(), error: () => undefined });
        await asleep;
        wake?.unsubscribe();
        leave = await this.#places.acquire();
      },
      leave: () => leave(),
    };
  }

  /** How long nothing may be touched before asking again. */
  #heldMs(): number | undefined {
    if (this.#breaker.tripped) return LONGEST_WAIT_MS;
    return this.options.mayAct() ? undefined : LOOK_AGAIN_MS.notLeader;
  }

  async #sleep(box: Mailbox, ms: number, waitingFor: Observation): Promise<void> {
    if (!this.#closing.signal.aborted) await box.sleep(ms, this.options.runner.scheduler, waitingFor);
  }

  #eventOf(box: Mailbox, observation: Observation, before: CheckpointEntry | undefined): TriggerEvent {
    const sequence = this.options.checkpoint.entryOf(observation)?.sequence ?? 0;
    const ruleUid = this.options.runner.rule.uid;
    return eventOf(observation, before, { ruleUid, sequence, waitingSinceMs: box.sinceMs });
  }
}

/** Says why a rule stands still and how it goes on. */
export function trippedError(message: string): TriggerError {
  return new TriggerError('KT_BREAKER_TRIPPED', message, {
    fix: 'If an action of the rule changes what the rule watches, narrow its sources. Then resume the rule',
  });
}
