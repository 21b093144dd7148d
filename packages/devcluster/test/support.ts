import { request as httpRequest, type IncomingMessage } from 'node:http';
import type { KubeObject } from '../src/api-types.js';
import type { DevCluster } from '../src/index.js';

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: KubeObject & { readonly items?: KubeObject[]; readonly message?: string; readonly reason?: string };
}

/** One request as the administrator. A body is sent as JSON unless `headers` say otherwise. */
export async function call(
  cluster: DevCluster,
  method: string,
  path: string,
  options: { body?: unknown; headers?: Record<string, string> } = {},
): Promise<Answer> {
  const response = await fetch(cluster.url + path, {
    method,
    headers: {
      authorization: `Bearer ${cluster.token}`,
      ...(options.body === undefined ? {} : { 'content-type': 'application/json' }),
      ...options.headers,
    },
    ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
  });
  return { status: response.status, headers: response.headers, body: (await response.json()) as Answer['body'] };
}

export const CONFIG_MAPS = '/api/v1/namespaces/default/configmaps';

export function createConfigMap(cluster: DevCluster, name: string, data: Record<string, string> = {}): Promise<Answer> {
  return call(cluster, 'POST', CONFIG_MAPS, { body: { metadata: { name }, data } });
}

export interface RawWatch {
  /** The bytes of the body so far. */
  text(): string;
  /** How many chunks the body came in so far. */
  chunks(): number;
  /** `end` when the body ended in order, otherwise the code of the error that ended it. */
  readonly over: Promise<string>;
  close(): void;
}

/** A watch over a connection of its own, whose end can be looked at. Resolves with the headers. */
export async function rawWatch(cluster: DevCluster, query = ''): Promise<RawWatch> {
  const outgoing = httpRequest(`${cluster.url}${CONFIG_MAPS}?watch=1${query}`, {
    agent: false,
    headers: { authorization: `Bearer ${cluster.token}` },
  });
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    outgoing.on('response', resolve);
    outgoing.on('error', reject);
    outgoing.end();
  });
  const parts: Buffer[] = [];
  answer.on('data', (chunk: Buffer) => parts.push(chunk));
  const over = new Promise<string>((resolve) => {
    answer.on('end', () => resolve('end'));
    answer.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
  });
  return {
    text: () => Buffer.concat(parts).toString('utf8'),
    chunks: () => parts.length,
    over,
    close: () => outgoing.destroy(),
  };
}

/** Waits for a state. @throws after five seconds. */
export async function until(state: () => boolean): Promise<void> {
  const deadline = Date.now() + 5000;
  while (!state()) {
    if (Date.now() > deadline) throw new Error(`the state did not come about: ${state.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
