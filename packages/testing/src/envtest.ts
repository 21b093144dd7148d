import { randomBytes } from 'node:crypto';
import { accessSync, constants, existsSync } from 'node:fs';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ApiClient } from './api-client.js';
import { compactEtcd } from './etcd.js';
import { eventually } from './eventually.js';
import { freePort } from './free-port.js';
import { installCrds } from './install-crds.js';
import { kubeconfigFor } from './kubeconfig.js';
import {
  type CertificateAuthority,
  type CertificateRequest,
  type KeyPair,
  createCertificateAuthority,
  createTokenSigningKey,
} from './pki.js';
import { ProcessGroup, type RunningProcess } from './process-group.js';
import { serviceAccountToken } from './service-account.js';

export interface EnvtestOptions {
  /** Run kube-controller-manager too: garbage collection, namespace deletion, workloads, service accounts. Default: true. */
  readonly controllers?: boolean;
  /**
   * CustomResourceDefinitions (YAML text, or a path of a file with it) to install before the controllers start. The garbage
   * collector learns of a kind that comes later only at its next discovery, about 30 s on.
   */
  readonly crds?: readonly string[];
  /** Further kube-apiserver flags, such as `--watch-cache=false`. They win over the built-in ones. */
  readonly apiserverArgs?: readonly string[];
  /** Where etcd, kube-apiserver and kube-controller-manager are. Default: the KUBEBUILDER_ASSETS environment variable. */
  readonly assets?: string;
}

/** A real Kubernetes control plane on loopback: no nodes, so nothing runs Pods. */
export interface Envtest extends AsyncDisposable {
  /** `https://127.0.0.1:<port>`. Stays the same over a restart. */
  readonly url: string;
  /** Of a user in `system:masters`. */
  readonly token: string;
  /** PEM. */
  readonly ca: string;
  readonly client: ApiClient;
  kubeconfig(): string;
  /**
   * Ends kube-apiserver. SIGTERM lets it close its connections properly but never for longer than 2 s; `SIGKILL` is a crash.
   */
  stopApiserver(signal?: 'SIGTERM' | 'SIGKILL'): Promise<void>;
  /** Starts it again on the same port and waits until it is ready. */
  startApiserver(): Promise<void>;
  restartApiserver(signal?: 'SIGTERM' | 'SIGKILL'): Promise<void>;
  /**
   * Compacts etcd's history up to now and returns that revision.
   *
   * Continue tokens and exact reads from before answer 410 at once. Watches may still be served out of kube-apiserver's
   * cache, which a restart empties: then, or with `--watch-cache=false`, a resume from before answers 410 as well.
   */
  compact(): Promise<number>;
  /** A kubeconfig with a fresh token (TokenRequest) of this service account, which is made if it is not there. */
  serviceAccountKubeconfig(namespace: string, name: string): Promise<string>;
  /** A client certificate that the API server takes: `commonName` is the user, `organization` its group. */
  clientCertificate(request: Omit<CertificateRequest, 'hosts'>): Promise<KeyPair>;
  /** Kills all processes and removes all files. */
  stop(): Promise<void>;
}

/**
 * Whether tests should use a real control plane: KUBEBUILDER_ASSETS is set. That it is set wrongly is no reason to skip: then
 * {@link startEnvtest} rejects and says what is missing.
 */
export function envtestWanted(): boolean {
  return (process.env['KUBEBUILDER_ASSETS'] ?? '') !== '';
}

/**
 * Starts etcd, kube-apiserver and kube-controller-manager on free loopback ports, with an own PKI and an own data directory
 * (in memory where /dev/shm is). Takes 4 to 6 s. Rejects, naming the log's end, when a program ends or is not ready in 90 s.
 *
 * The processes never outlive this one, even if it is killed.
 */
export async function startEnvtest(options: EnvtestOptions = {}): Promise<Envtest> {
  const assets = options.assets ?? process.env['KUBEBUILDER_ASSETS'];
  if (assets === undefined || assets === '') {
    throw new Error('KUBEBUILDER_ASSETS is not set: it names the folder with etcd and kube-apiserver');
  }
  const missing = missingBinaries(assets, options.controllers ?? true);
  if (missing.length > 0) throw new Error(`KUBEBUILDER_ASSETS=${assets} has no executable ${missing.join(', ')}`);

  return startWithRetry(assets, options, 2);
}

