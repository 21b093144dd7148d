import { createServer as createHttpServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { ServerCertificate } from './certificate.js';

type OnRequest = (request: IncomingMessage, response: ServerResponse) => void;

/** The server's socket on loopback. It can be closed and opened again on the same port. */
export class Listener {
  private server: Server | undefined;
  private readonly sockets = new Set<Socket>();
  port = 0;

  constructor(
    private readonly onRequest: OnRequest,
    private readonly certificate: ServerCertificate | undefined,
  ) {}

  get openSockets(): number {
    return this.sockets.size;
  }

  get url(): string {
    return `${this.certificate === undefined ? 'http' : 'https'}://127.0.0.1:${this.port}`;
  }

  /** The TCP connection below a request's socket, which is TLS when the server speaks https. */
  connectionOf(socket: Socket): Socket {
    return [...this.sockets].find(({ remotePort }) => remotePort === socket.remotePort) ?? socket;
  }

  /** @param port 0 takes a free one. */
  async listen(port: number): Promise<void> {
    const server = this.create();
    // Below TLS: the sockets that clients hold.
    server.on('connection', (socket: Socket) => {
      this.sockets.add(socket);
      socket.setNoDelay(true);
      socket.on('close', () => this.sockets.delete(socket));
    });
    this.server = server;
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, '127.0.0.1', resolve);
    });
    this.port = (server.address() as AddressInfo).port;
  }

  /** Stops listening and cuts every connection. */
  async close(): Promise<void> {
    const { server } = this;
    if (server === undefined) return;
    this.server = undefined;
    await new Promise<void>((resolve) => {
      server.close(() => resolve());
      for (const socket of this.sockets) socket.destroy();
    });
  }

  private create(): Server {
    // Idle connections stay open for as long as a real API server keeps them; no request has a time limit of its own.
    const options = { keepAliveTimeout: 180_000, requestTimeout: 0 };
    if (this.certificate === undefined) return createHttpServer(options, this.onRequest);
    const { cert, key } = this.certificate;
    return createHttpsServer({ ...options, cert, key }, this.onRequest);
  }
}
