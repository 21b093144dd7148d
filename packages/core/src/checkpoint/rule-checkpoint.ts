import { createHash } from 'node:crypto';
import { ABSENT, type CheckpointEntry, decodeEntry, encodeEntry, type Parts } from './entry.js';
import type { Journal } from './journal.js';

/** A state of one key of one source: what a mailbox holds. */
export interface KeyState {
  readonly sourceId: string;
  readonly key: string;
  /** `ABSENT` when the key does not exist. */
  readonly revision: string;
  readonly parts?: Parts;
}

/** Deletions that asked for no action are remembered for so many keys per rule, the latest ones. */
const MAX_GONE = 1000;

const SUM_MODULUS = 1n << 256n;

/**
 * A rule's checkpoint: the last settled revision of every key, per source, in memory with write-behind.
 *
 * A source is identified by `sourceId` (a digest of its configuration), so an edited source starts anew. Records: `<sourceId>` marks a
 * source whose baseline is complete, `<sourceId>/<key>` holds an entry, `!tripped` the breaker.
 */
export class RuleCheckpoint {
  readonly #entries = new Map<string, CheckpointEntry>();
  readonly #known = new Set<string>();
  readonly #gone = new Set<string>();
  #sum = 0n;
  #sequence = 0;

  /** Records of sources that are not in `sourceIds` are removed: whoever comes back later is new. */
  constructor(
    private readonly journal: Journal,
    sourceIds: Iterable<string>,
  ) {
    const wanted = new Set(sourceIds);
    for (const [record, value] of journal.stored) this.#load(record, value, wanted);
  }

