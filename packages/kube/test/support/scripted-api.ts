import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

/** One request as the script sees it. */
export interface ScriptedRequest {
  readonly kind: 'list' | 'watch' | 'probe' | 'other';
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
  /** Milliseconds since the server started. */
  readonly at: number;
}

export interface Item {
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly uid: string;
    readonly resourceVersion: string;
  };
  readonly data?: Readonly<Record<string, string>>;
}

type EventType = 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';

/** A watch that the script answers by hand. */
export class OpenWatch {
  constructor(
    readonly request: ScriptedRequest,
    private readonly response: ServerResponse,
  ) {}

  get closed(): boolean {
    return this.response.destroyed || this.response.writableEnded;
  }

  headers(): this {
    this.response.writeHead(200, { 'content-type': 'application/json' });
    this.response.flushHeaders();
    return this;
  }

  send(type: EventType, object: object): void {
    this.raw(`${JSON.stringify({ type, object })}\n`);
  }

  raw(bytes: string | Buffer): void {
    this.response.write(bytes);
  }

  end(): void {
    this.response.end();
  }

  /** FIN in the middle of a chunk. */
  cut(): void {
    this.response.socket?.destroy();
  }

  reset(): void {
    this.response.socket?.resetAndDestroy();
  }
}

/** What a request is answered with; `undefined` leaves it hanging. */
export type Script = (request: ScriptedRequest, response: ServerResponse) => void;

/**
 * An HTTP server whose every byte the test decides. By default it answers lists from `items` at `version`, ends probes silently and
 * keeps watches open (in `watches`) without saying anything.
 */
export class ScriptedApi implements AsyncDisposable {
  readonly requests: ScriptedRequest[] = [];
  readonly watches: OpenWatch[] = [];
  readonly sockets = new Set<Socket>();
  items: Item[] = [];
  version = 10;
  /** Asked first; answers `false` to leave a request to the default. */
  intercept: (request: ScriptedRequest, response: ServerResponse) => boolean | void = () => false;
  readonly #startedAt = performance.now();

  private constructor(
    private readonly server: ReturnType<typeof createServer>,
    readonly url: string,
  ) {}

  static async start(): Promise<ScriptedApi> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const api = new ScriptedApi(server, `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    server.on('connection', (socket) => {
      api.sockets.add(socket);
      socket.on('error', () => undefined);
      socket.once('close', () => api.sockets.delete(socket));
    });
    server.on('request', (request, response) => void api.#answer(request, response));
    return api;
  }

  get lastWatch(): OpenWatch {
    const last = this.watches.at(-1);
    if (last === undefined) throw new Error('no watch was opened yet');
    return last;
  }

  of(kind: ScriptedRequest['kind']): ScriptedRequest[] {
    return this.requests.filter((request) => request.kind === kind);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }

  async #answer(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = '';
    for await (const chunk of incoming) body += String(chunk);
    const url = new URL(incoming.url ?? '/', this.url);
    const request: ScriptedRequest = {
      kind: kindOf(incoming, url),
      method: incoming.method ?? '',
      path: url.pathname,
      query: url.searchParams,
      headers: incoming.headers,
      body,
      at: performance.now() - this.#startedAt,
    };
    this.requests.push(request);
    if (this.intercept(request, response) !== false) return;
    if (request.kind === 'list') sendList(response, this.items, { version: this.version });
    else if (request.kind === 'probe') response.writeHead(200).end();
    else if (request.kind === 'watch') this.watches.push(new OpenWatch(request, response).headers());
    else sendStatus(response, 404);
  }
}

function kindOf(incoming: IncomingMessage, url: URL): ScriptedRequest['kind'] {
  if (url.searchParams.has('watch')) {
    return incoming.headers.accept?.includes('PartialObjectMetadata') === true ? 'probe' : 'watch';
  }
  return incoming.method === 'GET' && url.searchParams.has('limit') ? 'list' : 'other';
}

export function item(name: string, version: number | string, data?: Record<string, string>): Item {
  return {
    metadata: { name, namespace: 'shop', uid: `uid-${name}`, resourceVersion: String(version) },
    ...(data === undefined ? {} : { data }),
  };
}

export function sendList(
  response: ServerResponse,
  items: readonly object[],
  { version, next = '' }: { readonly version: number | string; readonly next?: string },
): void {
  sendJson(response, 200, {
    kind: 'ConfigMapList',
    apiVersion: 'v1',
    metadata: { resourceVersion: String(version), ...(next === '' ? {} : { continue: next }) },
    items,
  });
}

export function sendStatus(
  response: ServerResponse,
  code: number,
  { message = `status ${code}`, headers = {} }: { message?: string; headers?: Record<string, string> } = {},
): void {
  sendJson(response, code, { kind: 'Status', apiVersion: 'v1', status: 'Failure', code, message }, headers);
}

export function sendJson(
  response: ServerResponse,
  code: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  response.writeHead(code, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
}

/** An ERROR event's object. */
export function gone(message = 'too old resource version'): object {
  return { kind: 'Status', apiVersion: 'v1', status: 'Failure', reason: 'Expired', code: 410, message };
}
