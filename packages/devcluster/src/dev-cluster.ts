import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { createBootstrapRoles } from './auth/rbac.js';
import { Tokens } from './auth/tokens.js';
import { type Cluster, timestamp } from './cluster.js';
import { startControllers } from './controllers/index.js';
import { runDefinitions } from './crd/controller.js';
import { Faults } from './faults/faults.js';
import { Outlet } from './faults/outlet.js';
import { GarbageCollector } from './housekeeping/garbage.js';
import { createFirstNamespaces, runNamespaceDeletion } from './housekeeping/namespaces.js';
import { requestInfo } from './http/request-info.js';
import { sendError } from './http/respond.js';
import { route } from './http/router.js';
import { kubeconfigOf } from './kubeconfig.js';
import { builtinResources } from './resources/builtin.js';
import { Registry } from './resources/registry.js';
import { STRATEGIES } from './strategies/index.js';
import { Stats } from './stats.js';
import { Store } from './store/store.js';

export interface DevClusterOptions {
  /** Also runs the workload controllers and a node that plays at running pods; off by default. */
  readonly controllers?: boolean;
  /** 0, the default, takes a free one. */
  readonly port?: number;
  /** Milliseconds between bookmarks; one minute by default, as the API server's. */
  readonly bookmarkIntervalMs?: number;
  /** How many changes of each resource a watch can resume over; 10,000 by default. */
  readonly historyLimit?: number;
}

/** A running API server. */
export interface DevCluster extends AsyncDisposable {
  readonly url: string;
  /** The administrator's bearer token. */
  readonly token: string;
  readonly faults: Faults;
  readonly stats: Stats;
  /** YAML text. */
  kubeconfig(): string;
  writeKubeconfig(path: string): Promise<void>;
  /** Makes a token for a user in groups, and returns it. */
  addToken(user: string, groups?: readonly string[]): string;
  revokeToken(token: string): boolean;
  /** Cuts all connections and listens again on the same port with the same data. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts an embedded API server on loopback. */
export async function startDevCluster(options: DevClusterOptions = {}): Promise<DevCluster> {
  const cluster: Cluster = {
    store: new Store({ historyLimit: options.historyLimit ?? 10_000 }),
    registry: new Registry(builtinResources(STRATEGIES)),
    watches: new Set(),
    now: () => new Date(),
    bookmarkIntervalMs: options.bookmarkIntervalMs ?? 60_000,
  };
  const tokens = new Tokens(cluster.store, cluster.now);
  const token = tokens.issue('admin', ['system:masters']);
  createFirstNamespaces(cluster);
  createBootstrapRoles(cluster.store, (name) => ({
    name,
    uid: randomUUID(),
    creationTimestamp: timestamp(cluster.now()),
  }));
  const collector = new GarbageCollector(cluster);
  const stops = [runDefinitions(cluster), runNamespaceDeletion(cluster), () => collector.stop()];
  const faults = new Faults(() => cluster.store.compact());
  const listener = new Listener((request, response) => void answer(request, response));
  const stats = new Stats({ watches: () => cluster.watches.size, sockets: () => listener.openSockets });
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const info = requestInfo(request.method ?? 'GET', request.url ?? '/');
    const exchange = { info, request, response, outlet: new Outlet(response) };
    faults.track(exchange);
    stats.count(info, request.headers['user-agent']);
    try {
      if (await faults.admit(exchange)) await route({ cluster, tokens, info, request, response });
    } catch (error) {
      sendError(response, error);
    }
  };
  await listener.listen(options.port ?? 0);
  const controllers =
    options.controllers === true ? await startControllers({ server: listener.url, token }) : undefined;
  const kubeconfig = (): string => kubeconfigOf({ url: listener.url, token });
  const stop = async (): Promise<void> => {
    await controllers?.stop();
    for (const each of stops) each();
    await listener.close();
  };
  return {
    get url() {
      return listener.url;
    },
    token,
    faults,
    stats,
    kubeconfig,
    writeKubeconfig: (path) => writeFile(path, kubeconfig(), { mode: 0o600 }),
    addToken: (user, groups = []) => tokens.issue(user, groups),
    revokeToken: (each) => tokens.revoke(each),
    restart: async () => {
      await listener.close();
      await listener.listen(listener.port);
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

class Listener {
  private server: Server | undefined;
  private readonly sockets = new Set<Socket>();
  port = 0;

  constructor(private readonly onRequest: (request: IncomingMessage, response: ServerResponse) => void) {}

  get openSockets(): number {
    return this.sockets.size;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async listen(port: number): Promise<void> {
    const server = createServer({ keepAliveTimeout: 180_000, requestTimeout: 0 }, this.onRequest);
    server.on('connection', (socket) => {
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

  async close(): Promise<void> {
    const { server } = this;
    if (server === undefined) return;
    this.server = undefined;
    await new Promise<void>((resolve) => {
      server.close(() => resolve());
      for (const socket of this.sockets) socket.destroy();
    });
  }
}
