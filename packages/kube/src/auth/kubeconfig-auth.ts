import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import type { RequestOptions } from 'node:https';
import type { KubeConfig } from '@kubernetes/client-node';
import { isTriggerError, TriggerError } from '@kube-trigger/core';
import type { Credentials, KubeAuth } from './contract.js';

export interface KubeconfigAuthOptions {
  /** Default: the files of $KUBECONFIG, else `~/.kube/config`. */
  readonly path?: string | undefined;
  /** Default: the file's current-context. */
  readonly context?: string | undefined;
  /** An exec plugin or identity provider that takes longer is given up. Default 30,000. */
  readonly timeoutMs?: number | undefined;
}

/** Certificate and token files, exec plugins and OIDC tokens are asked again after this. */
const MAX_AGE_MS = 2_000;

/**
 * A kubeconfig with everything that @kubernetes/client-node can authenticate with. That package is loaded on first use only.
 * `reload` reads the file again and forgets cached exec and OIDC tokens.
 */
export function kubeconfigAuth(options: KubeconfigAuthOptions = {}): KubeAuth {
  let config: Promise<KubeConfig> | undefined;
  let current: { readonly credentials: Promise<Credentials>; readonly askedAt: number } | undefined;

  const loaded = (): Promise<KubeConfig> => {
    config ??= load(options).catch((error: unknown) => {
      config = undefined;
      throw error;
    });
    return config;
  };
  const ask = (): Promise<Credentials> => {
    const credentials = loaded()
      .then((kubeConfig) => within(options.timeoutMs ?? 30_000, credentialsOf(kubeConfig)))
      .catch((error: unknown) => {
        current = undefined;
        throw isTriggerError(error) ? error : unusable(options, error);
      });
    current = { credentials, askedAt: performance.now() };
    return credentials;
  };
  return {
    credentials: () =>
      current !== undefined && performance.now() - current.askedAt < MAX_AGE_MS ? current.credentials : ask(),
    async reload() {
      config = undefined;
      await ask();
    },
    async namespace() {
      const kubeConfig = await loaded();
      return kubeConfig.getContextObject(kubeConfig.getCurrentContext())?.namespace;
    },
  };
}

async function load(options: KubeconfigAuthOptions): Promise<KubeConfig> {
  const { KubeConfig } = await import('./client-node.js');
  const [first = '', ...others] = filesOf(options);
  try {
    const config = new KubeConfig();
    config.loadFromFile(first);
    for (const file of others) {
      const other = new KubeConfig();
      other.loadFromFile(file);
      config.mergeConfig(other, true);
    }
    if (options.context !== undefined) config.setCurrentContext(options.context);
    checkContext(config, first);
    await checkUser(config, [first, ...others]);
    return config;
  } catch (error) {
    throw isTriggerError(error) ? error : unusable(options, error);
  }
}

function filesOf(options: KubeconfigAuthOptions): string[] {
  if (options.path !== undefined) return [options.path];
  const listed = (process.env['KUBECONFIG'] ?? '').split(delimiter).filter((file) => file !== '');
  return listed.length > 0 ? listed : [join(homedir(), '.kube', 'config')];
}

function checkContext(config: KubeConfig, file: string): void {
  const context = config.getCurrentContext();
  const cluster = config.getCurrentCluster();
  if (cluster === null) {
    const known = config.getContexts().map(({ name }) => name);
    throw new TriggerError('KT_KUBE_AUTH', `${file} has no context "${context}" with a cluster`, {
      retry: 'backoff',
      fix: known.length === 0 ? 'The file has no contexts' : `Its contexts: ${known.join(', ')}`,
    });
  }
  if (cluster.proxyUrl !== undefined && cluster.proxyUrl !== '') {
    throw new TriggerError('KT_KUBE_AUTH', `${file}: cluster ${cluster.name} sets proxy-url, which is not supported`, {
      retry: 'never',
      fix: 'Remove proxy-url and reach the API server directly',
    });
  }
}

