import { afterAll, beforeAll, expect } from 'vitest';
import type { ApiObject, ApiResponse, Headers } from '../../src/api-client.js';
import type { StartCluster } from '../../src/cluster.js';
import type { StartClusterOptions, TestCluster } from '../../src/test-cluster.js';
import type { WatchStream } from '../../src/watch-stream.js';

export interface Conformance {
  readonly cluster: TestCluster;
  readonly api: <T = ApiObject>(
    method: string,
    path: string,
    body?: unknown,
    headers?: Headers,
  ) => Promise<ApiResponse<T>>;
  readonly watch: (path: string) => Promise<WatchStream>;
  /** The path of a resource of core/v1 in a fresh namespace: `/api/v1/namespaces/<new>/configmaps`. */
  readonly fresh: (resource?: string) => Promise<string>;
}

/** Starts the cluster before the first test of the surrounding `describe` and stops it after the last. */
export function conformance(start: StartCluster, options?: StartClusterOptions): Conformance {
  let started: TestCluster | undefined;
  const cluster = (): TestCluster => {
    if (!started) throw new Error('the cluster is not started yet');
    return started;
  };
  beforeAll(async () => {
    started = await start(options);
  });
  afterAll(() => started?.stop());
  return {
    get cluster() {
      return cluster();
    },
    api: (method, path, body, headers) => cluster().request(method, path, body, headers),
    watch: (path) => cluster().watch(path),
    fresh: async (resource = 'configmaps') =>
      `/api/v1/namespaces/${await cluster().createNamespace('conformance')}/${resource}`,
  };
}

export const MERGE = { 'content-type': 'application/merge-patch+json' };
export const STRATEGIC = { 'content-type': 'application/strategic-merge-patch+json' };
export const JSON_PATCH = { 'content-type': 'application/json-patch+json' };
export const APPLY = { 'content-type': 'application/apply-patch+yaml' };

/** The body of a failure, as far as clients rely on it. */
export interface Status {
  kind: 'Status';
  apiVersion: 'v1';
  status: 'Success' | 'Failure';
  code: number;
  reason: string;
  message: string;
  details?: {
    name?: string;
    group?: string;
    kind?: string;
    uid?: string;
    causes?: { reason?: string; message?: string; field?: string }[];
    retryAfterSeconds?: number;
  };
}

/** Asserts that the answer is a well-formed failure and returns its Status. */
export function failure(answer: ApiResponse<unknown>, code: number, reason: string): Status {
  expect([answer.status, answer.text]).toEqual([code, answer.text]);
  const status = answer.json as Status;
  expect(status).toMatchObject({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', code, reason });
  return status;
}

/** Asserts the answer's status code, showing the body if it is another one, and returns the object. */
export function ok<T>(answer: ApiResponse<T>, code = 200): T {
  expect([answer.status, answer.text]).toEqual([code, answer.text]);
  return answer.json;
}

export function names(list: ApiObject): string[] {
  return (list.items ?? []).map(({ metadata }) => metadata.name);
}

/** For names of cluster-wide objects: the real server is shared by all files of a run. */
export function unique(prefix: string): string {
  return `${prefix}-${Math.random().toString(36).slice(2, 10)}`;
}
