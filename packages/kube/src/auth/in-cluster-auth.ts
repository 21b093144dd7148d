import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { TriggerError } from '@kube-trigger/core';
import type { Credentials, KubeAuth } from './contract.js';

export interface InClusterAuthOptions {
  /** Default `/var/run/secrets/kubernetes.io/serviceaccount`. */
  readonly directory?: string | undefined;
  /** Where KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are read from; default `process.env`. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  /** Monotonic milliseconds; default `performance.now`. */
  readonly monotonicMs?: (() => number) | undefined;
}

const DIRECTORY = '/var/run/secrets/kubernetes.io/serviceaccount';
/** Bound tokens are replaced in place well before they expire; client-go reads them once a minute, too. */
const MAX_AGE_MS = 60_000;

/** The pod's own service account. Reads the mounted files itself, so that @kubernetes/client-node (80 MB) is never loaded. */
export function inClusterAuth(options: InClusterAuthOptions = {}): KubeAuth {
  const directory = options.directory ?? DIRECTORY;
  const now = options.monotonicMs ?? (() => performance.now());
  let cached: { readonly credentials: Credentials; readonly readAt: number } | undefined;

  const load = async (): Promise<Credentials> => {
    const server = serverUrl(options.env ?? process.env);
    const [token, ca] = await Promise.all([readMounted(directory, 'token'), readMounted(directory, 'ca.crt')]);
    const unchanged = cached?.credentials.tls.ca === ca;
    return {
      server,
      headers: { authorization: `Bearer ${token.trim()}` },
      tls: unchanged && cached !== undefined ? cached.credentials.tls : { ca },
    };
  };

  return {
    async credentials() {
      if (cached === undefined || now() - cached.readAt >= MAX_AGE_MS) {
        cached = { credentials: await load(), readAt: now() };
      }
      return cached.credentials;
    },
    async reload() {
      cached = { credentials: await load(), readAt: now() };
    },
    namespace: async () => (await readMounted(directory, 'namespace')).trim(),
  };
}

/** True when this process runs in a pod with a service account's address. */
export function isInCluster(env: Readonly<Record<string, string | undefined>> = process.env): boolean {
  return (env['KUBERNETES_SERVICE_HOST'] ?? '') !== '';
}

function serverUrl(env: Readonly<Record<string, string | undefined>>): string {
  const host = env['KUBERNETES_SERVICE_HOST'];
  if (host === undefined || host === '') {
    throw new TriggerError('KT_KUBE_AUTH', 'KUBERNETES_SERVICE_HOST is not set: this process does not run in a pod', {
      retry: 'never',
      fix: 'Outside a cluster, name a kubeconfig',
    });
  }
  const bracketed = host.includes(':') ? `[${host}]` : host;
  return `https://${bracketed}:${env['KUBERNETES_SERVICE_PORT'] ?? '443'}`;
}

async function readMounted(directory: string, file: string): Promise<string> {
  const path = join(directory, file);
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new TriggerError('KT_KUBE_AUTH', `cannot read ${path}`, {
      retry: 'backoff',
      cause,
      fix: 'Let the pod have its service account token (automountServiceAccountToken: true)',
    });
  }
}
