import { hash } from 'node:crypto';
import { ABSENT, type CheckpointEntry, decodeEntry, encodeEntry, type Parts } from './entry.js';
import type { Recollection } from '../contract/context.js';
import type { Journal } from './journal.js';

/** A state of one key of one source: what a mailbox holds. */
export interface KeyState {
  readonly sourceId: string;
  readonly key: string;
  /** `ABSENT` when the key does not exist. */
  readonly revision: string;
  readonly parts?: Parts;
  /** Its name in the journal, where whoever holds the state has it: one text that is looked up often costs less than equal ones. */
  readonly record?: string;
  /** By which the source knows this version again. */
  readonly mark?: string;
}

/** Keys that are gone, and keys of edge sources, are remembered for so many per rule, the latest ones. */
const MAX_FADING = 1000;

const TRIPPED = '!tripped';
const FORGOTTEN = '!forgotten';

const SUM_MODULUS = 1n << 256n;

/** So many moves of keys may wait for the combined revision to be asked for. */
const MAX_UNCOUNTED = 1000;

/**
 * A rule's checkpoint: the last settled revision of every key, per source, in memory with write-behind.
 *
 * A source is identified by `sourceId` (a digest of its configuration), so an edited source starts anew. Records: `<sourceId>` marks a
 * source whose baseline is complete, `<sourceId>/<key>` holds an entry, `!tripped` the breaker, `!forgotten` what forgotten keys
 * contribute to the combined revision.
 */
export class RuleCheckpoint {
  readonly #entries = new Map<string, CheckpointEntry>();
  /** Sources whose first inventory is complete, and whether that is stored. */
  readonly #known = new Map<string, 'stored' | Promise<void>>();
  /** Records that may be forgotten, the oldest first. */
  readonly #fading = new Set<string>();
  readonly #unreadable = new Set<string>();
  /** How many keys exist, by source: counted along, since a status that is asked for often must not walk 10,000 entries. */
  readonly #present = new Map<string, number>();
  readonly #edgeSources: ReadonlySet<string>;
  /** The sum of all contributions, but for the keys in `uncounted`. */
  #sum = 0n;
  /** Keys that moved since the sum was made, with the revision that it has of them: digests are made when somebody asks. */
  readonly #uncounted = new Map<string, string | undefined>();
  #forgotten = 0n;
  #sequence = 0;
  #tripped: string | undefined;

  /**
   * Records of sources that are not in `sourceIds` are removed: whoever comes back later is new. Of the keys of `edgeSourceIds` only
   * the latest are remembered.
   */
  constructor(
    private readonly journal: Journal,
    sourceIds: Iterable<string>,
    edgeSourceIds: Iterable<string> = [],
  ) {
    const wanted = new Set(sourceIds);
    this.#edgeSources = new Set(edgeSourceIds);
    this.#tripped = journal.stored.get(TRIPPED);
    const forgotten = journal.stored.get(FORGOTTEN) ?? '';
    if (/^[0-9a-f]{1,64}$/.test(forgotten)) this.#forgotten = this.#sum = BigInt(`0x${forgotten}`);
    for (const [record, value] of journal.stored) this.#load(record, value, wanted);
    journal.release?.();
  }

  #load(record: string, value: string, wanted: ReadonlySet<string>): void {
    if (record.startsWith('!')) return;
    const slash = record.indexOf('/');
    const sourceId = slash < 0 ? record : record.slice(0, slash);
    if (!wanted.has(sourceId)) return this.journal.put(record, null);
    if (slash < 0) {
      this.#known.set(sourceId, 'stored');
      return;
    }
    const entry = decodeEntry(value);
    if (entry === undefined) {
      this.#unreadable.add(record);
      return;
    }
    this.#entries.set(record, entry);
    this.#count(record, undefined, entry);
    if (this.#fades(sourceId, entry)) this.#fading.add(record);
    this.#sequence = Math.max(this.#sequence, entry.sequence);
    this.#uncounted.set(record, undefined);
  }

  /** True for a key whose record cannot be read (another version's, a damaged one): its next sight is its first. */
  isUnreadable(sourceId: string, key: string): boolean {
    return this.#unreadable.size > 0 && this.#unreadable.has(recordName(sourceId, key));
  }

  /** True once the source's first inventory was recorded: from then on an unknown key is a created one. */
  isKnown(sourceId: string): boolean {
    return this.#known.has(sourceId);
  }

  get(sourceId: string, key: string): CheckpointEntry | undefined {
    return this.#entries.get(recordName(sourceId, key));
  }

