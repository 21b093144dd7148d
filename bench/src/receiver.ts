import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo } from 'node:net';
import { networkInterfaces } from 'node:os';
import type { Roll } from './judge.js';
import { newestNamed } from './states.js';

/** As in real life, of so many calls one is refused, and one is accepted without its answer coming through. */
const REFUSED = 7;
const UNANSWERED = 5;

interface Caller {
  readonly accepted: Roll[];
  lastId: string;
  repeats: number;
}

/**
 * Takes CloudEvents of rules, as a receiver that deduplicates by id: a repetition of the last call is counted and else ignored. One that comes
 * after a newer call is a deed of its own, and so out of order.
 */
export class Receiver {
  readonly #callers = new Map<string, Caller>();
  #calls = 0;

  private constructor(private readonly server: Server) {
    server.on('request', (request, response) => void this.#take(request, response));
  }

  static async start(): Promise<Receiver> {
    const server = createServer();
    const receiver = new Receiver(server);
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(0, ownAddress(), resolve);
    });
    return receiver;
  }

  /** A caller is told by its path. */
  urlOf(caller: string): string {
    const { address, port } = this.server.address() as AddressInfo;
    return `http://${address}:${port}/${caller}`;
  }

  calls(caller: string): readonly Roll[] {
    return this.#of(caller).accepted;
  }

  repeats(caller: string): number {
    return this.#of(caller).repeats;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => {
      this.server.close(resolve);
    });
  }

  #of(name: string): Caller {
    const caller = this.#callers.get(name) ?? { accepted: [], lastId: '', repeats: 0 };
    this.#callers.set(name, caller);
    return caller;
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await textOf(request);
    // Broken off by a killed operator: nobody took it.
    if (body === undefined) return;
    this.#calls += 1;
    if (this.#calls % REFUSED === 0) {
      response.writeHead(503).end();
      return;
    }
    this.#accept(this.#of((request.url ?? '').slice(1)), body);
    if (this.#calls % UNANSWERED === 0) request.socket.destroy();
    else response.writeHead(204).end();
  }

  #accept(caller: Caller, body: string): void {
    const { id, data } = JSON.parse(body) as { id: string; data: { changedKeys?: readonly string[] } };
    if (caller.lastId === id) {
      caller.repeats += 1;
      return;
    }
    caller.lastId = id;
    const state = newestNamed((data.changedKeys ?? []).join());
    const generation = caller.accepted.length + 1;
    caller.accepted.push({ state, seenAtMs: performance.now(), generation, unseen: 0 });
  }
}

async function textOf(request: IncomingMessage): Promise<string | undefined> {
  try {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    return Buffer.concat(chunks).toString('utf8');
  } catch {
    return undefined;
  }
}

/** Operators refuse loopback, which is their own pod. Throws on a machine that has no other address. */
function ownAddress(): string {
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  const own = addresses.find(({ internal, family }) => !internal && family === 'IPv4');
  if (own === undefined)
    throw new Error('webhooks need an IPv4 address of this machine that is not loopback; use --webhooks 0');
  return own.address;
}
