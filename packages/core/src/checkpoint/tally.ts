import { type CheckpointEntry, isPresent } from './entry.js';

/** What is asked of all entries of a rule so often that nobody may walk tens of thousands for it: a status, a scrape of the metrics. */
export class Tally {
  /** How many keys exist, by source. */
  readonly #present = new Map<string, number>();
  #failed: Set<string> | undefined;

  /** A record's entry was `before`, and is `after`. */
  moves(record: string, before: CheckpointEntry | undefined, after: CheckpointEntry | undefined): void {
    this.#failed?.delete(record); // so that the set is in the order of the last change
    if (after?.failed !== undefined) (this.#failed ??= new Set()).add(record);
    const change = Number(after !== undefined && isPresent(after)) - Number(before !== undefined && isPresent(before));
    if (change === 0) return;
    const sourceId = record.slice(0, record.indexOf('/'));
    this.#present.set(sourceId, this.presentCount(sourceId) + change);
  }

  presentCount(sourceId: string): number {
    return this.#present.get(sourceId) ?? 0;
  }

  /** Records whose last delivery was given up, the latest at the end. */
  get failed(): Iterable<string> {
    return this.#failed ?? [];
  }
}