  entryOf(state: KeyState): CheckpointEntry | undefined {
    return this.#entries.get(recordOf(state));
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
    const { revision: settled, parts, mark } = state;
    this.#set(state, { sequence: 0, settled, parts, mark });
  }

  /** True once a restart would find the source's baseline. */
  isBaselineStored(sourceId: string): boolean {
    return this.#known.get(sourceId) === 'stored';
  }

  /**
   * Resolves when the baseline of the source, and then the fact that it is complete, are stored; at once, if they are. Rejects when the
   * journal is closed or fenced off before.
   */
  completeBaseline(sourceId: string): Promise<void> {
    this.#dropUnreadable(sourceId);
    const known = this.#known.get(sourceId);
    if (known === 'stored') return Promise.resolve();
    if (known !== undefined) return known;
    const storing = this.#storeBaseline(sourceId);
    storing.catch(() => undefined); // whoever waits for it hears of it
    this.#known.set(sourceId, storing);
    return storing;
  }

  async #storeBaseline(sourceId: string): Promise<void> {
    const records = [...this.#entries.keys()].filter((record) => record.startsWith(`${sourceId}/`));
    await Promise.all(records.map((record) => this.journal.durable(record)));
    this.journal.put(sourceId, '1');
    await this.journal.durable(sourceId);
    this.#known.set(sourceId, 'stored');
  }

