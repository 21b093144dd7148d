import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
}

/**
 * A TCP forwarder whose open connections can go silent for good, as behind a NAT that forgot them: nothing passes any more, nobody sends
 * FIN or RST, what is sent is still acknowledged. New connections work. TLS passes untouched.
 */
export class TcpLink implements AsyncDisposable {
  readonly #open = new Set<Pair>();
  /** That came from the target, over all connections. */
  receivedBytes = 0;

  private constructor(
    private readonly server: Server,
    /** The target's URL with this link's port. */
    readonly url: string,
  ) {}

  static async to(target: string): Promise<TcpLink> {
    const { hostname: host, port, protocol } = new URL(target);
    let link: TcpLink | undefined;
    const server = createServer({ noDelay: true }, (client) => {
      link?.join(client, connect({ host, port: Number(port), noDelay: true }));
    });
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    link = new TcpLink(server, `${protocol}//127.0.0.1:${(server.address() as AddressInfo).port}`);
    return link;
  }

  get openConnections(): number {
    return this.#open.size;
  }

  /** Every connection that is open now goes silent. Returns how many. */
  silence(): number {
    for (const { client, server } of this.#open) {
      client.unpipe(server);
      server.unpipe(client);
      // Read on and forgotten: else a full window would tell the sender.
      client.resume();
      server.resume();
    }
    return this.#open.size;
  }

  /** Ends every connection that is open now. Returns how many. */
  cut(how: 'reset' | 'fin'): number {
    const cut = [...this.#open];
    for (const { client, server } of cut) {
      if (how === 'reset') client.resetAndDestroy();
      else client.end();
      server.destroy();
    }
    return cut.length;
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => {
      this.server.close(() => resolve());
    });
    for (const { client, server } of this.#open) {
      client.destroy();
      server.destroy();
    }
    await closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  private join(client: Socket, server: Socket): void {
    const pair = { client, server };
    this.#open.add(pair);
    client.pipe(server);
    server.pipe(client);
    server.on('data', (chunk: Buffer) => (this.receivedBytes += chunk.length));
    const gone = () => {
      this.#open.delete(pair);
      client.destroy();
      server.destroy();
    };
    for (const socket of [client, server]) {
      socket.on('error', gone);
      socket.on('close', gone);
    }
  }
}
