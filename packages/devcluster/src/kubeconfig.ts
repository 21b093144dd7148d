import { stringify } from 'yaml';

export interface KubeconfigOptions {
  readonly url: string;
  readonly token: string;
  /** The CA's certificate; left out for plain http. */
  readonly caPem?: string;
}

/**
 * A kubeconfig for one cluster and user. For plain http it says `insecure-skip-tls-verify`: kubectl ignores that there, and
 * @kubernetes/client-node refuses http without it.
 */
export function kubeconfigOf({ url, token, caPem }: KubeconfigOptions): string {
  const trust =
    caPem === undefined
      ? { 'insecure-skip-tls-verify': true }
      : { 'certificate-authority-data': Buffer.from(caPem).toString('base64') };
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'devcluster', cluster: { server: url, ...trust } }],
    users: [{ name: 'devcluster', user: { token } }],
    contexts: [{ name: 'devcluster', context: { cluster: 'devcluster', user: 'devcluster', namespace: 'default' } }],
    'current-context': 'devcluster',
  });
}
