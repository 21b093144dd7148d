import { randomBytes } from 'node:crypto';
import type { ApiClient } from './api-client.js';

/** Makes the service account if it is not there, and returns a fresh token of it, good for two hours. */
export async function serviceAccountToken(client: ApiClient, namespace: string, name: string): Promise<string> {
  const accounts = `/api/v1/namespaces/${namespace}/serviceaccounts`;
  // An account that is there already answers 409, which is as good.
  await client.request('POST', accounts, { metadata: { name } });
  const answer = await client.request<{ status: { token: string } }>('POST', `${accounts}/${name}/token`, {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenRequest',
    spec: { expirationSeconds: 7200 },
  });
  if (answer.status !== 201) throw new Error(`no token for ${namespace}/${name}: ${answer.status} ${answer.text}`);
  return answer.json.status.token;
}

/** Gives the service account a Role of its own with these rules. */
export async function grant(
  client: ApiClient,
  account: { readonly namespace: string; readonly name: string },
  rules: readonly object[],
): Promise<void> {
  const name = `${account.name}-${randomBytes(4).toString('hex')}`;
  const apiGroup = 'rbac.authorization.k8s.io';
  const bodies = {
    roles: { metadata: { name }, rules },
    rolebindings: {
      metadata: { name },
      roleRef: { apiGroup, kind: 'Role', name },
      subjects: [{ kind: 'ServiceAccount', ...account }],
    },
  };
  for (const [plural, body] of Object.entries(bodies)) {
    const made = await client.request('POST', `/apis/${apiGroup}/v1/namespaces/${account.namespace}/${plural}`, body);
    if (made.status !== 201) throw new Error(`${plural} of ${account.name}: ${made.status} ${made.text}`);
  }
}
