import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';

// Not imported: an import reads every export of a module, and behind those of node:http are fetch, WebSocket and HTTP/2, which cost 2.5 MiB here.
const { createServer } = process.getBuiltinModule('node:http');

/** An answer of the health port: `undefined` where all is well, else why not. */
export type Probe = () => string | undefined;

export interface HealthServerOptions {
  /** 0 takes any free port. */
  readonly port: number;
  readonly ready: Probe;
  /** Prometheus' text format. */
  readonly metrics: () => Promise<string>;
}

export interface HealthServer extends AsyncDisposable {
  readonly port: number;
  close(): Promise<void>;
}

/** Serves `/healthz`, `/readyz` and `/metrics`. */
export async function startHealthServer(options: HealthServerOptions): Promise<HealthServer> {
  const server = createServer((request, response) => {
    const answer = (status: number, text: string) =>
      response.writeHead(status, { 'content-type': 'text/plain' }).end(`${text}\n`);
    const probe = (ask: Probe) => {
      const problem = ask();
      return answer(problem === undefined ? 200 : 503, problem ?? 'ok');
    };
    if (request.method !== 'GET' && request.method !== 'HEAD') return void answer(405, 'only GET');
    switch (request.url?.split('?')[0]) {
      case '/healthz':
        // Whoever answers is alive: a watch that is cut off is not healed by a restart.
        return void answer(200, 'ok');
      case '/readyz':
        return void probe(options.ready);
      case '/metrics':
        return void options.metrics().then(
          (text) => response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4' }).end(text),
          () => answer(500, 'metrics are not available'),
        );
      default:
        return void answer(404, 'not found; there are /healthz, /readyz and /metrics');
    }
  });
  await listen(server, options.port);
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return { port: (server.address() as AddressInfo).port, close, [Symbol.asyncDispose]: close };
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, () => resolve());
  });
}
