import type { CheckpointEntry } from './entry.js';

/** So many of each source, the latest ones; and beside them so many that were given up. */
const MAX_RECORDS = 1000;

/**
 * Records that may be forgotten. Each source has room of its own, so that one whose keys come and go takes nothing from the others, and its
 * dead letters have, since these are all that is left of what they tell.
 */
export class Fading {
  /** The oldest first. */
  readonly #groups = new Map<string, Set<string>>();

  /** As the latest one. */
  add(record: string, entry: CheckpointEntry): void {
    const name = groupOf(record, entry.failed !== undefined);
    const group = this.#groups.get(name);
    if (group === undefined) this.#groups.set(name, new Set([record]));
    else group.add(record);
  }

  delete(record: string): void {
    for (const isFailed of [false, true]) this.#groups.get(groupOf(record, isFailed))?.delete(record);
  }

  /** Those that are too many beside a record that was added, for whoever deletes each of them. */
  *surplus(record: string, entry: CheckpointEntry): Iterable<string> {
    const group = this.#groups.get(groupOf(record, entry.failed !== undefined)) ?? new Set();
    for (const oldest of group) {
      if (group.size <= MAX_RECORDS) return;
      yield oldest;
    }
  }

  /** Brings them into the order of their deliveries: a store gives them in none. */
  sort(sequenceOf: (record: string) => number): void {
    for (const [name, group] of this.#groups) {
      this.#groups.set(name, new Set([...group].toSorted((a, b) => sequenceOf(a) - sequenceOf(b))));
    }
  }
}

function groupOf(record: string, isFailed: boolean): string {
  const sourceId = record.slice(0, record.indexOf('/'));
  return isFailed ? `!${sourceId}` : sourceId;
}
