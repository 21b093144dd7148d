import { sleep } from '@kube-trigger/core';
import type { SchedulerLike } from 'rxjs';

export interface BackgroundOptions {
  readonly scheduler: SchedulerLike;
  /** Monotonic milliseconds; default `performance.now`. */
  readonly monotonicMs?: () => number;
}

/** Work of one kind: first come, first served. */
export interface Lane {
  /** Runs `work`, which makes a request, in its turn; or not at all (`undefined`) when `signal` aborts before that. */
  run<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T | undefined>;
}

/** So many at a time while nobody else asks the API server for anything. */
const AT_ONCE = 4;
/** While somebody does: one at a time, and after each a pause so many times as long as it took. */
const PAUSE_FACTOR = 4;
const MAX_PAUSE_MS = 1000;
/** One that hangs does not hold up the others until its time is over. Longer than an answer takes that is merely slow: that is to be waited for. */
const LONGEST_STAY_MS = 10_000;

const NEVER = new AbortController().signal;

/**
 * Requests that tell (status, Events) make room for those that do (checkpoints, actions): the slower the server answers, the fewer of them it
 * gets, so they never hold up a delivery. Lanes take turns; whoever tells the latest state makes it when the turn comes.
 */
export class Background {
  readonly #lanes: Set<() => void>[] = [];
  readonly #now: () => number;
  #others = 0;
  #running = 0;
  #isBusy = false;

  constructor(private readonly options: BackgroundOptions) {
    this.#now = options.monotonicMs ?? (() => performance.now());
  }

  /** To be called as each request starts that is not made here. */
  noteRequest(): void {
    this.#others += 1;
  }

  lane(): Lane {
    const waiting = new Set<() => void>();
    this.#lanes.push(waiting);
    return {
      run: async (work, signal = NEVER) => ((await this.#turn(waiting, signal)) ? this.#run(work) : undefined),
    };
  }

  async #run<T>(work: () => Promise<T>): Promise<T> {
    const startedAt = this.#now();
    const othersBefore = this.#others;
    let hasLeft = false;
    const leave = () => {
      if (!hasLeft) this.#leave();
      hasLeft = true;
    };
    const impatience = this.options.scheduler.schedule(leave, LONGEST_STAY_MS);
    try {
      return await work();
    } finally {
      impatience.unsubscribe();
      this.#isBusy = this.#others > othersBefore;
      const pauseMs = this.#isBusy ? Math.min(MAX_PAUSE_MS, PAUSE_FACTOR * (this.#now() - startedAt)) : 0;
      if (pauseMs === 0) leave();
      else void sleep(pauseMs, this.options.scheduler, NEVER).then(leave);
    }
  }

  /** Resolves with false when the signal aborts first. */
  #turn(waiting: Set<() => void>, signal: AbortSignal): Promise<boolean> {
    if (signal.aborted) return Promise.resolve(false);
    return new Promise((resolve) => {
      const enter = () => {
        signal.removeEventListener('abort', giveUp);
        resolve(true);
      };
      const giveUp = () => {
        waiting.delete(enter);
        resolve(false);
      };
      signal.addEventListener('abort', giveUp, { once: true });
      waiting.add(enter);
      this.#admit();
    });
  }

  #leave(): void {
    this.#running -= 1;
    this.#admit();
  }

  #admit(): void {
    while (this.#running < (this.#isBusy ? 1 : AT_ONCE)) {
      const enter = this.#next();
      if (enter === undefined) return;
      this.#running += 1;
      enter();
    }
  }

  #next(): (() => void) | undefined {
    for (const [index, lane] of this.#lanes.entries()) {
      const [enter] = lane;
      if (enter === undefined) continue;
      lane.delete(enter);
      this.#lanes.push(...this.#lanes.splice(index, 1)); // its next turn comes after the others'
      return enter;
    }
    return undefined;
  }
}