/** A port that was free may be taken a moment later: that alone makes a second attempt worth it. */
async function startWithRetry(assets: string, options: EnvtestOptions, attempts: number): Promise<Envtest> {
  const dir = await mkdtemp(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'kube-trigger-envtest-'));
  const plane = new ControlPlane(dir, assets, options);
  try {
    await plane.start();
    return plane;
  } catch (error) {
    await plane.stop();
    if (attempts > 1 && String(error).includes('address already in use')) {
      return startWithRetry(assets, options, attempts - 1);
    }
    throw error;
  }
}

function missingBinaries(assets: string, controllers: boolean): string[] {
  const wanted = ['etcd', 'kube-apiserver', ...(controllers ? ['kube-controller-manager'] : [])];
  return wanted.filter((name) => {
    try {
      accessSync(join(assets, name), constants.X_OK);
      return false;
    } catch {
      return true;
    }
  });
}

const READY_MS = 90_000;

class ControlPlane implements Envtest {
  url = '';
  ca = '';
  readonly token = randomBytes(16).toString('hex');
  readonly #dir: string;
  readonly #assets: string;
  readonly #options: EnvtestOptions;
  readonly #processes: ProcessGroup;
  #etcdUrl = '';
  #authority: CertificateAuthority | undefined;
  #etcd: RunningProcess | undefined;
  #client: ApiClient | undefined;
  #apiserver: RunningProcess | undefined;

  constructor(dir: string, assets: string, options: EnvtestOptions) {
    this.#dir = dir;
    this.#assets = assets;
    this.#options = options;
    this.#processes = new ProcessGroup(dir);
  }

