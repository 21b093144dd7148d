import { Baselines } from './baselines.js';
import { CombinedRevision } from './combined-revision.js';
import { ABSENT, type CheckpointEntry, decodeEntry, encodeEntry, isPresent, isRetried, type Parts } from './entry.js';
import { Fading } from './fading.js';
import type { Recollection } from '../contract/context.js';
import type { Journal } from './journal.js';
import { Tally } from './tally.js';

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

export interface CheckpointOptions {
  /** Records of other sources are removed: whoever comes back later is new. */
  readonly sourceIds: Iterable<string>;
  /** Of the keys of each of these only the latest are remembered. */
  readonly edgeSourceIds?: Iterable<string>;
  /** When the checkpoint is opened, in milliseconds since the epoch. */
  readonly nowMs: number;
}

const TRIPPED = '!tripped';
const FORGOTTEN = '!forgotten';

/**
 * A rule's checkpoint: the last settled revision of every key, per source, in memory with write-behind.
 *
 * A source is identified by `sourceId` (a digest of its configuration), so an edited source starts anew. Records: `<sourceId>` marks a
 * source whose baseline is complete, `<sourceId>/<key>` holds an entry, `!tripped` the breaker, `!forgotten` what forgotten keys
 * contribute to the combined revision.
 */
export class RuleCheckpoint {
  readonly #entries = new Map<string, CheckpointEntry>();
  readonly #baselines: Baselines;
  /** Of keys that are gone, and of keys of edge sources. */
  #fading: Fading | undefined;
  #unreadable: Set<string> | undefined;
  readonly #tally = new Tally();
  readonly #edgeSources: readonly string[];
  /** Of the states that the rule's targets have or are being given. */
  readonly #combined: CombinedRevision;
  /** Beginnings that are not stored yet, with what the targets have until then: a process that is killed now knows nothing of them. */
  #beginning: Map<string, string> | undefined;
  /** Never smaller than the seconds at the opening: numbers whose records are gone, with the checkpoint or the source, do not come again. */
  #sequence: number;
  #tripped: string | undefined;

  constructor(
    private readonly journal: Journal,
    { sourceIds, edgeSourceIds = [], nowMs }: CheckpointOptions,
  ) {
    this.#sequence = Math.floor(nowMs / 1000);
    const wanted = new Set(sourceIds);
    this.#baselines = new Baselines(journal);
    this.#edgeSources = [...edgeSourceIds];
    this.#tripped = journal.stored.get(TRIPPED);
    this.#combined = new CombinedRevision((record) => this.#actedRevision(record), journal.stored.get(FORGOTTEN));
    for (const [record, value] of journal.stored) this.#load(record, value, wanted);
    this.#fading?.sort((record) => this.#entries.get(record)?.sequence ?? 0);
    journal.release?.();
  }

