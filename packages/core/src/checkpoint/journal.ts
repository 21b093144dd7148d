import { type SchedulerLike, type Subscription, timer } from 'rxjs';
import type { RuleIdentity } from '../contract/context.js';
import { toTriggerError, TriggerError } from '../contract/errors.js';

/** Where checkpoints live: one journal of small text records per rule. */
export interface CheckpointStore {
  /** Reads the rule's records. Rejects with `KT_CHECKPOINT_UNAVAILABLE`. */
  open(rule: RuleIdentity): Promise<Journal>;
}

/** A rule's records in memory, written behind. */
export interface Journal {
  /** What was stored when the journal was opened. */
  readonly stored: ReadonlyMap<string, string>;
  /** `stored` was read and will not be asked for again: it may be tens of thousands of records. */
  release?(): void;
  /** Changes (or with `null` removes) a record. Written within `lazyMs`, or earlier along with a `durable` one. */
  put(record: string, value: string | null): void;
  /**
   * Resolves once the present value of the record, or of all of them, is stored; at the same time for all that were asked for at the same time, so that nobody acts
   * on a part of what belongs together. Rejects only when the journal is closed or fenced off.
   */
  durable(records: string | readonly string[]): Promise<void>;
  /**
   * Writes what is left and ends; from then on `put` does nothing and `durable` rejects with `KT_STOPPED`. Rejects when the last
   * write failed.
   */
  close(): Promise<void>;
}

/**
 * Writes some of the dirty records in one request and returns the names of those that it wrote; `first` must be among them.
 * Rejects with a `TriggerError`; `retry: 'never'` means that somebody else owns the records now.
 */
export type JournalWriter = (dirty: ReadonlyMap<string, string | null>, first: string) => Promise<Iterable<string>>;

export interface JournalOptions {
  readonly stored: ReadonlyMap<string, string>;
  readonly write: JournalWriter;
  readonly scheduler: SchedulerLike;
  readonly random: () => number;
  /** Least time between the starts of two rounds of writes, on average. Default 1,000 ms. */
  readonly minIntervalMs?: number;
  /** So many rounds may follow one another at once after a quiet time; they are paid for by a longer pause. Default 1. */
  readonly burst?: number;
  /** How long a record may wait that nobody waits for. Default 3,000 ms. */
  readonly lazyMs?: number;
  /** Told of each failed write, and with `undefined` of the first good one after it. */
  readonly onError?: (error: TriggerError | undefined) => void;
}

interface Waiter {
  readonly records: readonly string[];
  readonly resolve: () => void;
  readonly reject: (error: TriggerError) => void;
}

const NOTHING: ReadonlyMap<string, string> = new Map();

/**
 * Coalesces any number of changes into at most one round of writes per `minIntervalMs` (and `burst`): all that somebody waits for, in as many
 * requests as it takes. The first urgent change after a quiet time is written at once; lazy ones wait, so that they do not use up the place of
 * an urgent one, and take one request each time. A failed write is repeated with
 * backoff for ever (nothing is lost in memory meanwhile), except when it was refused for good.
 */
export class PacedJournal implements Journal {
  readonly #options: Omit<JournalOptions, 'stored'>;
  #stored: ReadonlyMap<string, string>;
  /** Undefined while everything is written. */
  #dirty: Map<string, string | null> | undefined;
  #waiters: Waiter[] = [];
  #pending: { at: number; subscription: Subscription } | undefined;
  #writing: Promise<void> | undefined;
  /** Before that no round begins, and how long that was when the last one ended. */
  #earliest = Number.NEGATIVE_INFINITY;
  #pauseMs = 0;
  /** Until when the writes so far use up the allowance (the generic cell rate algorithm, ITU-T I.371). */
  #spentUntil = Number.NEGATIVE_INFINITY;
  #failures = 0;
  #fencedBy: TriggerError | undefined;
  #closed = false;
  #closing: Promise<void> | undefined;

  constructor({ stored, ...options }: JournalOptions) {
    this.#options = options;
    this.#stored = stored;
  }

  get stored(): ReadonlyMap<string, string> {
    return this.#stored;
  }

  release(): void {
    this.#stored = NOTHING;
  }

