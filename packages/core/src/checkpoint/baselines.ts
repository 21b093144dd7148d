import type { Journal } from './journal.js';

const COMPLETE = '1';

/** What a store says of a baseline, instead of what it has, when it lost a part of the rule's records: it is made anew. */
export const INCOMPLETE_BASELINE = '';

/** Whether a record says that a baseline is complete. */
export function isBaseline(record: string): boolean {
  return !record.startsWith('!') && !record.includes('/');
}

/** Of which sources the first inventory is complete, and whether a restart would find that. The record is the source's id. */
export class Baselines {
  readonly #known = new Map<string, 'stored' | Promise<void>>();

  constructor(private readonly journal: Journal) {}

  /** The journal had it. */
  loaded(sourceId: string, value: string): void {
    if (value === INCOMPLETE_BASELINE) return this.journal.put(sourceId, null);
    this.#known.set(sourceId, 'stored');
  }

  isKnown(sourceId: string): boolean {
    return this.#known.has(sourceId);
  }

  isStored(sourceId: string): boolean {
    return this.#known.get(sourceId) === 'stored';
  }

  /**
   * Resolves when the records, which are the baseline of the source, and then the fact that it is complete, are stored; at once, if they
   * are. Rejects when the journal is closed or fenced off before.
   */
  complete(sourceId: string, records: () => Iterable<string>): Promise<void> {
    const known = this.#known.get(sourceId);
    if (known === 'stored') return Promise.resolve();
    if (known !== undefined) return known;
    const storing = this.#store(sourceId, records());
    storing.catch(() => undefined); // whoever waits for it hears of it
    this.#known.set(sourceId, storing);
    return storing;
  }

  async #store(sourceId: string, records: Iterable<string>): Promise<void> {
    await this.journal.durable([...records]);
    this.journal.put(sourceId, COMPLETE);
    await this.journal.durable(sourceId);
    this.#known.set(sourceId, 'stored');
  }
}
