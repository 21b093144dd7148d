import type { Socket } from 'node:net';
import type { SchedulerLike } from 'rxjs';
import { Agent, Client } from 'undici';
import type { Credentials, KubeAuth } from '../auth/contract.js';
import type { KubeTimings } from '../timings.js';
import { dialer, sameServer, tracked, type Dialer } from './dialer.js';
import { Places } from './places.js';

/** Of a WebSocket. The output of a command comes in messages of 32 KiB. */
const MAX_MESSAGE_BYTES = 1024 * 1024;

/** So many requests may be under way at a time. */
export const PLACES = 64;

/**
 * So many watches are probed at a time. One takes three seconds of every 25 to 30, so that up to 530 silent watches do not wait for one
 * another. A connection is made when it is needed, and closed when it is not for 30 s: few watches have few.
 */
export const PROBES = 64;

/** A connection for each of these, and some for who does not wait for a place (the Lease): nobody ever stands behind a probe. */
const CONNECTIONS = PLACES + PROBES + 8;

/**
 * So many watches of one kind list at a time: more would be done no sooner, since one thread reads what comes, and what is half read takes
 * memory. Those of another kind do not wait for one whose API does not answer.
 */
export const LISTS = 8;

/** What the HTTP side of a client counts. */
export interface TransportCounters {
  requests: number;
  readonly failures: Record<string, number>;
}

/** One connection of its own, for a watch or a command: killing it takes its socket along, whatever state that is in. */
export interface Line {
  readonly client: Client;
  readonly dial: Dialer;
  readonly headers: Readonly<Record<string, string>>;
  /** Bytes that came over it so far. */
  heard(): number;
  destroy(): void;
}

/**
 * Credentials, connections and counters of one client. Ordinary requests share one Agent, remade when server or TLS material
 * change (requests under way on the old one may finish). Each watch gets a `Line`.
 */
export class Transport {
  readonly counters: TransportCounters = { requests: 0, failures: {} };
  /** For watches while they are probed. */
  readonly probes = new Places(PROBES);
  readonly #sockets = new Set<Socket>();
  readonly #lists = new Map<string, Places>();
  #dial: Dialer | undefined;
  #agent: Agent | undefined;
  #reloading: Promise<void> | undefined;
  #closed = false;

  constructor(
    private readonly auth: KubeAuth,
    readonly timings: KubeTimings,
    readonly scheduler: SchedulerLike,
    /** Monotonic milliseconds: a scheduler's own clock follows the wall and jumps with it. */
    readonly now: () => number,
  ) {}

  get openSockets(): number {
    return this.#sockets.size;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** For watches of this resource, which has its qualified name, while they list. */
  lists(resource: string): Places {
    const places = this.#lists.get(resource) ?? new Places(LISTS);
    this.#lists.set(resource, places);
    return places;
  }

  async agent(): Promise<{ agent: Agent; dial: Dialer; headers: Readonly<Record<string, string>> }> {
    const credentials = await this.auth.credentials();
    const dial = this.#dialFor(credentials);
    this.#agent ??= new Agent({
      connect: tracked(dial.connect, this.#sockets),
      connections: CONNECTIONS,
      // Else all requests wait for the first connection to say which protocol it speaks, also when that one hangs.
      allowH2: false,
      keepAliveTimeout: 30_000,
      // Deadlines are the caller's: these would only race with them.
      headersTimeout: 0,
      bodyTimeout: 0,
    });
    return { agent: this.#agent, dial, headers: credentials.headers };
  }

  async line(): Promise<Line> {
    const credentials = await this.auth.credentials();
    const dial = this.#dialFor(credentials);
    const own = new Set<Socket>();
    const client = new Client(dial.origin, {
      connect: tracked(dial.connect, this.#sockets, own),
      headersTimeout: 0,
      bodyTimeout: 0,
      pipelining: 1,
      webSocket: { maxPayloadSize: MAX_MESSAGE_BYTES },
    });
    const destroy = (): void => {
      client.destroy().catch(() => undefined);
      // undici lets a connection attempt go on after destroy(): nothing of this line may outlive it.
      for (const socket of own) socket.destroy();
    };
    const heard = (): number => [...own].reduce((sum, { bytesRead }) => sum + bytesRead, 0);
    return { client, dial, headers: credentials.headers, heard, destroy };
  }

  /** After a 401: one reload at a time, shared by all who need it. */
  reload(): Promise<void> {
    this.#reloading ??= this.auth.reload().finally(() => (this.#reloading = undefined));
    return this.#reloading;
  }

  failed(code: string): void {
    this.counters.failures[code] = (this.counters.failures[code] ?? 0) + 1;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#agent?.destroy();
    for (const socket of this.#sockets) socket.destroy();
  }

  #dialFor(credentials: Credentials): Dialer {
    if (this.#dial !== undefined && sameServer(this.#dial.credentials, credentials)) return this.#dial;
    this.#dial = dialer(credentials, this.timings.connectTimeoutMs);
    // `close` lets what is under way finish and refuses the rest.
    this.#agent?.close().catch(() => undefined);
    this.#agent = undefined;
    return this.#dial;
  }
}