  get client(): ApiClient {
    if (!this.#client) throw new Error('the control plane is stopped');
    return this.#client;
  }

  async start(): Promise<void> {
    const [etcdPort, peerPort, apiPort] = [await freePort(), await freePort(), await freePort()];
    this.#etcdUrl = `http://127.0.0.1:${etcdPort}`;
    this.url = `https://127.0.0.1:${apiPort}`;
    await this.#startEtcd(peerPort);
    await this.#writePki();
    this.#client = new ApiClient(this.url, this.token, this.ca);
    await this.startApiserver();
    await installCrds(this.client, this.#options.crds ?? []);
    if (this.#controllers) await this.#startControllers();
  }

  kubeconfig(): string {
    return kubeconfigFor(this);
  }

  async stopApiserver(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    await this.#apiserver?.stop({ signal });
    this.#apiserver = undefined;
  }

  async startApiserver(): Promise<void> {
    if (this.#apiserver && this.#apiserver.exited() === undefined) return;
    const apiserver = await this.#processes.start('kube-apiserver', this.#bin('kube-apiserver'), this.#apiserverArgs());
    this.#apiserver = apiserver;
    // A read of an object proves etcd and authorization as well as /readyz.
    await this.#until(apiserver, async () => {
      const ready = await this.client.request('GET', '/readyz');
      return ready.status === 200 && (await this.client.request('GET', '/api/v1/namespaces/default')).status === 200;
    });
  }

  async restartApiserver(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    await this.stopApiserver(signal);
    await this.startApiserver();
  }

  compact(): Promise<number> {
    return compactEtcd(this.#etcdUrl);
  }

  async serviceAccountKubeconfig(namespace: string, name: string): Promise<string> {
    const token = await serviceAccountToken(this.client, namespace, name);
    return kubeconfigFor({ url: this.url, ca: this.ca, token, user: name, namespace });
  }

  clientCertificate(request: Omit<CertificateRequest, 'hosts'>): Promise<KeyPair> {
    if (!this.#authority) throw new Error('the control plane is stopped');
    return this.#authority.issue(request);
  }

  async stop(): Promise<void> {
    await this.#client?.close();
    this.#client = undefined;
    this.#apiserver = undefined;
    await this.#processes.dispose();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  get #controllers(): boolean {
    return this.#options.controllers ?? true;
  }

  #bin(name: string): string {
    return join(this.#assets, name);
  }

  #file(name: string): string {
    return join(this.#dir, name);
  }

  async #startEtcd(peerPort: number): Promise<void> {
    const peerUrl = `http://127.0.0.1:${peerPort}`;
    // No wait for readiness: kube-apiserver retries its first connection.
    this.#etcd = await this.#processes.start('etcd', this.#bin('etcd'), [
      '--name=envtest',
      `--data-dir=${this.#file('etcd')}`,
      `--listen-client-urls=${this.#etcdUrl}`,
      `--advertise-client-urls=${this.#etcdUrl}`,
      `--listen-peer-urls=${peerUrl}`,
      `--initial-advertise-peer-urls=${peerUrl}`,
      `--initial-cluster=envtest=${peerUrl}`,
      '--logger=zap',
      '--log-level=warn',
    ]);
  }

  async #writePki(): Promise<void> {
    const authority = await createCertificateAuthority();
    const hosts = ['127.0.0.1', 'localhost', 'kubernetes', 'kubernetes.default', 'kubernetes.default.svc', '10.96.0.1'];
    const server = await authority.issue({ commonName: 'kube-apiserver', hosts });
    const tokens = createTokenSigningKey();
    this.#authority = authority;
    this.ca = authority.cert;
    const files = {
      'ca.crt': authority.cert,
      'ca.key': authority.key,
      'server.crt': server.cert,
      'server.key': server.key,
      'sa.key': tokens.privateKey,
      'sa.pub': tokens.publicKey,
      'tokens.csv': `${this.token},admin,admin,"system:masters"\n`,
      'controllers.kubeconfig': this.kubeconfig(),
    };
    await Promise.all(Object.entries(files).map(([name, text]) => writeFile(this.#file(name), text, { mode: 0o600 })));
  }

  #apiserverArgs(): string[] {
    return [
      `--etcd-servers=${this.#etcdUrl}`,
      '--bind-address=127.0.0.1',
      `--secure-port=${new URL(this.url).port}`,
      // Only Pods would connect to it, but a loopback address is refused here.
      '--advertise-address=198.51.100.1',
      `--tls-cert-file=${this.#file('server.crt')}`,
      `--tls-private-key-file=${this.#file('server.key')}`,
      `--client-ca-file=${this.#file('ca.crt')}`,
      `--token-auth-file=${this.#file('tokens.csv')}`,
      '--service-account-issuer=https://kubernetes.default.svc',
      `--service-account-signing-key-file=${this.#file('sa.key')}`,
      `--service-account-key-file=${this.#file('sa.pub')}`,
      '--authorization-mode=RBAC',
      '--service-cluster-ip-range=10.96.0.0/16',
      '--profiling=false',
      // Without a controller nobody makes service accounts, and Pods would be refused for the lack of one.
      ...(this.#controllers ? [] : ['--disable-admission-plugins=ServiceAccount']),
      ...(this.#options.apiserverArgs ?? []),
    ];
  }

  async #startControllers(): Promise<void> {
    const controllers = await this.#processes.start('kube-controller-manager', this.#bin('kube-controller-manager'), [
      `--kubeconfig=${this.#file('controllers.kubeconfig')}`,
      '--leader-elect=false',
      '--port=0',
      '--secure-port=0',
      `--service-account-private-key-file=${this.#file('sa.key')}`,
      `--root-ca-file=${this.#file('ca.crt')}`,
      `--cluster-signing-cert-file=${this.#file('ca.crt')}`,
      `--cluster-signing-key-file=${this.#file('ca.key')}`,
      `--flex-volume-plugin-dir=${this.#file('volume-plugins')}`,
      '--kube-api-qps=200',
      '--kube-api-burst=400',
    ]);
    // Pods are refused before this account has its token.
    await this.#until(controllers, async () => {
      const { status, json } = await this.client.request('GET', '/api/v1/namespaces/default/serviceaccounts/default');
      return status === 200 && Array.isArray(json['secrets']);
    });
  }

  /** Waits for `ready`; fails at once when the process, or the etcd under it, ends. */
  async #until(process: RunningProcess, ready: () => Promise<boolean>): Promise<void> {
    const ended = () => [this.#etcd, process].find((one) => one?.exited() !== undefined);
    await eventually(async () => ended() !== undefined || (await ready()), {
      timeoutMs: READY_MS,
      intervalMs: 50,
      because: `${process.name} should get ready`,
    });
    const dead = ended();
    if (dead) throw new Error(`${dead.name} ended (${dead.exited()}) before all was ready:\n${dead.logTail()}`);
  }
}
