import { isTriggerError, toTriggerError, TriggerError, type Logger } from '@kube-trigger/core';
import type { Places } from '../http/places.js';
import type { Line, Transport } from '../http/transport.js';
import { between, deadline, sleep, type Deadline } from '../time.js';
import type { WatchState } from './contract.js';
import type { Inventory } from './inventory.js';
import { Pace } from './pace.js';
import type { PageReader } from './page-reader.js';
import { isLater } from './versions.js';
import { Vigil } from './vigil.js';
import type { Outlet, Wire, WireEvent } from './wire.js';

/*
 * The life of one watch. There is no terminal state but the signal:
 *
 *        ┌──────────────────────────── wait (Pace) ◄──────────────────────────┐
 *        ▼                                                                    │ any failure, any end
 *   one connection (Line)                                                     │
 *        │  no position yet, or 410, or 404                                   │
 *        ├────────────► list, page by page ──► Inventory diffs ──► synced ────┤
 *        │  position known                                                    │
 *        └────────────► watch from the position ──► Inventory ──► events ─────┘
 *                              ▲        │ bookmarks move the position
 *                              └ Vigil ─┘ probes a silent connection, replaces a deaf one
 *
 * The position is the last resourceVersion that was seen, bookmarks included; it survives every reconnect, so a reconnect costs one
 * request and repeats nothing. It is lost only by 410 (too old) and 404 (the kind went away, so versions may start anew); then one
 * paged list is compared with the inventory. A list that fails midway goes on at its page.
 */
export interface LoopParts<T> {
  readonly wire: Wire;
  readonly inventory: Inventory<T>;
  readonly transport: Transport;
  readonly random: () => number;
  readonly logger: Logger;
  readonly pages: PageReader;
  /** One is taken for a list; undefined: it is too small to wait. */
  readonly places: Places | undefined;
  synced(): void;
  interrupted(error: TriggerError): void;
}

/** Why an attempt ends that is followed by a list at once. */
const RELIST = new Error('to be listed again');

/** After this many unreadable lines in a row at one position, the position is given up and everything is listed again. */
const MAX_UNREADABLE = 3;

export class WatchLoop<T> {
  readonly #pace: Pace;
  #position: string | undefined;
  /** Where a list goes on: the next page's token, and the version of the list. */
  #page: { readonly token: string } | undefined;
  #listed = false;
  #relistWanted = false;
  #attempting: AbortController | undefined;
  #state: WatchState = 'waiting';
  #vigil: Vigil | undefined;
  #establishedAt: number | undefined;
  #downSince: number | undefined;
  #open: TriggerError | undefined;
  #lastCode: string | undefined;
  #everSynced = false;
  #unreadable = 0;
  #lastProofAt: number;
  #lastByteAt: number;
  readonly counters = { relists: 0, reconnects: 0, probes: 0, deaf: 0 };

  constructor(private readonly parts: LoopParts<T>) {
    this.#pace = new Pace(parts.transport.timings, parts.random);
    this.#lastProofAt = this.#lastByteAt = parts.transport.now();
  }

  get state(): WatchState {
    return this.#state;
  }

  get position(): string | undefined {
    return this.#position;
  }

  get synced(): boolean {
    return this.#everSynced && this.#open === undefined;
  }

  /** The interruption that has not ended yet. */
  get interruption(): TriggerError | undefined {
    return this.#open;
  }

  /** How many lists have begun. One that fails midway goes on as the same. */
  get lists(): number {
    return this.#listed ? this.counters.relists + 1 : 0;
  }

