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