  put(record: string, value: string | null): void {
    if (this.#closed || this.#fencedBy !== undefined) return;
    const dirty = (this.#dirty ??= new Map<string, string | null>());
    dirty.delete(record); // so that the map stays in the order of the last change
    dirty.set(record, value);
    this.#schedule(this.#options.scheduler.now() + (this.#options.lazyMs ?? 3000));
  }

  durable(records: string | readonly string[]): Promise<void> {
    if (this.#fencedBy !== undefined) return Promise.reject(this.#fencedBy);
    if (this.#closed)
      return Promise.reject(new TriggerError('KT_STOPPED', 'the journal is closed', { retry: 'never' }));
    const asked = typeof records === 'string' ? [records] : records;
    const awaited = asked.filter((record) => this.#dirty?.has(record) === true || this.#inFlight.has(record));
    if (awaited.length === 0) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#waiters.push({ records: awaited, resolve, reject });
      this.#schedule(this.#options.scheduler.now());
    });
  }

  close(): Promise<void> {
    this.#closed = true;
    this.#closing ??= this.#writeRest();
    return this.#closing;
  }

  async #writeRest(): Promise<void> {
    this.#pending?.subscription.unsubscribe();
    this.#pending = undefined;
    await this.#writing;
    let failure = this.#fencedBy;
    while (this.#dirty !== undefined && failure === undefined) failure = await this.#writeRound();
    if (failure === undefined) return;
    this.#rejectWaiters(failure);
    throw failure;
  }

  #inFlight: ReadonlyMap<string, unknown> = NOTHING;

  #schedule(wantedAt: number): void {
    if (this.#closed || this.#fencedBy !== undefined || this.#writing !== undefined) return;
    const { scheduler } = this.#options;
    const nowMs = scheduler.now();
    // A clock that was set back must not hold writes up until it gets there again.
    const at = Math.max(wantedAt, Math.min(this.#earliest, nowMs + this.#pauseMs));
    if (this.#pending !== undefined && this.#pending.at <= at) return;
    this.#pending?.subscription.unsubscribe();
    const subscription = timer(Math.max(0, at - nowMs), scheduler).subscribe(() => {
      this.#pending = undefined;
      this.#writing = this.#run();
    });
    this.#pending = { at, subscription };
  }

  async #run(): Promise<void> {
    const { scheduler, random, minIntervalMs = 1000, burst = 1 } = this.#options;
    this.#spentUntil = Math.max(this.#spentUntil, scheduler.now()) + minIntervalMs;
    const failure = await this.#writeRound();
    this.#failures = failure === undefined ? 0 : this.#failures + 1;
    const backoffMs = failure === undefined ? 0 : random() * Math.min(30_000, 500 * 2 ** Math.min(this.#failures, 10));
    const nowMs = scheduler.now();
    // As far ahead as it can be: what is further was reckoned before the clock was set back.
    this.#spentUntil = Math.min(this.#spentUntil, nowMs + burst * minIntervalMs);
    this.#pauseMs = Math.max(this.#spentUntil - nowMs - (burst - 1) * minIntervalMs, backoffMs);
    this.#earliest = nowMs + this.#pauseMs;
    this.#writing = undefined;
    if (this.#waiters.length > 0) this.#schedule(nowMs);
    else if (this.#dirty !== undefined) this.#schedule(nowMs + (this.#options.lazyMs ?? 3000));
  }

  async #writeRound(): Promise<TriggerError | undefined> {
    const wanted = new Set(this.#waiters.flatMap(({ records }) => records));
    const [oldest] = this.#dirty?.keys() ?? [];
    let failure: TriggerError | undefined;
    for (const record of wanted.size > 0 || oldest === undefined ? wanted : [oldest]) {
      if (failure === undefined && this.#dirty?.has(record) === true) failure = await this.#write(record);
    }
    this.#settleWaiters();
    return failure;
  }

  /** Writes a record, and along with it what goes into the same request. */
  async #write(first: string): Promise<TriggerError | undefined> {
    const batch = new Map(this.#dirty);
    this.#inFlight = batch;
    try {
      const written = [...(await this.#options.write(batch, first))];
      for (const record of written) {
        if (batch.has(record) && this.#dirty?.get(record) === batch.get(record)) this.#dirty?.delete(record);
      }
      if (this.#dirty?.size === 0) this.#dirty = undefined;
      // Else `close` would ask for ever.
      if (!written.includes(first)) throw new TriggerError('KT_CHECKPOINT_UNAVAILABLE', `${first} was not written`);
      if (this.#failures > 0) this.#tell(undefined);
      return undefined;
    } catch (thrown) {
      const error = toTriggerError(thrown);
      if (error.retry === 'never') this.#fence(error);
      this.#tell(error);
      return error;
    } finally {
      this.#inFlight = NOTHING;
    }
  }

  #fence(error: TriggerError): void {
    this.#fencedBy = error;
    this.#dirty = undefined;
  }

  #tell(error: TriggerError | undefined): void {
    try {
      this.#options.onError?.(error);
    } catch {
      // Whoever listens cannot keep the journal from writing.
    }
  }

  #settleWaiters(): void {
    if (this.#fencedBy !== undefined) return this.#rejectWaiters(this.#fencedBy);
    const waiters = this.#waiters;
    const isStored = ({ records }: Waiter) => !records.some((record) => this.#dirty?.has(record) === true);
    this.#waiters = waiters.filter((waiter) => !isStored(waiter));
    for (const waiter of waiters) if (isStored(waiter)) waiter.resolve();
  }

  #rejectWaiters(error: TriggerError): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiters) waiter.reject(error);
  }
}

/** Keeps checkpoints in memory only: for tests and for embedding without persistence. Equal uids share their records. */
export class MemoryCheckpointStore implements CheckpointStore {
  readonly records = new Map<string, Map<string, string>>();

  open(rule: RuleIdentity): Promise<Journal> {
    const records = this.records.get(rule.uid) ?? new Map<string, string>();
    this.records.set(rule.uid, records);
    return Promise.resolve({
      stored: new Map(records),
      put: (record, value) => (value === null ? void records.delete(record) : void records.set(record, value)),
      durable: () => Promise.resolve(),
      close: () => Promise.resolve(),
    });
  }
}