  get ageOfLastByteMs(): number {
    return this.parts.transport.now() - Math.max(this.#lastByteAt, this.#vigil?.lastByteAt ?? 0);
  }

  get ageOfLastProofMs(): number {
    return this.parts.transport.now() - Math.max(this.#lastProofAt, this.#vigil?.lastProofAt ?? 0);
  }

  /** Lists again at once, for contents that were not read so far, or to be sure. A list that is under way goes to its end. */
  relist(): void {
    this.#relistWanted = true;
    if (this.#state !== 'listing') this.#attempting?.abort(RELIST);
  }

  /** Returns when the signal aborts, with nothing left behind. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const waitMs = await this.#attempt(signal);
      this.#state = 'waiting';
      try {
        await sleep(waitMs, this.parts.transport.scheduler, signal);
      } catch {
        return;
      }
      this.counters.reconnects += 1;
    }
  }

  /** One connection from its making to its end. Answers how long to wait before the next. */
  async #attempt(stopping: AbortSignal): Promise<number> {
    const { transport } = this.parts;
    let line: Line | undefined;
    const attempting = new AbortController();
    this.#attempting = attempting;
    const signal = AbortSignal.any([stopping, attempting.signal]);
    let failure: TriggerError | undefined;
    this.#establishedAt = undefined;
    try {
      line = await transport.line();
      const outlet = { dispatcher: line.client, dial: line.dial, headers: line.headers };
      const known = this.#relistWanted ? undefined : this.#position;
      const position = known ?? (await this.#list(outlet, signal));
      await this.#follow(outlet, position, signal);
    } catch (thrown) {
      if (signal.aborted) return 0;
      failure = isTriggerError(thrown) ? thrown : toTriggerError(thrown);
      transport.failed(failure.code);
    } finally {
      line?.destroy();
      this.#vigil = undefined;
    }
    const livedMs = this.#establishedAt === undefined ? undefined : transport.now() - this.#establishedAt;
    const waitMs = livedMs === undefined ? this.#pace.failed(failure) : this.#pace.ended(livedMs, failure);
    await this.#digest(failure, livedMs ?? 0, waitMs);
    return waitMs;
  }

  async #list(outlet: Outlet, signal: AbortSignal): Promise<string> {
    const { inventory, pages, places, transport } = this.parts;
    this.#state = 'listing';
    using _ = await places?.take(signal);
    using limit = deadline(transport.timings.answerTimeoutMs, transport.scheduler, signal);
    for (;;) {
      if (this.#page === undefined) {
        pages.begin();
        if (this.#listed) this.counters.relists += 1;
        this.#listed = true;
      }
      limit.touch();
      const page = await pages.read(outlet, this.#page?.token ?? '', limit);
      // Unsubscribed while the page was on its way.
      signal.throwIfAborted();
      this.#proof();
      if (page.next === '') {
        this.#page = undefined;
        this.#position = page.resourceVersion;
        this.#relistWanted = false;
        inventory.endList();
        this.#sees({ relisted: true });
        if (!this.#relistWanted) return page.resourceVersion;
      } else this.#page = { token: page.next };
    }
  }

  async #follow(outlet: Outlet, position: string, signal: AbortSignal): Promise<void> {
    const { wire, transport, random } = this.parts;
    const { timings, scheduler } = transport;
    this.#state = 'connecting';
    const seconds = Math.round(between(timings.watchSeconds, random));
    using limit = deadline(timings.answerTimeoutMs, scheduler, signal);
    const watching = new AbortController();
    const vigil = this.#vigilOver(limit);
    let confirm: { unsubscribe(): void } | undefined;
    try {
      await wire.stream(outlet, {
        resourceVersion: position,
        timeoutSeconds: seconds,
        signal: limit.signal,
        onOpen: () => {
          this.#established();
          this.#vigil = vigil;
          vigil.bytes();
          limit.touch(seconds * 1000 + timings.watchOverrunMs);
          confirm = scheduler.schedule(() => this.#sees({ relisted: false }), timings.confirmAfterMs);
          vigil.keep(watching.signal).catch((error: unknown) => {
            if (!watching.signal.aborted) limit.abort(toTriggerError(error));
          });
        },
        onBytes: () => vigil.bytes(),
        onEvent: (event) => {
          vigil.heard(event.object.metadata.resourceVersion);
          this.#take(event);
        },
      });
    } finally {
      confirm?.unsubscribe();
      watching.abort();
      this.#lastByteAt = Math.max(this.#lastByteAt, vigil.lastByteAt);
      this.#lastProofAt = Math.max(this.#lastProofAt, vigil.lastProofAt);
    }
  }

  #vigilOver(limit: Deadline): Vigil {
    const { wire, transport, random } = this.parts;
    return new Vigil(
      {
        position: () => this.#position ?? '',
        advance: (from, to) => {
          if (this.#position === from && isLater(to, from)) this.#position = to;
        },
        replace: (reason) => {
          this.counters.deaf += 1;
          limit.abort(reason);
        },
        probed: () => (this.counters.probes += 1),
      },
      wire,
      transport,
      random,
    );
  }

  #established(): void {
    this.#state = 'watching';
    this.#establishedAt = this.parts.transport.now();
    this.#proof();
  }

  #take({ type, object }: WireEvent): void {
    const { inventory } = this.parts;
    if (type === 'DELETED') inventory.absent(object);
    else if (type !== 'BOOKMARK') inventory.changed(object);
    this.#position = object.metadata.resourceVersion;
    this.#unreadable = 0;
    this.#sees({ relisted: false });
  }

  #proof(): void {
    this.#lastProofAt = this.#lastByteAt = this.parts.transport.now();
  }

  /** The watch works: says `synced` when that is news. */
  #sees({ relisted }: { readonly relisted: boolean }): void {
    const { inventory, logger } = this.parts;
    this.#downSince = undefined;
    this.#lastCode = undefined;
    const fault = inventory.fault;
    const healed = this.#open !== undefined && (this.#open.code !== 'KT_KUBE_PROJECTION' || fault === undefined);
    if (relisted || healed) {
      if (healed) logger.debug({}, 'watch recovered');
      this.#open = undefined;
      this.#everSynced = true;
      this.parts.synced();
    }
    if (fault !== undefined) this.#interrupt(fault);
  }

  /** What a failure changes: the position, the credentials, and whether subscribers hear of it. */
  async #digest(failure: TriggerError | undefined, livedMs: number, waitMs: number): Promise<void> {
    const { transport, logger } = this.parts;
    const { timings, now } = transport;
    if (failure === undefined && livedMs >= timings.settledAfterMs) return;
    const error = failure ?? endedAtOnce(livedMs);
    logger.debug({ code: error.code, error: error.message }, 'watch attempt failed');
    this.#downSince ??= now();
    this.#reposition(error);
    if (error.code === 'KT_KUBE_UNAUTHORIZED') await transport.reload().catch(() => undefined);
    const repeated = this.#lastCode === error.code;
    this.#lastCode = error.code;
    if (SELF_HEALING.has(error.code) && !repeated) return;
    const lasting = Math.max(waitMs, now() - this.#downSince) >= timings.interruptedAfterMs;
    if (this.#everSynced && PASSING.has(error.code) && !lasting) return;
    this.#interrupt(error);
  }

  #reposition(error: TriggerError): void {
    const listing = this.#page !== undefined;
    if (error.code === 'KT_KUBE_EXPIRED' || error.code === 'KT_KUBE_NOT_FOUND') {
      this.#position = undefined;
      this.#page = undefined;
    } else if (error.code === 'KT_KUBE_BAD_RESPONSE' && !listing) {
      this.#unreadable += 1;
      if (this.#unreadable >= MAX_UNREADABLE) this.#position = undefined;
    }
  }

  #interrupt(error: TriggerError): void {
    if (this.#open !== undefined && this.#open.code === error.code) return;
    this.#open = error;
    // Subscribers tell it, with what it means for them.
    this.parts.logger.debug({ code: error.code, error: error.message }, 'watch interrupted');
    this.parts.interrupted(error);
  }
}

/** The next attempt has what this one lacked: a fresh list, fresh credentials. */
const SELF_HEALING = new Set(['KT_KUBE_EXPIRED', 'KT_KUBE_UNAUTHORIZED']);

/** Most often gone at the next attempt: reported to those who were synced only when it lasts. */
const PASSING = new Set([
  'KT_KUBE_UNREACHABLE',
  'KT_KUBE_SERVER_ERROR',
  'KT_KUBE_TOO_MANY_REQUESTS',
  'KT_KUBE_BAD_RESPONSE',
  'KT_KUBE_EXPIRED',
]);

function endedAtOnce(livedMs: number): TriggerError {
  return new TriggerError('KT_KUBE_UNREACHABLE', `the server ended the watch after ${Math.round(livedMs)} ms`, {
    retry: 'backoff',
  });
}
