import { hash } from 'node:crypto';
import { ABSENT } from './entry.js';

const MODULUS = 1n << 256n;

/** So many moves of keys may wait for the combined revision to be asked for. */
const MAX_UNCOUNTED = 1000;

/**
 * One opaque string for the revisions of all keys. Summing digests modulo 2^256 makes it independent of the order of keys and cheap to
 * update (the AdHash construction, Bellare and Micciancio 1997). An absent key adds nothing, a forgotten one what it had. Digests are made
 * when somebody asks.
 */
export class CombinedRevision {
  /** What all records add, but for those in `uncounted`. */
  #sum = 0n;
  /** Records that moved since the sum was made, with the revision that is in it. */
  readonly #uncounted = new Map<string, string>();
  #forgotten = 0n;

  /** `revisionOf` gives the present revision of a record, `forgotten` is what `forget` said last. */
  constructor(
    private readonly revisionOf: (record: string) => string,
    forgotten = '',
  ) {
    if (/^[0-9a-f]{1,64}$/.test(forgotten)) this.#forgotten = this.#sum = BigInt(`0x${forgotten}`);
  }

  /** How often it was asked for: what is begun when this grows may be on a target from then on. */
  readings = 0;

  read(): string {
    this.readings += 1;
    this.#count();
    return hash('sha256', this.#sum.toString(16), 'base64url').slice(0, 22);
  }

  /** A record was there when the checkpoint was opened. */
  loaded(record: string): void {
    this.#uncounted.set(record, ABSENT);
  }

  /** A record has another revision than `before`, from now on. */
  moves(record: string, before: string): void {
    if (this.#uncounted.has(record)) return;
    if (this.#uncounted.size >= MAX_UNCOUNTED) this.#count();
    this.#uncounted.set(record, before);
  }

  /** A record goes, and what it adds stays: forgetting is no change. Returns what all forgotten ones add, if that changed. */
  forget(record: string, revision: string): string | undefined {
    this.moves(record, revision);
    const left = contribution(record, revision);
    if (left === 0n) return undefined;
    this.#sum = (this.#sum + left) % MODULUS;
    this.#forgotten = (this.#forgotten + left) % MODULUS;
    return this.#forgotten.toString(16);
  }

  #count(): void {
    for (const [record, counted] of this.#uncounted) {
      const moved = contribution(record, this.revisionOf(record)) - contribution(record, counted);
      this.#sum = (this.#sum + moved + MODULUS) % MODULUS;
    }
    this.#uncounted.clear();
  }
}

function contribution(record: string, revision: string): bigint {
  if (revision === ABSENT) return 0n;
  return BigInt(`0x${hash('sha256', `${record}\n${revision}`, 'hex')}`);
}
