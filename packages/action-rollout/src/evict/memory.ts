import type { Mark } from './mark.js';

/** Deliveries to targets that are remembered; one that is forgotten costs a look at the workload. */
const MAX_MARKS = 10_000;

/** A mark, and what this process did by it. */
export interface Marked {
  /** Of the workload that has it: another one of the same name is a stranger. */
  readonly uid: string;
  mark: Mark;
  readonly atMs: number;
  /** The patch was sent and its answer is missing. */
  doubtful: boolean;
  /** Another process wrote it, or an earlier one. */
  readonly found: boolean;
  /** Uids; the watch tells later. */
  readonly evicted: Set<string>;
}

/** A map that forgets what was not set for longest. */
export class Recent<V> {
  readonly #values = new Map<string, V>();

  constructor(private readonly limit: number) {}

  get(key: string): V | undefined {
    return this.#values.get(key);
  }

  set(key: string, value: V): void {
    // Set again: the map's order is the order of use.
    this.#values.delete(key);
    this.#values.set(key, value);
    const [oldest] = this.#values.keys();
    if (this.#values.size > this.limit && oldest !== undefined) this.#values.delete(oldest);
  }

  delete(key: string): void {
    this.#values.delete(key);
  }
}

/** What one action's process knows of its marks beyond the index, which lags behind its own patches and evictions. */
export class Marks {
  readonly #marks = new Recent<Marked>(MAX_MARKS);
  readonly #latest = new Recent<Marked>(MAX_MARKS);

  of(target: string, delivery: string): Marked | undefined {
    return this.#marks.get(`${target} ${delivery}`);
  }

  /** The one that stands on the target, as far as this process wrote or read it. */
  latest(target: string): Marked | undefined {
    return this.#latest.get(target);
  }

  set(target: string, delivery: string, marked: Marked): void {
    this.#marks.set(`${target} ${delivery}`, marked);
    this.#latest.set(target, marked);
  }
}
