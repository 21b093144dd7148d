import {
  Agent as HttpAgent,
  type ClientRequest,
  type IncomingMessage,
  type Server as HttpServer,
  createServer as createHttpServer,
  request as httpRequest,
} from 'node:http';
import {
  Agent as HttpsAgent,
  type Server as HttpsServer,
  createServer as createHttpsServer,
  request as httpsRequest,
} from 'node:https';
import { type AddressInfo, type Server, type Socket, connect, createServer } from 'node:net';
import { type Duplex } from 'node:stream';
import { connect as tlsConnect } from 'node:tls';
import { type KeyPair, createCertificateAuthority } from '../pki.js';
import { Exchange, type ExchangeHost } from './exchange.js';
import {
  type CutKind,
  type Direction,
  type Fault,
  type FaultEffect,
  FaultRules,
  type RequestFacts,
  type RequestMatch,
  isWatchPath,
  matches,
} from './fault-rules.js';
import { type FreezeScope, Gate } from './gate.js';

export interface FaultProxyOptions {
  /** The API server: `http://…` or `https://…`. */
  readonly target: string;
  /** PEM, to trust the API server. */
  readonly ca?: string | undefined;
  /**
   * The certificate to show to clients; `true` makes one, whose authority is {@link FaultProxy.ca}. Default: none, the proxy
   * speaks plain http. kubectl and client-go send no credentials over plain http: they need TLS.
   */
  readonly tls?: KeyPair | true;
}

export interface FreezeOptions {
  /** Default: both. */
  readonly direction?: Direction | 'both';
  /** Default: all, which includes new connections. */
  readonly only?: FreezeScope;
}

/** An HTTP(S) proxy in front of an API server that can misbehave in every way a network or a server does. */
export interface FaultProxy extends AsyncDisposable {
  /** What clients use instead of the server's address. */
  readonly url: string;
  /** PEM, what clients must trust; undefined in plain http mode, and when the certificate was given. */
  readonly ca: string | undefined;
  /** From now on this happens to matching requests; `times` limits to how many (default: all, until removed). */
  inject(match: RequestMatch, effect: FaultEffect, times?: number): Fault;
  /** Takes all injected faults back and thaws. */
  clear(): void;
  /** Silence without FIN from now on, for open connections and new ones. The kernel still acknowledges what it receives. */
  freeze(options?: FreezeOptions): void;
  /** What was held back goes on its way. */
  thaw(): void;
  /** Ends the connections of matching open exchanges now; returns how many. `midLine` sends half an event first. */
  cut(kind: CutKind, options?: { match?: RequestMatch; midLine?: boolean }): number;
  /** Ends every client connection now, idle ones as well, with a reset. */
  resetConnections(): void;
  /** Shows another certificate to new connections. Rejects in plain http mode. */
  useCertificate(pair: KeyPair): void;
  /**
   * How many matching requests have come since the start, those answered by a fault included. Counts are kept by path: here
   * `match.path` sees no query. To count by query, inject `{ delayMs: 0 }` and ask the fault how often it was applied.
   */
  requestCount(match?: RequestMatch): number;
  /** `METHOD /path` → how many. Watches are counted as `WATCH`. */
  requestCounts(): Record<string, number>;
  /** How many client connections are open. */
  openSockets(): number;
  /** How many matching requests have not got their whole answer yet. */
  openExchanges(match?: RequestMatch): number;
  stop(): Promise<void>;
}

/** Starts a proxy on a free loopback port. Connections to the server are reused; upgrades (exec, port-forward) pass as they are. */
export async function startFaultProxy(options: FaultProxyOptions): Promise<FaultProxy> {
  const authority = options.tls === true ? await createCertificateAuthority('fault-proxy-ca') : undefined;
  const own = await authority?.issue({ commonName: 'fault-proxy', hosts: ['127.0.0.1', 'localhost'] });
  const proxy = new RunningFaultProxy(
    options,
    own ?? (options.tls === true ? undefined : options.tls),
    authority?.cert,
  );
  await proxy.start();
  return proxy;
}

class RunningFaultProxy implements FaultProxy, ExchangeHost {
  readonly gate = new Gate();
  readonly #rules = new FaultRules();
  readonly #target: URL;
  readonly #targetCa: string | undefined;
  readonly #agent: HttpAgent;
  readonly #http: HttpServer | HttpsServer;
  readonly #tcp: Server;
  readonly #tls: boolean;
  /** By the client's port: TLS hides the TCP socket from the request. */
  readonly #sockets = new Map<number, Socket>();
  readonly #exchanges = new Set<Exchange>();
  readonly #seen = new Map<string, { facts: RequestFacts; count: number }>();
  readonly #stopped = new AbortController();
  url = '';

