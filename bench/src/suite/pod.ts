import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** How a process in a pod reaches the API server. */
export interface PodAccess {
  readonly url: string;
  readonly token: string;
  /** PEM. */
  readonly ca: string;
  readonly namespace: string;
}

export interface PodCommand extends Disposable {
  readonly program: string;
  /** Before the program that is to be run and its arguments. */
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

const MOUNTED = '/run/secrets/kubernetes.io/serviceaccount';
const SCRIPT = `mount -t tmpfs none /run && mkdir -p ${MOUNTED} && cp "$0"/* ${MOUNTED}/ && exec "$@"`;

/**
 * Runs a program with the credentials of a pod's service account where pods have them, in a mount namespace of its own: what reads a kubeconfig
 * is not loaded then, as in production. Linux; a user who is not root needs unprivileged user namespaces.
 */
export function podCommand({ url, token, ca, namespace }: PodAccess): PodCommand {
  const directory = mkdtempSync(join(tmpdir(), 'kube-trigger-pod-'));
  for (const [name, text] of Object.entries({ token, 'ca.crt': ca, namespace })) {
    writeFileSync(join(directory, name), text, { mode: 0o600 });
  }
  const { hostname, port } = new URL(url);
  const asRoot = process.getuid?.() === 0 ? [] : ['--map-root-user'];
  return {
    program: 'unshare',
    args: [...asRoot, '--mount', '/bin/sh', '-c', SCRIPT, directory],
    env: { KUBERNETES_SERVICE_HOST: hostname, KUBERNETES_SERVICE_PORT: port },
    [Symbol.dispose]: () => rmSync(directory, { recursive: true, force: true }),
  };
}
