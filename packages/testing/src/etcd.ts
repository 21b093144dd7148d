import { request } from 'undici';

/** Compacts all history of the etcd at `url` up to its present revision, through its HTTP/JSON gateway. Returns the revision. */
export async function compactEtcd(url: string): Promise<number> {
  // etcd's gateway wants the key as base64; one byte that no Kubernetes key has.
  const { header } = await call<{ header: { revision: string } }>(url, '/v3/kv/range', { key: 'AA==' });
  await call(url, '/v3/kv/compaction', { revision: header.revision, physical: true });
  return Number(header.revision);
}

async function call<T>(url: string, path: string, body: unknown): Promise<T> {
  const answer = await request(url + path, { method: 'POST', body: JSON.stringify(body) });
  const text = await answer.body.text();
  if (answer.statusCode !== 200) throw new Error(`etcd ${path}: ${answer.statusCode} ${text}`);
  return JSON.parse(text) as T;
}