  constructor(
    { target, ca: targetCa }: FaultProxyOptions,
    tls: KeyPair | undefined,
    readonly ca: string | undefined,
  ) {
    this.#target = new URL(target);
    this.#targetCa = targetCa;
    this.#tls = tls !== undefined;
    this.#agent = this.#secure
      ? new HttpsAgent({ keepAlive: true, ...(targetCa === undefined ? {} : { ca: targetCa }) })
      : new HttpAgent({ keepAlive: true });
    this.#http = tls ? createHttpsServer({ ...tls, ALPNProtocols: ['http/1.1'] }) : createHttpServer();
    // A proxy that tests faults must not add its own: Node would end idle and slow connections.
    Object.assign(this.#http, { keepAliveTimeout: 0, requestTimeout: 0, headersTimeout: 0, timeout: 0 });
    this.#http.on('request', (request, response) => {
      const exchange = this.#begin(request);
      void exchange.run(request, response).finally(() => this.#exchanges.delete(exchange));
    });
    this.#http.on('upgrade', (request, socket, head) => this.#upgrade(request, socket, head));
    this.#tcp = createServer({ pauseOnConnect: true, noDelay: true, allowHalfOpen: true }, (socket) => {
      void this.#accept(socket);
    });
  }

  async start(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#tcp.listen(0, '127.0.0.1', resolve);
    });
    this.url = `${this.#tls ? 'https' : 'http'}://127.0.0.1:${(this.#tcp.address() as AddressInfo).port}`;
  }

  inject(match: RequestMatch, effect: FaultEffect, times?: number): Fault {
    return this.#rules.add(match, effect, times);
  }

  clear(): void {
    this.#rules.clear();
    this.gate.thaw();
  }

  freeze({ direction = 'both', only = 'all' }: FreezeOptions = {}): void {
    this.gate.freeze(direction === 'both' ? ['toServer', 'toClient'] : [direction], only);
  }

  thaw(): void {
    this.gate.thaw();
  }

  cut(kind: CutKind, { match = {}, midLine = false }: { match?: RequestMatch; midLine?: boolean } = {}): number {
    const concerned = [...this.#exchanges].filter(({ facts }) => matches(match, facts));
    for (const exchange of concerned) exchange.cut(kind, midLine);
    return concerned.length;
  }

  resetConnections(): void {
    for (const socket of this.#sockets.values()) socket.resetAndDestroy();
  }

  useCertificate(pair: KeyPair): void {
    if (!('setSecureContext' in this.#http)) throw new Error('this proxy speaks plain http: start it with `tls`');
    this.#http.setSecureContext({ ...pair });
  }

  requestCount(match: RequestMatch = {}): number {
    const matching = [...this.#seen.values()].filter(({ facts }) => matches(match, facts));
    return matching.reduce((sum, { count }) => sum + count, 0);
  }

  requestCounts(): Record<string, number> {
    return Object.fromEntries([...this.#seen].map(([key, { count }]) => [key, count]));
  }

  openSockets(): number {
    return this.#sockets.size;
  }

  openExchanges(match: RequestMatch = {}): number {
    return [...this.#exchanges].filter(({ facts }) => matches(match, facts)).length;
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    this.clear();
    const closed = new Promise<void>((resolve) => {
      this.#tcp.close(() => resolve());
    });
    this.resetConnections();
    this.#agent.destroy();
    await closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  forward(request: IncomingMessage, signal: AbortSignal): ClientRequest {
    const { method, url: path, rawHeaders } = request;
    const headers = withHost(rawHeaders, this.#target.host);
    const options = { method, path, headers, agent: this.#agent, signal, setDefaultHeaders: false };
    const base = { host: this.#target.hostname, port: this.#target.port };
    return this.#secure ? httpsRequest({ ...base, ...options }) : httpRequest({ ...base, ...options });
  }

  socketOf(request: IncomingMessage): Socket | undefined {
    return this.#sockets.get(request.socket.remotePort ?? -1);
  }

  get #secure(): boolean {
    return this.#target.protocol === 'https:';
  }

  #begin({ method = 'GET', url: path = '/' }: IncomingMessage): Exchange {
    const facts = { method, path, isWatch: isWatchPath(path) };
    this.#count(facts);
    const exchange = new Exchange(this, facts, this.#rules.take(facts));
    this.#exchanges.add(exchange);
    return exchange;
  }

  #count({ method, path: pathAndQuery, isWatch }: RequestFacts): void {
    const path = pathAndQuery.split('?')[0] ?? '';
    const key = `${isWatch ? 'WATCH' : method} ${path}`;
    const entry = this.#seen.get(key) ?? { facts: { method, path, isWatch }, count: 0 };
    entry.count += 1;
    this.#seen.set(key, entry);
  }

  /** A frozen network does not even answer the TLS handshake, whichever direction is frozen. */
  async #accept(socket: Socket): Promise<void> {
    const port = socket.remotePort ?? -1;
    this.#sockets.set(port, socket);
    socket.on('error', () => {});
    socket.once('close', () => this.#sockets.delete(port));
    await this.gate.pass('toServer', false, this.#stopped.signal);
    if (this.#tls) await this.gate.pass('toClient', false, this.#stopped.signal);
    if (socket.destroyed || this.#stopped.signal.aborted) return;
    this.#http.emit('connection', socket);
    // It was accepted paused; TLS reads below this level.
    if (!this.#tls) socket.resume();
  }

  /** After an upgrade there is no HTTP any more: bytes pass both ways. */
  #upgrade(request: IncomingMessage, client: Duplex, head: Buffer): void {
    const [host, port] = [this.#target.hostname, Number(this.#target.port)];
    const server = this.#secure
      ? tlsConnect({ host, port, ...(this.#targetCa === undefined ? {} : { ca: this.#targetCa }) })
      : connect({ host, port });
    const lines = pairs(withHost(request.rawHeaders, this.#target.host)).map(
      ([name, value]) => `${name}: ${value}\r\n`,
    );
    server.write(`${request.method} ${request.url} HTTP/1.1\r\n${lines.join('')}\r\n`);
    server.write(head);
    server.pipe(client).pipe(server);
    server.on('error', () => client.destroy());
    client.on('error', () => server.destroy());
    client.on('close', () => server.destroy());
  }
}

function withHost(rawHeaders: readonly string[], host: string): string[] {
  return pairs(rawHeaders).flatMap(([name, value]) => [name, name.toLowerCase() === 'host' ? host : value]);
}

function pairs(rawHeaders: readonly string[]): [string, string][] {
  return Array.from({ length: rawHeaders.length / 2 }, (_, i) => [
    rawHeaders[2 * i] ?? '',
    rawHeaders[2 * i + 1] ?? '',
  ]);
}
