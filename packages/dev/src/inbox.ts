import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import type { Line } from './protocol.js';

const SHOWN = 500;
const KEPT = 1_000_000;

/**
 * An HTTP server on loopback for what plugins send and look at: says what is sent to it, and answers GET with what was sent to the same path
 * last.
 */
export class Inbox implements AsyncDisposable {
  readonly #sent = new Map<string, string>();

  private constructor(private readonly server: Server) {}

  /** Port 0 takes any free one. Rejects when the port is taken. */
  static async open(port: number, say: (line: Line) => void): Promise<Inbox> {
    const server = createServer();
    const inbox = new Inbox(server);
    server.on('request', (request: IncomingMessage, response) => {
      inbox.#answer(request, say).then(
        (body) => response.end(body),
        () => response.writeHead(400).end(),
      );
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error: NodeJS.ErrnoException) =>
        reject(error.code === 'EADDRINUSE' ? new Error(`--inbox ${port}: another program listens there`) : error),
      );
      server.listen(port, '127.0.0.1', resolve);
    });
    return inbox;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async #answer(request: IncomingMessage, say: (line: Line) => void): Promise<string> {
    const { method = 'GET', url = '/' } = request;
    const { pathname } = new URL(url, 'http://inbox');
    const body = await text(request);
    if (method === 'GET' || method === 'HEAD') return this.#sent.get(pathname) ?? '';
    this.#sent.set(pathname, body.slice(0, KEPT));
    const more = body.length > SHOWN ? ` … (${body.length} characters)` : '';
    say({ about: 'inbox', text: `${method} ${url} ${body.slice(0, SHOWN)}${more}`.trimEnd() });
    return '';
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}
