import { type SchedulerLike, type Subscription, timer } from 'rxjs';
import type { CoalesceWindow } from '../contract/events.js';
import type { Mailbox } from './mailbox.js';
import { LONGEST_WAIT_MS } from './wait.js';

/** Changes that are held until the rule is quiet. */
interface Batch {
  readonly openedAtMs: number;
  quietUntilMs: number;
  latestMs: number;
  timer: Subscription;
}

/** A batch that is over: the gates are asked once more for each change, which may take a while, and those that still pass begin together. */
interface Round {
  readonly unanswered: Set<Mailbox>;
}

export interface Hold {
  readonly untilMs: number;
  readonly because: string;
  /** False when it was held before. */
  readonly isNew: boolean;
}

interface Held {
  readonly revision: string;
  round?: Round;
  mayBegin?: true;
}

/**
 * Lets changes of several keys that come together begin together, so that they lead to one combined revision: the rule's last gate, after
 * which a delivery is recorded as begun. A batch opens with the first change that passed the filters, and is over once no other one came
 * for the window's `quietMs`, at the latest `maxWaitMs` after it opened. Nothing of it is stored: to a restart, held changes are new.
 */
export class Coalescing {
  readonly #held = new Map<Mailbox, Held>();
  #batch: Batch | undefined;

  constructor(private readonly scheduler: SchedulerLike) {}

  /**
   * Of a state that the gates let pass again when its batch was over, and that they are not to be asked about any more: `wait` while others
   * of its round are asked about, then `begin`, once. A gate that is looking at an object would not hear that the round begins.
   */
  turnOf(box: Mailbox, revision: string): 'wait' | 'begin' | undefined {
    const held = this.#held.get(box);
    if (held?.round === undefined || held.revision !== revision || held.round.unanswered.has(box)) return undefined;
    if (held.mayBegin !== true) return 'wait';
    this.#held.delete(box);
    return 'begin';
  }

  /** The gates let a state pass: says until when it is held, as far as is known now. Undefined: it is not. */
  hold(box: Mailbox, revision: string, window: CoalesceWindow): Hold | undefined {
    const { quietMs, maxWaitMs } = window;
    const held = this.#held.get(box);
    if (held === undefined && quietMs <= 0) return undefined;
    const because = `begins with what else changes: after ${quietMs / 1000} s of quiet, or ${maxWaitMs / 1000} s in all`;
    if (held?.revision === revision) {
      if (held.round !== undefined) this.#answered(box, held.round);
      return { untilMs: this.#batch === undefined ? this.scheduler.now() : endOf(this.#batch), because, isNew: false };
    }
    if (quietMs <= 0) {
      this.forget(box);
      return undefined;
    }
    // The batch stays, also where nothing else is in it: a key that keeps changing would put its end off for ever.
    this.#remove(box);
    this.#held.set(box, { revision });
    return { untilMs: this.#extend(window), because, isNew: true };
  }

  /** The box has nothing any more that may begin. */
  forget(box: Mailbox): void {
    this.#remove(box);
    if (this.#held.size === 0) this.#close();
  }

  #remove(box: Mailbox): void {
    const held = this.#held.get(box);
    if (held === undefined) return;
    this.#held.delete(box);
    if (held.round !== undefined) this.#answered(box, held.round);
  }

  #extend({ quietMs, maxWaitMs }: CoalesceWindow): number {
    const nowMs = this.scheduler.now();
    const batch = (this.#batch ??= {
      openedAtMs: nowMs,
      quietUntilMs: nowMs,
      latestMs: nowMs,
      timer: this.#after(Math.min(quietMs, maxWaitMs), () => this.#look()),
    });
    batch.quietUntilMs = Math.max(batch.quietUntilMs, nowMs + quietMs);
    batch.latestMs = Math.max(batch.latestMs, batch.openedAtMs + maxWaitMs);
    return endOf(batch);
  }

  #look(): void {
    const batch = this.#batch;
    if (batch === undefined) return;
    const leftMs = endOf(batch) - this.scheduler.now();
    // A clock that was set back must not hold the rule up for longer than the whole wait.
    const isOver = leftMs <= 0 || leftMs > batch.latestMs - batch.openedAtMs;
    if (!isOver) return void (batch.timer = this.#after(leftMs, () => this.#look()));
    this.#close();
    const round: Round = { unanswered: new Set() };
    for (const [box, held] of this.#held) {
      if (held.round !== undefined) continue;
      held.round = round;
      round.unanswered.add(box);
    }
    for (const box of round.unanswered) box.wake();
  }

  #answered(box: Mailbox, round: Round): void {
    if (!round.unanswered.delete(box) || round.unanswered.size > 0) return;
    // Not at once: who answers last must be asleep like the others, so that all of them wake, and begin, in one turn.
    this.#after(0, () => this.#begin(round));
  }

  #begin(round: Round): void {
    for (const [box, held] of this.#held) {
      if (held.round !== round) continue;
      held.mayBegin = true;
      box.wake();
    }
  }

  #after(ms: number, work: () => void): Subscription {
    return timer(Math.min(Math.max(0, ms), LONGEST_WAIT_MS), this.scheduler).subscribe(work);
  }

  #close(): void {
    this.#batch?.timer.unsubscribe();
    this.#batch = undefined;
  }
}

function endOf({ quietUntilMs, latestMs }: Batch): number {
  return Math.min(quietUntilMs, latestMs);
}