/** Of whom to act as, client-node takes the name and drops the rest. */
const UNSUPPORTED = ['as-groups', 'as-uid', 'as-user-extra'] as const;

interface RawConfig {
  readonly users?: readonly { readonly name?: string; readonly user?: Readonly<Record<string, unknown>> }[];
}

/** To act with other groups than the file says would be worse than not to act. */
async function checkUser(config: KubeConfig, files: readonly string[]): Promise<void> {
  const { parse } = await import('./client-node.js');
  const name = config.getCurrentUser()?.name;
  for (const file of files) {
    const { users = [] } = (parse(await readFile(file, 'utf8')) ?? {}) as RawConfig;
    const user = users.find((one) => one.name === name)?.user;
    if (user === undefined) continue;
    const field = UNSUPPORTED.find((unknown) => unknown in user);
    if (field === undefined) return;
    throw new TriggerError('KT_KUBE_AUTH', `${file}: user ${name} sets ${field}, which is not supported`, {
      retry: 'never',
      fix: `Remove ${field}, or use credentials that have those rights themselves`,
    });
  }
}

async function credentialsOf(config: KubeConfig): Promise<Credentials> {
  const cluster = config.getCurrentCluster();
  if (cluster === null) throw new Error('the kubeconfig has no current cluster');
  if (cluster.server.startsWith('http:') && !cluster.skipTLSVerify) {
    // client-node refuses plain HTTP unless told not to verify a certificate that is not there.
    config.loadFromOptions({
      users: config.users,
      contexts: config.contexts,
      currentContext: config.currentContext,
      clusters: config.clusters.map((each) => (each.name === cluster.name ? { ...each, skipTLSVerify: true } : each)),
    });
  }
  const applied: RequestOptions = {};
  await config.applyToHTTPSOptions(applied);
  const { ca, cert, key, passphrase, rejectUnauthorized, servername, auth } = applied;
  const basic: Record<string, string> =
    typeof auth === 'string' ? { authorization: `Basic ${Buffer.from(auth).toString('base64')}` } : {};
  return {
    server: cluster.server,
    headers: { ...basic, ...plainHeaders(applied.headers) },
    tls: {
      ca: bytes(ca),
      cert: bytes(cert),
      key: bytes(key),
      passphrase: passphrase ?? undefined,
      rejectUnauthorized,
      servername,
    },
  };
}

function plainHeaders(headers: RequestOptions['headers']): Record<string, string> {
  const plain: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers ?? {})) {
    if (value !== undefined) plain[name.toLowerCase()] = String(value);
  }
  return plain;
}

function bytes(value: unknown): string | Buffer | undefined {
  return typeof value === 'string' || Buffer.isBuffer(value) ? value : undefined;
}

function unusable(options: KubeconfigAuthOptions, cause: unknown): TriggerError {
  const file = filesOf(options).join(delimiter);
  // No `cause`: an exec plugin's own error may carry what it printed.
  return new TriggerError('KT_KUBE_AUTH', `cannot use kubeconfig ${file}: ${whyOf(cause)}`, { retry: 'backoff' });
}

/** Goes to logs and to readiness, so nothing of what was read: parsers quote it, and the further lines of a message may. */
function whyOf(cause: unknown): string {
  if (!(cause instanceof Error)) return 'unknown reason';
  // The two parsers' YAMLException and YAMLParseError.
  if (cause.name.startsWith('YAML')) return `it is not YAML${lineOf(cause)}`;
  if (cause instanceof SyntaxError) return 'an exec plugin or identity provider answered with what is not JSON';
  const [first = ''] = cause.message.split('\n');
  return first === '' ? 'unknown reason' : first.slice(0, 300);
}

function lineOf({ mark }: Error & { readonly mark?: { readonly line: number } }): string {
  return mark === undefined ? '' : ` (line ${mark.line + 1})`;
}

function within<T>(ms: number, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no credentials within ${ms} ms`)), ms);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
