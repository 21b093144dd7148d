import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, type ServerOptions } from 'node:https';
import type { AddressInfo, Server, Socket } from 'node:net';

export interface Received {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
  readonly request: IncomingMessage;
}

export interface ReceiverOptions {
  /** Default 127.0.0.1. All of 127.0.0.0/8 is this machine. */
  readonly host?: string;
  /** Default: any that is free. */
  readonly port?: number;
  /** Makes it https. */
  readonly tls?: ServerOptions;
}

export type Respond = (response: ServerResponse, received: Received) => void;

export const status =
  (code: number, headers: Record<string, string> = {}): Respond =>
  (response) => {
    response.writeHead(code, headers).end();
  };

/** A server on loopback that keeps what it got and answers as it is told. */
export class Receiver implements AsyncDisposable {
  readonly received: Received[] = [];
  readonly sockets = new Set<Socket>();
  /** Connections since the start. */
  connections = 0;
  /** Requests that are neither answered nor broken off. */
  pending = 0;
  respond: Respond = status(204);
  readonly #server: Server;

  private constructor(private readonly options: ReceiverOptions) {
    const listener: RequestListener = (request, response) => this.#take(request, response);
    this.#server = options.tls === undefined ? createServer(listener) : createTlsServer(options.tls, listener);
    this.#server.on('connection', (socket: Socket) => {
      this.connections += 1;
      this.sockets.add(socket);
      socket.on('close', () => this.sockets.delete(socket));
      socket.on('error', () => undefined);
    });
  }

  static async start(options: ReceiverOptions = {}): Promise<Receiver> {
    const receiver = new Receiver(options);
    await new Promise<void>((resolve, reject) => {
      receiver.#server.once('error', reject);
      receiver.#server.listen(options.port ?? 0, options.host ?? '127.0.0.1', resolve);
    });
    return receiver;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get origin(): string {
    return `${this.options.tls === undefined ? 'http' : 'https'}://${this.options.host ?? '127.0.0.1'}:${this.port}`;
  }

  get only(): Received {
    const [first, second] = this.received;
    if (first === undefined || second !== undefined) throw new Error(`got ${this.received.length} requests, not one`);
    return first;
  }

  #take(request: IncomingMessage, response: ServerResponse): void {
    this.pending += 1;
    response.on('close', () => {
      this.pending -= 1;
    });
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { method = '', url: path = '', headers } = request;
      const received = { method, path, headers, body: Buffer.concat(chunks).toString(), request };
      this.received.push(received);
      this.respond(response, received);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => {
      this.#server.close(resolve);
    });
  }
}