  #load(record: string, value: string, wanted: ReadonlySet<string>): void {
    if (record.startsWith('!')) return;
    const slash = record.indexOf('/');
    const sourceId = slash < 0 ? record : record.slice(0, slash);
    const entry = slash < 0 ? undefined : decodeEntry(value);
    if (!wanted.has(sourceId) || (slash >= 0 && entry === undefined)) return this.journal.put(record, null);
    if (entry === undefined) {
      this.#known.add(sourceId);
      return;
    }
    this.#entries.set(record, entry);
    if (!isPresent(entry)) this.#gone.add(record);
    this.#sequence = Math.max(this.#sequence, entry.sequence);
    this.#sum = (this.#sum + contribution(record, actedRevision(entry))) % SUM_MODULUS;
  }

  /** True once the source's first inventory was recorded: from then on an unknown key is a created one. */
  isKnown(sourceId: string): boolean {
    return this.#known.has(sourceId);
  }

  get(sourceId: string, key: string): CheckpointEntry | undefined {
    return this.#entries.get(recordOf(sourceId, key));
  }

  /** Keys of the source that exist as far as the checkpoint knows. */
  *presentKeys(sourceId: string): Iterable<string> {
    const prefix = `${sourceId}/`;
    for (const [record, entry] of this.#entries) {
      if (!record.startsWith(prefix) || !isPresent(entry)) continue;
      yield record.slice(prefix.length);
    }
  }

  /** Keys with a delivery that began and was never settled. */
  *begunKeys(sourceId: string): Iterable<string> {
    const prefix = `${sourceId}/`;
    for (const [record, entry] of this.#entries) {
      if (entry.begun !== undefined && record.startsWith(prefix)) yield record.slice(prefix.length);
    }
  }

  /** Records a state as the starting point: no action. */
  baseline(state: KeyState): void {
    this.#set(state, { sequence: 0, settled: state.revision, parts: state.parts });
  }

  /** Resolves when the baseline of the source, and then the fact that it is complete, are stored. */
  async completeBaseline(sourceId: string): Promise<void> {
    this.#known.add(sourceId);
    const last = [...this.#entries.keys()].filter((record) => record.startsWith(`${sourceId}/`));
    await Promise.all(last.map((record) => this.journal.durable(record)));
    this.journal.put(sourceId, '1');
    await this.journal.durable(sourceId);
  }

  /** True when nothing is to be done about this state: it is settled, and no target can have seen another one since. */
  isSettled(state: KeyState): boolean {
    const entry = this.get(state.sourceId, state.key);
    if (entry === undefined) return state.revision === ABSENT;
    if (entry.begun !== undefined) return false;
    if (state.revision === ABSENT) return !isPresent(entry);
    return entry.settled === state.revision;
  }

  /** A settled state was seen again: an equal re-creation is no longer gone. */
  seen(state: KeyState): void {
    const entry = this.get(state.sourceId, state.key);
    if (entry?.gone === true && state.revision !== ABSENT) this.#set(state, { ...entry, gone: undefined });
  }

  /** Records that a delivery of this state begins; resolves when that is stored, and only then may an action run. */
  begin(state: KeyState): Promise<void> {
    const entry = this.get(state.sourceId, state.key);
    if (entry?.begun?.revision !== state.revision) {
      const begun = { revision: state.revision, parts: state.parts };
      this.#sequence += 1;
      this.#set(state, { ...entry, sequence: this.#sequence, begun });
    }
    return this.journal.durable(recordOf(state.sourceId, state.key));
  }

  /** Takes back a `begin` after which no action was run; `before` is the entry from before it. */
  undoBegin(state: KeyState, before: CheckpointEntry | undefined): void {
    if (before === undefined) this.#remove(state);
    else this.#set(state, before);
  }

  /** Every action answered (or, with `failed`, was given up): the state is dealt with. */
  settle(state: KeyState, failed?: string): void {
    const entry = this.get(state.sourceId, state.key);
    this.#set(state, { sequence: entry?.sequence ?? 0, settled: state.revision, parts: state.parts, failed });
  }

  /** A filter dropped the state: settled without an action, so the targets still have the state before. */
  drop(state: KeyState): void {
    const entry = this.get(state.sourceId, state.key);
    if (state.revision === ABSENT) {
      if (entry !== undefined) this.#set(state, { ...entry, gone: true });
      return;
    }
    const acted = entry === undefined ? ABSENT : actedRevision(entry);
    this.#set(state, { sequence: entry?.sequence ?? 0, settled: state.revision, parts: state.parts, acted });
  }

  /** Entries whose last delivery was given up: the dead letters. */
  *failed(): Iterable<{ readonly sourceId: string; readonly key: string; readonly entry: CheckpointEntry }> {
    for (const [record, entry] of this.#entries) {
      if (entry.failed === undefined) continue;
      const slash = record.indexOf('/');
      yield { sourceId: record.slice(0, slash), key: record.slice(slash + 1), entry };
    }
  }

  /** Makes a given-up state due again, with the id that it had. */
  reopen(state: KeyState): void {
    const entry = this.get(state.sourceId, state.key);
    if (entry?.failed === undefined || entry.settled === undefined) return;
    this.#set(state, { ...entry, failed: undefined, begun: { revision: entry.settled, parts: entry.parts } });
  }

  /** One opaque string for the states that the rule's targets have or are being given. */
  get combinedRevision(): string {
    return createHash('sha256').update(this.#sum.toString(16)).digest('base64url').slice(0, 22);
  }

  get size(): number {
    return this.#entries.size;
  }

  /** The mark of the tripped breaker, if it was set in this journal before. */
  get tripped(): string | undefined {
    return this.journal.stored.get('!tripped');
  }

  setTripped(mark: string | null): void {
    this.journal.put('!tripped', mark);
  }

  close(): Promise<void> {
    return this.journal.close();
  }

  #set(state: KeyState, entry: CheckpointEntry): void {
    const record = recordOf(state.sourceId, state.key);
    const before = this.#entries.get(record);
    const removed = before === undefined ? 0n : contribution(record, actedRevision(before));
    this.#sum = (this.#sum - removed + contribution(record, actedRevision(entry)) + SUM_MODULUS) % SUM_MODULUS;
    this.#entries.set(record, entry);
    this.journal.put(record, encodeEntry(entry));
    this.#gone.delete(record);
    if (entry.gone === true || entry.settled === ABSENT) this.#remember(record);
  }

  #remember(gone: string): void {
    this.#gone.add(gone);
    if (this.#gone.size <= MAX_GONE) return;
    for (const record of this.#gone) {
      if (this.#entries.get(record)?.begun !== undefined) continue;
      this.#forget(record);
      return;
    }
  }

  #remove(state: KeyState): void {
    this.#forget(recordOf(state.sourceId, state.key));
  }

  #forget(record: string): void {
    const entry = this.#entries.get(record);
    if (entry === undefined) return;
    this.#sum = (this.#sum - contribution(record, actedRevision(entry)) + SUM_MODULUS) % SUM_MODULUS;
    this.#entries.delete(record);
    this.#gone.delete(record);
    this.journal.put(record, null);
  }
}

function recordOf(sourceId: string, key: string): string {
  return `${sourceId}/${key}`;
}

/** Whether the key exists, as far as this entry knows. */
export function isPresent(entry: CheckpointEntry): boolean {
  return entry.gone !== true && entry.settled !== undefined && entry.settled !== ABSENT;
}

function actedRevision(entry: CheckpointEntry): string {
  return entry.begun?.revision ?? entry.acted ?? entry.settled ?? ABSENT;
}

/**
 * Summing digests modulo 2^256 makes the combined revision independent of the order of keys and cheap to update (the AdHash
 * construction, Bellare and Micciancio 1997). A key whose deletion was acted on adds nothing.
 */
function contribution(record: string, revision: string): bigint {
  if (revision === ABSENT) return 0n;
  return BigInt(`0x${createHash('sha256').update(`${record}\n${revision}`).digest('hex')}`);
}
