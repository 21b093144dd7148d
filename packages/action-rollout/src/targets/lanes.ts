/** Targets that are remembered; an idle one that is forgotten costs a look at the index. */
const MAX_TARGETS = 10_000;

/** What this process knows of a target beyond the index, which lags behind its own patches. */
export interface Lane {
  /** Of the object that this was learnt of; another one of the same name is a stranger. */
  uid: string | undefined;
  /** What was last patched, by the rule's uid. */
  readonly revisions: Map<string, Sent>;
  /** A patch was sent and its answer is missing: it may have arrived. */
  doubt: (Sent & { readonly by: string }) | undefined;
  /** The last patch by which its pods are replaced. */
  rolled: { readonly by: string; readonly rule: string; readonly atMs: number } | undefined;
  /** The number of removals by others at which it was last refused to go on. */
  contested: number | undefined;
}

export interface Sent {
  readonly revision: string;
  /** The id of the delivery that it was for: the revision moves on when another key's begins. */
  readonly id: string;
  readonly atMs: number;
  /** That it made. */
  readonly generation?: number | undefined;
}

/** Of a target that this process has not touched. */
export const NOTHING_KNOWN: Lane = {
  uid: undefined,
  revisions: new Map(),
  doubt: undefined,
  rolled: undefined,
  contested: undefined,
};

interface Tail extends Lane {
  last: Promise<unknown>;
  waiting: number;
}

/** What is known of an object says nothing about one that was made in its place. */
export function meet(lane: Lane, uid: string): void {
  if (lane.uid === uid) return;
  Object.assign(lane, { uid, rolled: undefined, contested: undefined });
  lane.revisions.clear();
}

/**
 * One lane per target: work on it runs strictly one after the other, whichever rule it is for, so that a patch never overtakes another
 * one.
 */
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

  /** What is known of a target, without waiting for work on it. */
  peek(target: string): Lane | undefined {
    return this.#lanes.get(target);
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
    return { ...NOTHING_KNOWN, revisions: new Map(), last: Promise.resolve(), waiting: 0 };
  }
}