  #load(record: string, value: string, wanted: ReadonlySet<string>): void {
    if (record.startsWith('!')) return;
    const slash = record.indexOf('/');
    const sourceId = slash < 0 ? record : record.slice(0, slash);
    if (!wanted.has(sourceId)) return this.journal.put(record, null);
    if (slash < 0) return this.#baselines.loaded(sourceId, value);
    const stored = decodeEntry(value);
    if (stored === undefined) {
      (this.#unreadable ??= new Set()).add(record);
      return;
    }
    // Nobody says an occurrence again whose retry did not end: it is a dead letter like any other.
    const isLetter = isRetried(stored) && this.#edgeSources.includes(sourceId);
    const entry = isLetter ? { ...stored, begun: undefined } : stored;
    this.#entries.set(record, entry);
    this.#tally.moves(record, undefined, entry);
    if (this.#fades(sourceId, entry)) (this.#fading ??= new Fading()).add(record, entry);
    this.#sequence = Math.max(this.#sequence, entry.sequence);
    this.#combined.loaded(record);
  }

  /** True for a key whose record cannot be read (another version's, a damaged one): its next sight is its first. */
  isUnreadable(sourceId: string, key: string): boolean {
    return this.#unreadable?.has(recordName(sourceId, key)) === true;
  }

  /** True once the source's first inventory was recorded: from then on an unknown key is a created one. */
  isKnown(sourceId: string): boolean {
    return this.#baselines.isKnown(sourceId);
  }

  get(sourceId: string, key: string): CheckpointEntry | undefined {
    return this.#entries.get(recordName(sourceId, key));
  }

  entryOf(state: KeyState): CheckpointEntry | undefined {
    return this.#entries.get(recordOf(state));
  }

  /** Records of the source's keys that exist as far as the checkpoint knows, and of those with a delivery that began and was never settled. */
  *knownRecords(sourceId: string): Iterable<string> {
    const prefix = `${sourceId}/`;
    for (const [record, entry] of this.#entries) {
      if (record.startsWith(prefix) && (isPresent(entry) || entry.begun !== undefined)) yield record;
    }
  }

  /** Records a state as the starting point: no action. */
  baseline(state: KeyState): void {
    const { revision: settled, parts, mark } = state;
    this.#set(state, { sequence: 0, settled, parts, mark });
  }

  /** True once a restart would find the source's baseline. */
  isBaselineStored(sourceId: string): boolean {
    return this.#baselines.isStored(sourceId);
  }

  /**
   * Resolves when the baseline of the source, and then the fact that it is complete, are stored; at once, if they are. Rejects when the
   * journal is closed or fenced off before.
   */
  completeBaseline(sourceId: string): Promise<void> {
    this.#dropUnreadable(sourceId);
    return this.#baselines.complete(sourceId, () => this.#recordsOf(sourceId));
  }

  *#recordsOf(sourceId: string): Iterable<string> {
    for (const record of this.#entries.keys()) if (record.startsWith(`${sourceId}/`)) yield record;
  }

  #dropUnreadable(sourceId: string): void {
    for (const record of this.#unreadable ?? []) {
      if (!record.startsWith(`${sourceId}/`)) continue;
      this.#unreadable?.delete(record);
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
  async begin(state: KeyState): Promise<void> {
    const record = recordOf(state);
    const entry = this.#entries.get(record);
    if (entry?.begun?.revision !== state.revision) {
      const begun = { revision: state.revision, parts: state.parts };
      this.#sequence += 1;
      (this.#beginning ??= new Map()).set(record, this.#actedRevision(record));
      this.#set(state, { ...entry, sequence: this.#sequence, begun });
    }
    await this.journal.durable(record);
    // Those that are stored together are counted before any of them acts: this runs in the turn in which the journal tells of them.
    const before = this.#beginning?.get(record);
    if (before !== undefined) this.#combined.moves(record, before);
    this.#beginning?.delete(record);
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
    this.settleUntouched(state);
  }

  /** No action had anything to do: the state is dealt with, a deletion too, and the targets still have the state before. */
  settleUntouched(state: KeyState): void {
    const entry = this.entryOf(state);
    const { revision: settled, parts, mark } = state;
    this.#set(state, { sequence: entry?.sequence ?? 0, settled, parts, mark, acted: actedRevision(entry) });
  }

  /** Entries whose last delivery was given up, the latest at the end: the dead letters. */
  *failed(): Iterable<{ readonly sourceId: string; readonly key: string; readonly entry: CheckpointEntry }> {
    for (const record of this.#tally.failed) {
      const entry = this.#entries.get(record);
      if (entry === undefined) continue;
      const slash = record.indexOf('/');
      yield { sourceId: record.slice(0, slash), key: record.slice(slash + 1), entry };
    }
  }

  /**
   * Makes a given-up state due again, with the id that it had. Given up it stays until it is settled: nobody but the dead letter would bring
   * an occurrence back after a restart.
   */
  reopen(state: KeyState): void {
    const entry = this.entryOf(state);
    if (entry?.failed === undefined || entry.settled === undefined) return;
    this.#set(state, { ...entry, begun: { revision: entry.settled, parts: entry.parts } });
  }

  /** How often the combined revision was asked for: what is begun when that grows may be on a target from then on. */
  get readings(): number {
    return this.#combined.readings;
  }

  /** One opaque string for the states that the rule's targets have or are being given: those whose beginning is stored. */
  readCombinedRevision(): string {
    return this.#combined.read();
  }

  get size(): number {
    return this.#entries.size;
  }

  /** How many keys of the source exist, as far as the checkpoint knows. */
  presentCount(sourceId: string): number {
    return this.#tally.presentCount(sourceId);
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
    const acted = this.#actedRevision(record);
    if (entry.begun === undefined) this.#beginning?.delete(record);
    this.#entries.set(record, entry);
    if (this.#actedRevision(record) !== acted) this.#combined.moves(record, acted);
    this.#tally.moves(record, before, entry);
    this.#unreadable?.delete(record);
    this.journal.put(record, encodeEntry(entry));
    this.#fading?.delete(record);
    if (!this.#fades(state.sourceId, entry)) return;
    const fading = (this.#fading ??= new Fading());
    fading.add(record, entry);
    for (const oldest of fading.surplus(record, entry)) this.#forget(oldest);
  }

  /** What the targets have of a record, as far as a restart would know. */
  #actedRevision(record: string): string {
    return this.#beginning?.get(record) ?? actedRevision(this.#entries.get(record));
  }

  #fades(sourceId: string, entry: CheckpointEntry): boolean {
    return entry.begun === undefined && (!isPresent(entry) || this.#edgeSources.includes(sourceId));
  }

  #forget(record: string): void {
    const forgotten = this.#combined.forget(record, this.#actedRevision(record));
    this.#remove(record);
    if (forgotten !== undefined) this.journal.put(FORGOTTEN, forgotten);
  }

  #remove(record: string): void {
    const entry = this.#entries.get(record);
    if (entry === undefined) return;
    this.#combined.moves(record, this.#actedRevision(record));
    this.#beginning?.delete(record);
    this.#entries.delete(record);
    this.#tally.moves(record, entry, undefined);
    this.#fading?.delete(record);
    this.journal.put(record, null);
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

/** The key that a record of the source is about. */
export function keyOfRecord(sourceId: string, record: string): string {
  return record.slice(sourceId.length + 1);
}

function recordOf({ record, sourceId, key }: KeyState): string {
  return record ?? recordName(sourceId, key);
}

function actedRevision(entry: CheckpointEntry | undefined): string {
  return entry?.begun?.revision ?? entry?.acted ?? entry?.settled ?? ABSENT;
}
