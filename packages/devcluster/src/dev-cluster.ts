import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createBootstrapRoles } from './auth/rbac.js';
import { Tokens } from './auth/tokens.js';
import { type Cluster, timestamp } from './cluster.js';
import { startControllers } from './controllers/index.js';
import { runDefinitions } from './crd/controller.js';
import { Faults } from './faults/faults.js';
import { Outlet } from './faults/outlet.js';
import { GarbageCollector } from './housekeeping/garbage.js';
import { createFirstNamespaces, runNamespaceDeletion } from './housekeeping/namespaces.js';
import { createServerCertificate } from './http/certificate.js';
import { Listener } from './http/listener.js';
import { requestInfo } from './http/request-info.js';
import { sendError } from './http/respond.js';
import { route } from './http/router.js';
import { kubeconfigOf } from './kubeconfig.js';
import { builtinResources } from './resources/builtin.js';
import { Registry } from './resources/registry.js';
import { Stats } from './stats.js';
import { keepDataFile, loadSaved, readDataFile } from './store/data-file.js';
import { Store } from './store/store.js';
import { STRATEGIES } from './strategies/index.js';

export interface DevClusterOptions {
  /** Also runs the workload controllers and a node that plays at running pods; off by default. */
  readonly controllers?: boolean;
  /** Serves https with a certificate of an own authority; plain http by default. */
  readonly tls?: boolean;
  /** 0, the default, takes a free one. */
  readonly port?: number;
  /** Where objects outlive the process: read at the start, written while running and at the stop. Nowhere by default. */
  readonly dataFile?: string;
  /** The administrator's token; a random one by default. */
  readonly token?: string;
  /** Milliseconds between bookmarks; one minute by default, as the API server's. */
  readonly bookmarkIntervalMs?: number;
  /** How many changes of each resource a watch can resume over; 10,000 by default. */
  readonly historyLimit?: number;
  /** The clock of timestamps and token lifetimes; the system's by default. */
  readonly now?: () => Date;
}

/** A running API server. */
export interface DevCluster {
  readonly url: string;
  /** The certificate of the authority that signed the server's; undefined for plain http. */
  readonly caPem: string | undefined;
  /** The administrator's bearer token. */
  readonly token: string;
  readonly faults: Faults;
  readonly stats: Stats;
  /** YAML text that kubectl and client libraries read. */
  kubeconfig(): string;
  /** Writes the kubeconfig, readable by its owner alone. */
  writeKubeconfig(path: string): Promise<void>;
  /** Makes a token for a user in groups, and returns it. What the user may do, RBAC objects say. */
  addToken(user: string, groups?: readonly string[]): string;
  /** @returns false when there was no such token. */
  revokeToken(token: string): boolean;
  /** Cuts all connections and listens again on the same port with the same data. */
  restart(): Promise<void>;
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Starts an embedded API server on loopback. */
export async function startDevCluster(options: DevClusterOptions = {}): Promise<DevCluster> {
  const cluster = openCluster(options);
  const tokens = new Tokens(cluster.store, cluster.now);
  const token = tokens.issue('admin', ['system:masters'], options.token);
  const stopHousekeeping = startHousekeeping(cluster, options.dataFile);
  const certificate = options.tls === true ? await createServerCertificate(cluster.now()) : undefined;
  const faults = new Faults(() => cluster.store.compact());
  const listener = new Listener((request, response) => void answer(request, response), certificate);
  const stats = new Stats({ watches: () => cluster.watches.size, sockets: () => listener.openSockets });
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const info = requestInfo(request.method ?? 'GET', request.url ?? '/');
    const exchange = {
      info,
      request,
      response,
      outlet: new Outlet(response),
      connection: () => listener.connectionOf(request.socket),
    };
    faults.track(exchange);
    stats.count(info, request.headers['user-agent']);
    try {
      if (await faults.admit(exchange)) await route({ cluster, tokens, info, request, response });
    } catch (error) {
      sendError(response, error);
    }
  };
  await listener.listen(options.port ?? 0);
  const caPem = certificate?.caPem;
  const ca = caPem === undefined ? {} : { ca: caPem };
  const controllers =
    options.controllers === true ? await startControllers({ server: listener.url, token, ...ca }) : undefined;
  const kubeconfig = (): string =>
    kubeconfigOf({ url: listener.url, token, ...(caPem === undefined ? {} : { caPem }) });
  const stop = async (): Promise<void> => {
    faults.clear();
    await controllers?.stop();
    await listener.close();
    stopHousekeeping();
  };
  return {
    get url() {
      return listener.url;
    },
    caPem,
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

function openCluster(options: DevClusterOptions): Cluster {
  const saved = options.dataFile === undefined ? undefined : readDataFile(options.dataFile);
  const cluster: Cluster = {
    store: new Store({
      historyLimit: options.historyLimit ?? 10_000,
      ...(saved === undefined ? {} : { firstRevision: saved.revision }),
    }),
    registry: new Registry(builtinResources(STRATEGIES)),
    watches: new Set(),
    now: options.now ?? (() => new Date()),
    bookmarkIntervalMs: options.bookmarkIntervalMs ?? 60_000,
  };
  // What happened before the start is not remembered, so no watch can resume from there.
  if (saved !== undefined) {
    loadSaved(cluster.store, saved);
    cluster.store.compact();
  }
  return cluster;
}

/** Everything that a control plane does by itself beside answering. @returns what stops it. */
function startHousekeeping(cluster: Cluster, dataFile: string | undefined): () => void {
  const stops = [runDefinitions(cluster), runNamespaceDeletion(cluster)];
  createFirstNamespaces(cluster);
  createBootstrapRoles(cluster.store, (name) => ({
    name,
    uid: randomUUID(),
    creationTimestamp: timestamp(cluster.now()),
  }));
  const collector = new GarbageCollector(cluster);
  stops.push(() => collector.stop());
  if (dataFile !== undefined) stops.push(keepDataFile(dataFile, cluster.store));
  return () => {
    for (const stop of stops) stop();
  };
}
