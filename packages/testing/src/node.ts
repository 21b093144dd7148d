import { readFile } from 'node:fs/promises';
import { describe } from 'vitest';
import { parse } from 'yaml';
import type { ApiObject } from './api-client.js';
import { eventually } from './eventually.js';
import { RunningCluster, SHARED, type TestCluster } from './test-cluster.js';

/** The image that the node of the fixture always has: a static busybox with all its applets. There is no registry. */
export const BUSYBOX = 'localhost/busybox:1';

const KUBECONFIG = 'KT_TEST_NODE_KUBECONFIG';

/** Whether tests should use a cluster with a real node: KT_TEST_NODE_KUBECONFIG names its kubeconfig. */
export function nodeWanted(): boolean {
  return (process.env[KUBECONFIG] ?? '') !== '';
}

/**
 * Defines a `describe` for tests that need running pods. Skipped without KT_TEST_NODE_KUBECONFIG. All test files share the cluster: take
 * a namespace from `createNamespace`.
 */
export function describeOnNode(name: string, define: (start: () => Promise<TestCluster>) => void): void {
  describe.skipIf(!nodeWanted())(`${name} on a real node`, () => {
    define(startNode);
  });
}

interface Kubeconfig {
  readonly clusters: readonly { readonly cluster: { server: string; 'certificate-authority-data'?: string } }[];
  readonly users: readonly { readonly user: { token?: string } }[];
}

async function startNode(): Promise<TestCluster> {
  const path = process.env[KUBECONFIG] ?? '';
  const { clusters, users } = parse(await readFile(path, 'utf8')) as Kubeconfig;
  const { server = '', 'certificate-authority-data': authority = '' } = clusters[0]?.cluster ?? {};
  const token = users[0]?.user.token;
  if (token === undefined) throw new Error(`${KUBECONFIG}=${path}: its first user has no token`);
  const ca = Buffer.from(authority, 'base64').toString('utf8');
  return new RunningCluster('node', { url: server, token, ca }, SHARED);
}

/** What is said of a pod that a test starts. */
export interface PodOnNode {
  readonly name: string;
  readonly labels?: Record<string, string>;
  readonly annotations?: Record<string, string>;
  /** The rest of its spec. */
  readonly spec: Record<string, unknown>;
}

/** Creates the pod and waits until it is ready. It is killed without grace when its namespace is deleted. */
export async function startPod(cluster: TestCluster, namespace: string, pod: PodOnNode): Promise<ApiObject> {
  const { name, labels = {}, annotations = {}, spec } = pod;
  const pods = `/api/v1/namespaces/${namespace}/pods`;
  const body = {
    metadata: { name, labels, annotations },
    spec: { terminationGracePeriodSeconds: 0, ...spec },
  };
  await eventually(
    async () => {
      // A new namespace has no service account for a moment, and until then refuses pods with 403.
      const { status, text } = await cluster.request('POST', pods, body);
      if (status !== 201 && status !== 409) throw new Error(`${status} ${text}`);
      return true;
    },
    { because: `pod ${name} should be created` },
  );
  return eventually(
    async () => {
      const { json } = await cluster.request('GET', `${pods}/${name}`);
      const { conditions = [] } = (json.status ?? {}) as { conditions?: { type: string; status: string }[] };
      if (conditions.some(({ type, status }) => type === 'Ready' && status === 'True')) return json;
      throw new Error(JSON.stringify(json.status));
    },
    { because: `pod ${name} should be ready`, timeoutMs: 60_000 },
  );
}
