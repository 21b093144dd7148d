import type { SchedulerLike } from 'rxjs';
import type { Observation } from './observation.js';
import { sleep } from './wait.js';

/** Occurrences of one key that may wait; level states never queue up. */
export const MAX_OCCURRENCES = 1000;

/** What waits for a delivery of one key: one level state, or occurrences in order. */
export class Mailbox {
  #waiting: Observation[];
  #sinceMs: number;
  /** When the first state after the one in delivery came. */
  #nextSinceMs: number | undefined;
  #alarm: AbortController | undefined;
  #current: Observation | undefined;

  constructor(
    readonly id: string,
    first: Observation,
  ) {
    this.#waiting = [first];
    this.#sinceMs = first.observedAtMs;
  }

  /** What is to be dealt with next, or being dealt with. */
  get head(): Observation | undefined {
    return this.#waiting[0];
  }

  /** Since when something has been waiting here, also across replaced states. */
  get sinceMs(): number {
    return this.#sinceMs;
  }

  /** A newer level state replaces the waiting one and ends a wait for it. False when no more occurrences fit in. */
  put(observation: Observation): boolean {
    if (observation.occurrence !== undefined) {
      if (this.#waiting.length >= MAX_OCCURRENCES) return false;
      this.#waiting.push(observation);
      return true;
    }
    const head = this.head;
    const current = this.#current;
    if (current !== undefined && isSameState(current, observation)) {
      // Said again, or undone and redone: the delivery under way is right, neither its backoff nor its attempts start anew.
      this.#waiting = [current];
    } else if (head !== undefined && head !== current && isSameState(head, observation)) {
      this.#waiting = [{ ...observation, observedAtMs: head.observedAtMs }];
    } else {
      this.#nextSinceMs ??= current === undefined ? undefined : observation.observedAtMs;
      this.#waiting = [observation];
      this.wake();
    }
    return true;
  }

  /** Says what is in delivery from now on. */
  deliver(observation: Observation | undefined): void {
    this.#current = observation;
    if (observation !== undefined) this.#nextSinceMs = undefined;
  }

  /** Removes what was dealt with, unless something newer took its place meanwhile. */
  take(observation: Observation): void {
    if (this.#waiting[0] === observation) this.#waiting.shift();
    this.#sinceMs = this.#nextSinceMs ?? this.#waiting[0]?.observedAtMs ?? this.#sinceMs;
    this.#nextSinceMs = undefined;
  }

  /** Waits, unless (or until) a newer state arrives or `wake` is called. */
  async sleep(ms: number, scheduler: SchedulerLike, waitingFor: Observation): Promise<void> {
    if (this.head !== waitingFor) return;
    const alarm = (this.#alarm = new AbortController());
    await sleep(ms, scheduler, alarm.signal);
  }

  wake(): void {
    this.#alarm?.abort();
  }
}

function isSameState(one: Observation, other: Observation): boolean {
  return one.occurrence === undefined && one.revision === other.revision;
}