  #dropUnreadable(sourceId: string): void {
    for (const record of this.#unreadable) {
      if (!record.startsWith(`${sourceId}/`)) continue;
      this.#unreadable.delete(record);
      this.journal.put(record, null);
    }
  }

  /** True when nothing is to be done about this state: it is settled, and no target can have seen another one since. */
  isSettled(state: KeyState): boolean {
    const entry = this.entryOf(state);
    if (entry === undefined) return state.revision === ABSENT;
    if (entry.begun !== undefined) return false;
    if (state.revision === ABSENT) return !isPresent(entry);
    return entry.settled === state.revision;
  }

  /** A settled state was seen again: an equal re-creation is no longer gone. */
  seen(state: KeyState): void {
    const entry = this.entryOf(state);
    if (entry?.gone === true && state.revision !== ABSENT) this.#set(state, { ...entry, gone: undefined });
  }

  /** What lets a source know the settled state of a key again; undefined while a target may have seen another one. */
  recall(sourceId: string, key: string): Recollection | undefined {
    const entry = this.get(sourceId, key);
    if (entry?.mark === undefined || entry.settled === undefined || entry.begun !== undefined) return undefined;
    const { mark, settled: revision, parts } = entry;
    return { mark, revision, ...(parts === undefined ? {} : { parts }) };
  }

  /** The settled state was seen in another version, whose content is the same. */
  remark(state: KeyState): void {
    const entry = this.entryOf(state);
    if (state.mark === undefined || entry === undefined || entry.mark === state.mark || !this.isSettled(state)) return;
    this.#set(state, { ...entry, mark: state.mark });
  }

  /** Records that a delivery of this state begins; resolves when that is stored, and only then may an action run. */
  begin(state: KeyState): Promise<void> {
    const entry = this.entryOf(state);
    if (entry?.begun?.revision !== state.revision) {
      const begun = { revision: state.revision, parts: state.parts };
      this.#sequence += 1;
      this.#set(state, { ...entry, sequence: this.#sequence, begun });
    }
    return this.journal.durable(recordOf(state));
  }

  /** Takes back a `begin` after which no action was run; `before` is the entry from before it. */
  undoBegin(state: KeyState, before: CheckpointEntry | undefined): void {
    const record = recordOf(state);
    if (before === undefined) this.#remove(record);
    else this.#set(state, before);
    // Urgent: a process that is killed now would take the beginning for a delivery that may have reached a target.
    this.#storeSoon(record);
  }

  /** Every action answered (or, with `failed`, was given up): the state is dealt with. */
  settle(state: KeyState, failed?: string): void {
    const entry = this.entryOf(state);
    const { revision: settled, parts, mark } = state;
    this.#set(state, { sequence: entry?.sequence ?? 0, settled, parts, mark, failed });
  }

  /** A filter dropped the state: settled without an action, so the targets still have the state before. */
  drop(state: KeyState): void {
    const entry = this.entryOf(state);
    if (state.revision === ABSENT) {
      if (entry !== undefined) this.#set(state, { ...entry, gone: true });
      return;
    }
    const acted = entry === undefined ? ABSENT : actedRevision(entry);
    const { revision: settled, parts, mark } = state;
    this.#set(state, { sequence: entry?.sequence ?? 0, settled, parts, mark, acted });
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
    const entry = this.entryOf(state);
    if (entry?.failed === undefined || entry.settled === undefined) return;
    this.#set(state, { ...entry, failed: undefined, begun: { revision: entry.settled, parts: entry.parts } });
  }

  /** How often the combined revision was asked for: what is begun when it grows may be on a target from then on. */
  readings = 0;

  /** One opaque string for the states that the rule's targets have or are being given. */
  readCombinedRevision(): string {
    this.readings += 1;
    this.#countMoves();
    return hash('sha256', this.#sum.toString(16), 'base64url').slice(0, 22);
  }

  get size(): number {
    return this.#entries.size;
  }

  /** How many keys of the source exist, as far as the checkpoint knows. */
  presentCount(sourceId: string): number {
    return this.#present.get(sourceId) ?? 0;
  }

  /** Why the breaker tripped, if it did: in this process or in one before it. */
  get tripped(): string | undefined {
    return this.#tripped;
  }

  setTripped(why: string | null): void {
    this.#tripped = why ?? undefined;
    this.journal.put(TRIPPED, why);
    this.#storeSoon(TRIPPED);
  }

  close(): Promise<void> {
    return this.journal.close();
  }

  #set(state: KeyState, entry: CheckpointEntry): void {
    const record = recordOf(state);
    const before = this.#entries.get(record);
    if (before === undefined || actedRevision(before) !== actedRevision(entry)) this.#moves(record, before);
    this.#entries.set(record, entry);
    this.#count(record, before, entry);
    this.#unreadable.delete(record);
    this.journal.put(record, encodeEntry(entry));
    this.#fading.delete(record); // so that the set is in the order of the last change
    if (!this.#fades(state.sourceId, entry)) return;
    this.#fading.add(record);
    if (this.#fading.size > MAX_FADING) this.#forgetOne();
  }

  #fades(sourceId: string, entry: CheckpointEntry): boolean {
    return entry.begun === undefined && (!isPresent(entry) || this.#edgeSources.has(sourceId));
  }

  /** What the key contributed stays in the combined revision: forgetting is no change. */
  #forgetOne(): void {
    const [record] = this.#fading;
    const entry = record === undefined ? undefined : this.#entries.get(record);
    if (record === undefined || entry === undefined) return;
    const left = contribution(record, actedRevision(entry));
    this.#remove(record);
    if (left === 0n) return;
    this.#sum = (this.#sum + left) % SUM_MODULUS;
    this.#forgotten = (this.#forgotten + left) % SUM_MODULUS;
    this.journal.put(FORGOTTEN, this.#forgotten.toString(16));
  }

  #remove(record: string): void {
    const entry = this.#entries.get(record);
    if (entry === undefined) return;
    this.#moves(record, entry);
    this.#entries.delete(record);
    this.#count(record, entry, undefined);
    this.#fading.delete(record);
    this.journal.put(record, null);
  }

  /** Called before the entry is another one. */
  #moves(record: string, before: CheckpointEntry | undefined): void {
    if (this.#uncounted.has(record)) return;
    if (this.#uncounted.size >= MAX_UNCOUNTED) this.#countMoves();
    this.#uncounted.set(record, before && actedRevision(before));
  }

  #countMoves(): void {
    for (const [record, counted] of this.#uncounted) {
      const entry = this.#entries.get(record);
      const now = entry === undefined ? 0n : contribution(record, actedRevision(entry));
      const then = counted === undefined ? 0n : contribution(record, counted);
      this.#sum = (this.#sum - then + now + SUM_MODULUS) % SUM_MODULUS;
    }
    this.#uncounted.clear();
  }

  #count(record: string, before: CheckpointEntry | undefined, after: CheckpointEntry | undefined): void {
    const change = Number(after !== undefined && isPresent(after)) - Number(before !== undefined && isPresent(before));
    if (change === 0) return;
    const sourceId = record.slice(0, record.indexOf('/'));
    this.#present.set(sourceId, (this.#present.get(sourceId) ?? 0) + change);
  }

  /** Asks for the next write and waits for nothing. */
  #storeSoon(record: string): void {
    this.journal.durable(record).catch(() => undefined);
  }
}

/** What a key's record is called in the journal. */
export function recordName(sourceId: string, key: string): string {
  return `${sourceId}/${key}`;
}

function recordOf({ record, sourceId, key }: KeyState): string {
  return record ?? recordName(sourceId, key);
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
  return BigInt(`0x${hash('sha256', `${record}\n${revision}`, 'hex')}`);
}
