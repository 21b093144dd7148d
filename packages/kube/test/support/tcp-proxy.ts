import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

export type Way = 'toServer' | 'toClient' | 'both';

/**
 * Passes bytes through. `freezeOpen` makes the connections that are open now deaf without a FIN: what comes is read, acknowledged and
 * thrown away, as a broken middlebox does. New connections work.
 */
export class TcpProxy implements AsyncDisposable {
  readonly #pairs = new Set<{ client: Socket; upstream: Socket; frozen: Way | undefined }>();
  #server = createServer();

  private constructor(private readonly target: URL) {}

  static async start(target: string): Promise<TcpProxy> {
    const proxy = new TcpProxy(new URL(target));
    proxy.#server.on('connection', (client) => proxy.#accept(client));
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get url(): string {
    const { port } = this.#server.address() as AddressInfo;
    return `${this.target.protocol}//127.0.0.1:${port}`;
  }

  get connections(): number {
    return this.#pairs.size;
  }

  freezeOpen(way: Way = 'both'): number {
    for (const pair of this.#pairs) pair.frozen = way;
    return this.#pairs.size;
  }

  reset(): void {
    for (const { client, upstream } of this.#pairs) {
      client.resetAndDestroy();
      upstream.destroy();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.reset();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #accept(client: Socket): void {
    const upstream = connect(Number(this.target.port), this.target.hostname);
    const pair = { client, upstream, frozen: undefined as Way | undefined };
    this.#pairs.add(pair);
    client.on('data', (chunk) => {
      if (pair.frozen !== 'both' && pair.frozen !== 'toServer') upstream.write(chunk);
    });
    upstream.on('data', (chunk) => {
      if (pair.frozen !== 'both' && pair.frozen !== 'toClient') client.write(chunk);
    });
    const end = (): void => {
      this.#pairs.delete(pair);
      client.destroy();
      // A frozen side hears nothing of the other's end either.
      if (pair.frozen === undefined) upstream.destroy();
      else upstream.unref();
    };
    client.on('close', end).on('error', end);
    upstream.on('close', () => pair.frozen === undefined && end()).on('error', () => undefined);
  }
}
