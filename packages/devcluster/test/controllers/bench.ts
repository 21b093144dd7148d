import { type ApiObject, eventually, type StartCluster, type TestCluster } from '@kube-trigger/testing';
import { type Controllers, type ControllersOptions, startControllers } from '../../src/controllers/index.js';
import type { Condition } from '../../src/controllers/objects.js';

/** What the tests read of any workload or pod. */
export interface Thing extends ApiObject {
  spec: {
    replicas?: number;
    nodeName?: string;
    template?: { metadata: { labels?: Record<string, string>; annotations?: Record<string, string> } };
    [field: string]: unknown;
  };
  status?: { conditions?: Condition[]; phase?: string; observedGeneration?: number; [field: string]: unknown };
}

const paths: Record<string, string> = {
  pods: '/api/v1',
  configmaps: '/api/v1',
  serviceaccounts: '/api/v1',
  deployments: '/apis/apps/v1',
  replicasets: '/apis/apps/v1',
  statefulsets: '/apis/apps/v1',
  daemonsets: '/apis/apps/v1',
  controllerrevisions: '/apis/apps/v1',
};

/** By hand, to see that the tests ask for what a real controller manager does: ours then only play the node. */
const judged = process.env['DEVCLUSTER_TEST_JUDGE'] === 'kube-controller-manager';

/** An API server without controllers of its own, ours beside it, and one namespace to play in. */
export class Bench implements AsyncDisposable {
  static async start(start: StartCluster, options: Partial<ControllersOptions> = {}): Promise<Bench> {
    const cluster = await start({ own: true, controllers: judged });
    const { url: server, token, ca } = cluster;
    const policyVersion = await policyVersionOf(cluster);
    const controllers = await startControllers({
      ...(judged ? { only: ['node'] } : {}),
      server,
      token,
      ...(ca === undefined ? {} : { ca }),
      policyVersion,
      podReadyDelayMs: 20,
      podStopDelayMs: 20,
      ...options,
    });
    return new Bench(cluster, controllers, policyVersion);
  }

  namespace = '';

  constructor(
    readonly cluster: TestCluster,
    public controllers: Controllers,
    readonly policyVersion: 'v1' | 'v1beta1',
  ) {}

  /** A fresh namespace for the next test. */
  async renew(): Promise<void> {
    this.namespace = await this.cluster.createNamespace('controllers');
    // A real controller manager takes a moment to give a namespace what pods need.
    if (judged) await eventually(async () => (await this.get('serviceaccounts', 'default'))['secrets']);
  }

  path(plural: string, name?: string): string {
    return `${paths[plural]}/namespaces/${this.namespace}/${plural}${name === undefined ? '' : `/${name}`}`;
  }

  async create(plural: string, body: object): Promise<Thing> {
    return this.#send('POST', this.path(plural), body);
  }

  async get(plural: string, name: string): Promise<Thing> {
    return this.#send('GET', this.path(plural, name));
  }

  async list(plural: string, labelSelector = ''): Promise<Thing[]> {
    const { items } = await this.#send(
      'GET',
      `${this.path(plural)}?labelSelector=${encodeURIComponent(labelSelector)}`,
    );
    return (items ?? []) as Thing[];
  }

  async merge(plural: string, name: string, patch: object): Promise<Thing> {
    return this.#send('PATCH', this.path(plural, name), patch, { 'content-type': 'application/merge-patch+json' });
  }

  async remove(plural: string, name: string): Promise<void> {
    await this.#send('DELETE', this.path(plural, name));
  }

  /** Sets annotations of a workload's pod template: a new revision. */
  async restamp(plural: string, name: string, annotations: Record<string, string | null>): Promise<Thing> {
    return this.merge(plural, name, { spec: { template: { metadata: { annotations } } } });
  }

  /** Waits until `check` holds for the object as it is then; a failed `expect` counts as "not yet". */
  async until(plural: string, name: string, check: (object: Thing) => unknown): Promise<Thing> {
    return eventually(
      async () => {
        const object = await this.get(plural, name);
        return check(object) === false ? undefined : object;
      },
      { timeoutMs: 15_000, because: `${plural}/${name} did not come to the expected state` },
    );
  }

  /** Waits until all its replicas are new, ready and the only ones. */
  async rolledOut(plural: string, name: string): Promise<Thing> {
    return this.until(plural, name, ({ metadata, spec, status = {} }) => {
      const target = spec.replicas ?? 1;
      const at = (field: string) => status[field] ?? 0;
      const observed = status.observedGeneration === metadata.generation;
      if (plural === 'daemonsets') return observed && at('updatedNumberScheduled') === 1 && at('numberAvailable') === 1;
      const fields = ['replicas', 'updatedReplicas', 'readyReplicas'];
      return (
        observed &&
        fields.every((field) => at(field) === target) &&
        status['currentRevision'] === status['updateRevision']
      );
    });
  }

  /** All changes of a kind in this namespace from now on. */
  async watch(plural: string) {
    const { json } = await this.cluster.request('GET', this.path(plural));
    return this.cluster.watch(`${this.path(plural)}?watch=true&resourceVersion=${json.metadata.resourceVersion}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.controllers.stop();
    await this.cluster.stop();
  }

  async #send(method: string, path: string, body?: object, headers?: Record<string, string>): Promise<Thing> {
    const { status, json, text } = await this.cluster.request(method, path, body, headers);
    if (status >= 300) throw new Error(`${method} ${path}: ${status} ${text}`);
    return json as Thing;
  }
}

async function policyVersionOf(cluster: TestCluster): Promise<'v1' | 'v1beta1'> {
  const { json } = await cluster.request<{ preferredVersion: { version: 'v1' | 'v1beta1' } }>('GET', '/apis/policy');
  return json.preferredVersion.version;
}

/** A workload that passes validation; `spec` adds to it or replaces. */
export function workload(
  name: string,
  spec: object = {},
  template: { annotations?: Record<string, string>; spec?: object } = {},
) {
  return {
    metadata: { name },
    spec: {
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name }, annotations: template.annotations },
        spec: { containers: [{ name: 'main', image: 'example:1' }], ...template.spec },
      },
      ...spec,
    },
  };
}

export function condition(object: Thing, type: string): Condition | undefined {
  return object.status?.conditions?.find((each) => each.type === type);
}

export function revision(object: Thing): string | undefined {
  return object.metadata.annotations?.['deployment.kubernetes.io/revision'];
}
