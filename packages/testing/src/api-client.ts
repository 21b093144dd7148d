import { Agent, request } from 'undici';
import { type WatchStream, openWatch } from './watch-stream.js';

/** The answer to one request. `json` is undefined when the body is not JSON. */
export interface ApiResponse<T = ApiObject> {
  readonly status: number;
  readonly headers: Record<string, string | string[] | undefined>;
  readonly json: T;
  readonly text: string;
}

/** What tests read of any Kubernetes object, list or Status. Loose on purpose: a test names the fields it checks. */
export interface ApiObject {
  apiVersion?: string;
  kind?: string;
  metadata: {
    name: string;
    namespace?: string;
    uid: string;
    resourceVersion: string;
    generation?: number;
    creationTimestamp?: string;
    deletionTimestamp?: string;
    generateName?: string;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
    finalizers?: string[];
    ownerReferences?: unknown[];
    managedFields?: { manager: string; operation: string; apiVersion: string; fieldsV1?: unknown }[];
    continue?: string;
    remainingItemCount?: number;
  };
  spec?: Record<string, unknown>;
  status?: unknown;
  data?: Record<string, string>;
  items?: ApiObject[];
  [field: string]: unknown;
}

export type Headers = Record<string, string>;

/** The smallest client that can say anything to an API server: for tests that look at the wire. */
export class ApiClient {
  readonly #agent: Agent;

  constructor(
    readonly url: string,
    readonly token: string,
    ca?: string,
  ) {
    this.#agent = new Agent({
      allowH2: false,
      bodyTimeout: 0,
      headersTimeout: 60_000,
      connections: 64,
      connect: ca === undefined ? {} : { ca },
    });
  }

  /**
   * Sends one request. A body that is not a string goes as JSON; `headers` may replace `content-type` and `authorization`.
   * Any status resolves; only a failing connection rejects.
   */
  async request<T = ApiObject>(
    method: string,
    path: string,
    body?: unknown,
    headers: Headers = {},
  ): Promise<ApiResponse<T>> {
    const answer = await request(this.url + path, {
      method,
      dispatcher: this.#agent,
      headers: {
        authorization: `Bearer ${this.token}`,
        accept: 'application/json',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      body: body === undefined ? null : typeof body === 'string' ? body : JSON.stringify(body),
    });
    const text = await answer.body.text();
    return { status: answer.statusCode, headers: answer.headers, json: parse(text) as T, text };
  }

  /** Opens `path` (which must say `watch=true`) and reads its events. Close it, or declare it with `await using`. */
  watch(path: string, headers: Headers = {}): Promise<WatchStream> {
    return openWatch(this.url + path, {
      dispatcher: this.#agent,
      headers: { authorization: `Bearer ${this.token}`, accept: 'application/json', ...headers },
    });
  }

  /** Closes every connection, open watches too. */
  async close(): Promise<void> {
    await this.#agent.destroy();
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
