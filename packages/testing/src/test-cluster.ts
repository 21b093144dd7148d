import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ApiClient, type ApiObject, type ApiResponse, type Headers } from './api-client.js';
import { kubeconfigFor } from './kubeconfig.js';
import { grant, serviceAccountToken } from './service-account.js';
import type { WatchStream } from './watch-stream.js';

export type ClusterName = 'embedded' | 'kube-apiserver' | 'node';

export interface StartClusterOptions {
  /**
   * A cluster of one's own, which may be restarted and compacted. Default: false, which on the real API server means the one
   * that all test files share: use {@link TestCluster.createNamespace} and unique names. The embedded one is always one's own.
   */
  readonly own?: boolean;
  /** Only with `own`. Default: true. */
  readonly controllers?: boolean;
  /** Only with `own`: see `EnvtestOptions.crds`. On the embedded server they are installed as well. */
  readonly crds?: readonly string[];
  /** Only with `own`; the embedded server has no flags and ignores them. */
  readonly apiserverArgs?: readonly string[];
}

/** A running API server, embedded or real, as its administrator sees it. */
export interface TestCluster extends AsyncDisposable {
  readonly name: ClusterName;
  readonly url: string;
  readonly token: string;
  /** PEM; undefined where `url` is plain http. */
  readonly ca: string | undefined;
  readonly client: ApiClient;
  /** An administrator's kubeconfig. */
  kubeconfig(): string;
  /** Writes `text` (default: the administrator's kubeconfig) to `path` (default: a temporary file); returns the path. */
  writeKubeconfig(path?: string, text?: string): Promise<string>;
  request<T = ApiObject>(method: string, path: string, body?: unknown, headers?: Headers): Promise<ApiResponse<T>>;
  watch(path: string, headers?: Headers): Promise<WatchStream>;
  /** Makes a namespace `<prefix>-<random>`; it is deleted on stop. */
  createNamespace(prefix?: string): Promise<string>;
  /** A fresh token of this service account, which is made if it is not there. */
  serviceAccountToken(namespace: string, name: string): Promise<string>;
  /** Gives the service account these rights in its namespace, beside those it has. They are in force a moment later. */
  grant(namespace: string, serviceAccount: string, rules: readonly object[]): Promise<void>;
  /** A kubeconfig with such a token. */
  serviceAccountKubeconfig(namespace: string, name: string): Promise<string>;
  /** Stops the API server and starts it again at the same address with the same objects. Rejects on a shared cluster. */
  restart(): Promise<void>;
  /** Drops the history of changes, so that resuming from before answers 410. Rejects on a shared cluster. */
  compact(): Promise<void>;
  /** Deletes the namespaces made here; stops the server unless it is shared. */
  stop(): Promise<void>;
}

/** What only the one who started a server can do to it. */
export interface ClusterControl {
  restart(): Promise<void>;
  compact(): Promise<void>;
  stop(): Promise<void>;
}

/** A shared server goes on when one of its users stops, and none of them may disturb the others. */
export const SHARED: ClusterControl = {
  restart: () =>
    Promise.reject(new Error('this API server is shared by all test files: start({ own: true }) to restart')),
  compact: () =>
    Promise.reject(new Error('this API server is shared by all test files: start({ own: true }) to compact')),
  stop: () => Promise.resolve(),
};

export class RunningCluster implements TestCluster {
  readonly url: string;
  readonly token: string;
  readonly ca: string | undefined;
  readonly client: ApiClient;
  readonly #namespaces: string[] = [];
  #dir: string | undefined;

  constructor(
    readonly name: ClusterName,
    access: { readonly url: string; readonly token: string; readonly ca?: string | undefined },
    private readonly control: ClusterControl,
  ) {
    this.url = access.url;
    this.token = access.token;
    this.ca = access.ca;
    this.client = new ApiClient(access.url, access.token, access.ca);
  }

  kubeconfig(): string {
    return kubeconfigFor(this);
  }

  async writeKubeconfig(path?: string, text = this.kubeconfig()): Promise<string> {
    this.#dir ??= await mkdtemp(join(tmpdir(), 'kube-trigger-test-'));
    const file = path ?? join(this.#dir, `kubeconfig-${randomBytes(3).toString('hex')}`);
    await writeFile(file, text, { mode: 0o600 });
    return file;
  }

  request<T = ApiObject>(method: string, path: string, body?: unknown, headers?: Headers): Promise<ApiResponse<T>> {
    return this.client.request<T>(method, path, body, headers);
  }

  watch(path: string, headers?: Headers): Promise<WatchStream> {
    return this.client.watch(path, headers);
  }

  async createNamespace(prefix = 'test'): Promise<string> {
    const name = `${prefix}-${randomBytes(4).toString('hex')}`;
    const made = await this.request('POST', '/api/v1/namespaces', { metadata: { name } });
    if (made.status !== 201) throw new Error(`namespace ${name}: ${made.status} ${made.text}`);
    this.#namespaces.push(name);
    return name;
  }

  serviceAccountToken(namespace: string, name: string): Promise<string> {
    return serviceAccountToken(this.client, namespace, name);
  }

  grant(namespace: string, name: string, rules: readonly object[]): Promise<void> {
    return grant(this.client, { namespace, name }, rules);
  }

  async serviceAccountKubeconfig(namespace: string, name: string): Promise<string> {
    const token = await this.serviceAccountToken(namespace, name);
    return kubeconfigFor({ url: this.url, ca: this.ca, token, user: name, namespace });
  }

  restart(): Promise<void> {
    return this.control.restart();
  }

  compact(): Promise<void> {
    return this.control.compact();
  }

  async stop(): Promise<void> {
    if (this.control === SHARED) {
      // Its controllers take a while over each: nobody waits for that.
      await Promise.all(this.#namespaces.map((name) => this.request('DELETE', `/api/v1/namespaces/${name}`)));
    }
    await this.client.close();
    await this.control.stop();
    if (this.#dir !== undefined) await rm(this.#dir, { recursive: true, force: true });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}
