import { ABSENT } from '../checkpoint/entry.js';
import { recordName, type RuleCheckpoint } from '../checkpoint/rule-checkpoint.js';
import { toTriggerError, TriggerError } from '../contract/errors.js';
import type { DeliveryOptions } from '../rule/compiled-rule.js';
import { Admission } from './admission.js';
import { LazyCancellation } from './attempt.js';
import { acknowledge } from './conclude.js';
import { Delivery, type DeliveryHost } from './delivery.js';
import type { Decide } from './gates.js';
import { Mailbox, MAX_OCCURRENCES } from './mailbox.js';
import type { Observation } from './observation.js';
import { Permission } from './permission.js';
import type { ActionRunner } from './run-actions.js';
import { Semaphore } from './wait.js';

/** After a fault that is not a plugin's. */
const LOOK_AGAIN_MS = 30_000;

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
}

/**
 * One mailbox per key that is under way: strictly in order within a key, keys side by side up to `concurrency`. A newer level
 * state replaces a waiting one; one that undoes a change before its delivery began leaves nothing to do. Idle keys cost nothing.
 */
export class Mailboxes {
  /** Made for the first key: most rules have nothing under way. */
  #boxes: Map<string, Mailbox> | undefined;
  readonly #beginnings: Semaphore;
  readonly #permission: Permission;
  readonly #admission: Admission;
  readonly #host: DeliveryHost;
  #isClosing = false;
  readonly #stopped = new LazyCancellation();
  #onIdle: (() => void)[] = [];

  constructor(private readonly options: MailboxOptions) {
    const { checkpoint, decide, delivery, mayAct, runner } = options;
    const { breaker, coalesce, concurrency } = delivery;
    const closing = () => this.#isClosing;
    const isLevel = runner.actions.some(({ compiled }) => compiled.plugin.semantics === 'level');
    // What begins together must be recorded as begun together: a target is rolled once for all of it.
    this.#beginnings = new Semaphore(isLevel ? Infinity : Math.max(BEGUN_AHEAD, 4 * concurrency));
    this.#permission = new Permission({ checkpoint, runner, breaker, mayAct });
    this.#admission = new Admission({ checkpoint, runner, decide, coalesce, closing });
    this.#host = {
      checkpoint,
      runner,
      permission: this.#permission,
      places: new Semaphore(concurrency),
      isLevel,
      closing,
      stopped: this.#stopped,
      stop: () => this.stop(),
    };
  }

  /** Keys under way. */
  get size(): number {
    return this.#boxes?.size ?? 0;
  }

  /** The keys of a source that are under way. */
  *keysOf(sourceId: string): Iterable<string> {
    const prefix = `${sourceId}/`;
    for (const id of this.#boxes?.keys() ?? []) if (id.startsWith(prefix)) yield id.slice(prefix.length);
  }

  /** What is under way, in the order of arrival. */
  *underWay(): Iterable<{ readonly source: string; readonly key: string; readonly sinceMs: number }> {
    for (const { head, sinceMs } of this.#boxes?.values() ?? []) {
      if (head !== undefined) yield { source: head.source.name, key: head.key, sinceMs };
    }
  }

  isUnderWay(sourceId: string, key: string): boolean {
    return this.#boxes?.has(recordName(sourceId, key)) === true;
  }

  offer(observation: Observation): void {
    if (this.#isClosing) return;
    const id = observation.record ?? recordName(observation.sourceId, observation.key);
    const box = this.#boxes?.get(id);
    if (box !== undefined) return box.put(observation) ? undefined : this.#refuse(observation);
    if (this.options.checkpoint.isSettled(observation)) return this.#nothingToDo(observation);
    const opened = new Mailbox(id, observation);
    (this.#boxes ??= new Map()).set(id, opened);
    void this.#work(opened);
  }

  /** Ends all waits, because what they waited for may be over (a check recovered): due work is tried now. */
  poke(): void {
    for (const box of this.#boxes?.values() ?? []) box.wake();
  }

  /** Lets a tripped rule act again; what waited meanwhile is delivered now. False when it was not tripped. */
  resume(): boolean {
    const resumed = this.#permission.resume();
    if (resumed) this.poke();
    return resumed;
  }

  /** Resolves when nothing is under way any more. */
  whenIdle(): Promise<void> {
    if (this.size === 0) return Promise.resolve();
    return new Promise((resolve) => void this.#onIdle.push(resolve));
  }

  /** Takes no more, ends all waits; running deliveries go on. What is not settled is found again at the next start. */
  close(): void {
    this.#isClosing = true;
    this.#permission.dispose();
    this.poke();
  }

  /** Aborts running attempts as well. */
  stop(): void {
    this.close();
    this.#stopped.abort(new TriggerError('KT_STOPPED', 'the rule was stopped'));
  }

  async #work(box: Mailbox): Promise<void> {
    const { report, scheduler } = this.options.runner;
    for (let head = box.head; head !== undefined && !this.#isClosing; head = box.head) {
      let againMs: number | undefined;
      try {
        againMs = await this.#advance(box, head);
      } catch (thrown) {
        // What plugins do is contained where they are called, so this is a fault of ours: the key keeps its state and waits.
        report({ type: 'fault', where: head.source.name, error: toTriggerError(thrown) });
        againMs = LOOK_AGAIN_MS;
      }
      if (againMs !== undefined && !this.#isClosing) await box.sleep(againMs, scheduler, head);
    }
    this.#boxes?.delete(box.id);
    this.#admission.forget(box);
    if (this.size === 0) this.#idle();
  }

  #idle(): void {
    const waiting = this.#onIdle;
    this.#onIdle = [];
    for (const resolve of waiting) resolve();
  }

  /**
   * One step of a key: a settled state ends, a held or deferred one waits, a passed one is delivered. Resolves with the milliseconds after
   * which to look again, if it has to wait.
   */
  async #advance(box: Mailbox, observation: Observation): Promise<number | undefined> {
    const { checkpoint } = this.options;
    if (checkpoint.isSettled(observation)) {
      this.#undone(box, observation);
      return undefined;
    }
    const heldMs = this.#permission.heldMs();
    if (heldMs !== undefined) return heldMs;
    // Awaited in any case: what a source says and what becomes of it are reported in that order.
    const leave = await this.#beginnings.acquire();
    try {
      // While it waited, a newer state may have come, or the end, or a trip: then look again first.
      if (box.head !== observation || this.#isClosing || this.#permission.heldMs() !== undefined) return undefined;
      const candidate = { box, observation, before: checkpoint.entryOf(observation) };
      const asked = this.#admission.ask(candidate);
      const answer = asked instanceof Promise ? await asked : asked;
      return answer === 'pass' ? await new Delivery(this.#host, candidate).run(leave) : answer;
    } finally {
      leave();
    }
  }

  #undone(box: Mailbox, observation: Observation): void {
    const { source, key } = observation;
    this.#nothingToDo(observation);
    this.options.runner.report({ type: 'undone', source: source.name, key });
    box.take(observation);
  }

  #nothingToDo(observation: Observation): void {
    const { checkpoint, runner } = this.options;
    if (observation.revision !== ABSENT) checkpoint.seen(observation);
    acknowledge(runner, observation, 'unchanged');
  }

  #refuse(observation: Observation): void {
    const { runner } = this.options;
    const error = new TriggerError(
      'KT_QUEUE_FULL',
      `more than ${MAX_OCCURRENCES} occurrences of ${observation.key} are waiting`,
    );
    runner.report({ type: 'fault', where: observation.source.name, error });
    acknowledge(runner, observation, 'failed');
  }
}
