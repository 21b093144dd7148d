/** Targets that are remembered; more than a rule has. */
const MAX_TARGETS = 1000;

/** What is known of a target: the revision last patched, or nothing because the last attempt's end is unknown. */
export interface Lane {
  /** Undefined before the first patch. */
  revision: string | undefined;
  /** A patch was sent and its answer is missing: it may have arrived. */
  doubtful: boolean;
}

interface Tail extends Lane {
  last: Promise<unknown>;
  waiting: number;
}

/** One lane per target: work on it runs strictly one after the other, so that a patch never overtakes another one. */
export class Lanes {
  readonly #lanes = new Map<string, Tail>();

  /** Runs `work` after all earlier work on this target. Rejects with the signal's reason, without running it, once it is aborted. */
  run<T>(target: string, signal: AbortSignal, work: (lane: Lane) => Promise<T>): Promise<T> {
    const lane = this.#lanes.get(target) ?? this.#open();
    // Set again: the map's order is the order of use.
    this.#lanes.delete(target);
    this.#lanes.set(target, lane);
    lane.waiting += 1;
    const done = lane.last.then(async () => {
      try {
        signal.throwIfAborted();
        return await work(lane);
      } finally {
        lane.waiting -= 1;
      }
    });
    lane.last = done.catch(() => undefined);
    return done;
  }

  get size(): number {
    return this.#lanes.size;
  }

  #open(): Tail {
    if (this.#lanes.size >= MAX_TARGETS) {
      for (const [target, lane] of this.#lanes) {
        if (lane.waiting > 0) continue;
        this.#lanes.delete(target);
        break;
      }
    }
    return { revision: undefined, doubtful: false, last: Promise.resolve(), waiting: 0 };
  }
}
