import { stringify } from 'yaml';

/** Where a server is and as whom to speak to it. */
export interface Access {
  readonly url: string;
  readonly token: string;
  /** PEM. Absent for a plain http:// server. */
  readonly ca?: string | undefined;
  readonly user?: string;
  readonly namespace?: string;
}

/**
 * The text of a kubeconfig with one cluster, user and context. For plain http it says `insecure-skip-tls-verify`, without which
 * @kubernetes/client-node refuses; kubectl sends no credentials over plain http whatever it says.
 */
export function kubeconfigFor({ url, token, ca, user = 'admin', namespace }: Access): string {
  const trust =
    ca === undefined
      ? { 'insecure-skip-tls-verify': true }
      : { 'certificate-authority-data': Buffer.from(ca).toString('base64') };
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'test', cluster: { server: url, ...trust } }],
    users: [{ name: user, user: { token } }],
    contexts: [{ name: 'test', context: { cluster: 'test', user, ...(namespace === undefined ? {} : { namespace }) } }],
    'current-context': 'test',
  });
}
