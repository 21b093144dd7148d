import { isTriggerError, TriggerError } from '@kube-trigger/core';
import type { Transport } from '../http/transport.js';
import { deadline, sleep } from '../time.js';
import type { Outlet, Wire, WireEvent } from './wire.js';

/** What a vigil watches over: one established watch connection. */
export interface Watched {
  /** The last resourceVersion that the connection delivered. */
  position(): string;
  /** Everything up to this version is known, without the connection having said so. */
  advance(from: string, to: string): void;
  /** The connection is not to be trusted any more. */
  replace(reason: TriggerError): void;
  probed(): void;
}

/**
 * Notices a watch connection that has gone deaf: open, acknowledged by some kernel or proxy on the way, and silent for ever.
 *
 * Silence alone proves nothing, since a healthy watch may have nothing to say. So after some silence a second, short watch is opened
 * from the same position, over another connection: whatever the first one missed comes through it at once. If it says something that
 * the first does not say within a grace period, the first is deaf; if it says nothing until its end, nothing was missed.
 * Its bookmark also moves the position on. Why not anything cheaper: docs/decisions/0002-noticing-a-deaf-watch.md.
 *
 * Probes have places of their own (`PROBES`), so that however many watches are silent, no other request waits for them. A watch whose
 * place is not free yet waits, and only then begins the time in which its probe must be answered: to wait is not to be deaf. A deaf one
 * is still noticed in bounded time, since places are given in the order of asking and each is free again after `probeSeconds` (at the
 * bookmark already, when another watch waits), or when the probe is given up: n silent watches wait n / PROBES times as long at most,
 * which is less than the silence before it up to some 500 of them, and 94 s with 2,000.
 */
export class Vigil {
  readonly #afterMs: number;
  #lastByteAt: number;
  #lastProofAt: number;
  /** Versions that the connection delivered while a probe is under way. */
  #heard: Set<string> | undefined;

  constructor(
    private readonly watched: Watched,
    private readonly wire: Wire,
    private readonly transport: Transport,
    random: () => number,
  ) {
    this.#afterMs = transport.timings.probeAfterMs * (0.8 + 0.4 * random());
    this.#lastByteAt = transport.now();
    this.#lastProofAt = this.#lastByteAt;
  }

  get lastByteAt(): number {
    return this.#lastByteAt;
  }

  /** When it was last certain that nothing is missing. */
  get lastProofAt(): number {
    return Math.max(this.#lastByteAt, this.#lastProofAt);
  }

  bytes(): void {
    this.#lastByteAt = this.transport.now();
  }

  heard(resourceVersion: string): void {
    this.#heard?.add(resourceVersion);
  }

  /** Until the signal aborts or the connection was given up. */
  async keep(signal: AbortSignal): Promise<void> {
    const { probes, scheduler, now } = this.transport;
    let answeredAt = now();
    const dueInMs = (): number => Math.max(this.#lastByteAt, answeredAt) + this.#afterMs - now();
    while (!signal.aborted) {
      const waitMs = dueInMs();
      if (waitMs > 0) {
        await sleep(waitMs, scheduler, signal);
        continue;
      }
      using _ = await probes.take(signal);
      // It spoke while it waited.
      if (dueInMs() > 0) continue;
      const reason = await this.#probe(signal);
      answeredAt = now();
      if (reason !== undefined) return this.watched.replace(reason);
    }
  }

  /** Why the connection must be replaced, if it must. */
  async #probe(signal: AbortSignal): Promise<TriggerError | undefined> {
    this.watched.probed();
    const heard = new Set<string>();
    this.#heard = heard;
    const startedAt = this.transport.now();
    try {
      const missed = await this.#ask(signal);
      if (missed !== undefined && !(await this.#catchesUp(missed, heard, { startedAt, signal }))) {
        return new TriggerError(
          'KT_KUBE_UNREACHABLE',
          'the watch connection had gone deaf: a change did not come through it',
        );
      }
      this.#lastProofAt = this.transport.now();
      return undefined;
    } catch (error) {
      signal.throwIfAborted();
      // Whatever came meanwhile proves that the connection lives, however the probe ended.
      if (this.#lastByteAt >= startedAt || !isTriggerError(error)) return undefined;
      if (error.code === 'KT_KUBE_UNAUTHORIZED') await this.transport.reload().catch(() => undefined);
      return error.code === 'KT_KUBE_UNREACHABLE' || error.code === 'KT_KUBE_EXPIRED' ? error : undefined;
    } finally {
      this.#heard = undefined;
    }
  }

  /** First over the pool; when that gives no answer (its connection may be as frozen as the watch's), over a fresh one. */
  async #ask(signal: AbortSignal): Promise<string | undefined> {
    try {
      const { agent, dial, headers } = await this.transport.agent();
      return await this.#askOver({ dispatcher: agent, dial, headers }, signal);
    } catch (error) {
      signal.throwIfAborted();
      if (!isTriggerError(error) || error.code !== 'KT_KUBE_UNREACHABLE') throw error;
      const line = await this.transport.line();
      try {
        return await this.#askOver({ dispatcher: line.client, dial: line.dial, headers: line.headers }, signal);
      } finally {
        line.destroy();
      }
    }
  }

  /** The version of the first change since the watch's position, if there was one. */
  async #askOver(outlet: Outlet, signal: AbortSignal): Promise<string | undefined> {
    const { probeTimeoutMs, probeSeconds } = this.transport.timings;
    const from = this.watched.position();
    using limit = deadline(probeTimeoutMs, this.transport.scheduler, signal);
    let missed: string | undefined;
    let enough = false;
    const onEvent = ({ type, object }: WireEvent): void => {
      if (enough) return;
      const version = object.metadata.resourceVersion;
      if (type !== 'BOOKMARK') missed = version;
      else this.watched.advance(from, version);
      // One change is enough to ask the watch about. A bookmark tells all that a probe can tell, but to end here costs the connection.
      enough = missed !== undefined || this.transport.probes.wanted;
      if (enough) limit.abort(ENOUGH);
    };
    try {
      await this.wire.stream(outlet, {
        resourceVersion: from,
        timeoutSeconds: probeSeconds,
        metadataOnly: true,
        signal: limit.signal,
        onOpen: () => limit.touch(probeSeconds * 1000 + probeTimeoutMs),
        onEvent,
      });
    } catch (error) {
      if (!enough) throw error;
    }
    return missed;
  }

  /** Gives the watch itself time to say what the probe saw, as long as bytes keep coming. */
  async #catchesUp(
    version: string,
    heard: ReadonlySet<string>,
    { startedAt, signal }: { readonly startedAt: number; readonly signal: AbortSignal },
  ): Promise<boolean> {
    const { probeGraceMs } = this.transport.timings;
    const seenAt = this.transport.now();
    while (!heard.has(version)) {
      const quietSince = this.#lastByteAt > startedAt ? Math.max(this.#lastByteAt, seenAt) : seenAt;
      const leftMs = quietSince + probeGraceMs - this.transport.now();
      if (leftMs <= 0) return false;
      await sleep(Math.min(leftMs, probeGraceMs / 10), this.transport.scheduler, signal);
    }
    return true;
  }
}

const ENOUGH = new Error('the probe has seen enough');
