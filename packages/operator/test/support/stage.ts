import { createKubeClient, type KubeClient, staticAuth } from '@kube-trigger/kube';
import {
  eventually,
  installCrd,
  type StartCluster,
  type StartClusterOptions,
  type TestCluster,
} from '@kube-trigger/testing';
import { definitions } from '../../src/api/definitions.js';
import { bundledRegistry } from '../../src/plugins/bundled.js';
import { createLogger } from '../../src/logger.js';
import { type Operator, type OperatorOptions, startOperator } from '../../src/operator.js';
import type { Condition, RuleStatus } from '../../src/rules/trigger-rule.js';

const RULES = '/apis/app.example.com/v1alpha1/namespaces';

export interface Template {
  readonly generation: number;
  readonly annotations: Readonly<Record<string, string>>;
}

/** A cluster with the definitions, a namespace of its own and an operator that looks after that namespace only. */
export class Stage implements AsyncDisposable {
  #operator: Operator | undefined;

  private constructor(
    readonly cluster: TestCluster,
    readonly namespace: string,
  ) {}

  static async open(start: StartCluster, options: StartClusterOptions = {}): Promise<Stage> {
    const cluster = await start(options);
    for (const definition of definitions(bundledRegistry())) await install(cluster, definition);
    return new Stage(cluster, await cluster.createNamespace('rules'));
  }

  /** A second namespace on the same cluster. */
  namespaceToo(): Promise<string> {
    return this.cluster.createNamespace('other');
  }

  async startOperator(options: Partial<OperatorOptions> & { token?: string } = {}): Promise<Operator> {
    const { token = this.cluster.token, ...rest } = options;
    const auth = staticAuth({
      server: this.cluster.url,
      token,
      ...(this.cluster.ca === undefined ? {} : { ca: this.cluster.ca }),
    });
    this.#operator = await startOperator({
      auth,
      logger: createLogger('silent'),
      registry: bundledRegistry(),
      namespaces: [this.namespace],
      ...rest,
    });
    await eventually(() => this.#operator?.ready() === undefined, {
      because: 'the operator should become ready',
      timeoutMs: 60_000,
    });
    return this.#operator;
  }

  async stopOperator(): Promise<void> {
    await this.#operator?.stop();
    this.#operator = undefined;
  }

  /** A client of the administrator, for what the operator must not be asked. */
  client(): KubeClient {
    const { url: server, token, ca } = this.cluster;
    return createKubeClient({
      auth: staticAuth({ server, token, ...(ca === undefined ? {} : { ca }) }),
      logger: createLogger('silent'),
    });
  }

  /** Changes are not held for others to come, so that it soon shows that nothing happens; `delivery.coalesce` in the spec overrides that. */
  async rule(name: string, spec: object): Promise<void> {
    const body = {
      apiVersion: 'app.example.com/v1alpha1',
      kind: 'TriggerRule',
      metadata: { name },
      spec: atOnce(spec),
    };
    await this.#must('POST', this.#rulePath(), body);
  }

  async patchRule(name: string, patch: object): Promise<void> {
    await this.#must('PATCH', `${this.#rulePath()}/${name}`, patch, { 'content-type': 'application/merge-patch+json' });
  }

  async deleteRule(name: string): Promise<void> {
    await this.#must('DELETE', `${this.#rulePath()}/${name}`);
  }

  async getRule(
    name: string,
  ): Promise<{ metadata: { resourceVersion: string; generation: number }; status?: RuleStatus }> {
    const answer = await this.cluster.request<{
      metadata: { resourceVersion: string; generation: number };
      status?: RuleStatus;
    }>('GET', `${this.#rulePath()}/${name}`);
    return answer.json;
  }

  async status(name: string): Promise<RuleStatus> {
    return (await this.getRule(name)).status ?? {};
  }

  /** Waits until the condition has this status (and, when given, a message that matches), and returns it. */
  condition(
    name: string,
    type: Condition['type'],
    wanted: { status: string; reason?: string; message?: RegExp },
  ): Promise<Condition> {
    return eventually(
      async () => {
        const status = await this.status(name);
        const found = status.conditions?.find((condition) => condition.type === type);
        const fits =
          found?.status === wanted.status &&
          (wanted.reason === undefined || found.reason === wanted.reason) &&
          (wanted.message?.test(found.message) ?? true);
        if (!fits) throw new Error(`it is ${JSON.stringify(found)}`);
        return found;
      },
      {
        because: `${type} of ${name} should be ${JSON.stringify({ ...wanted, message: wanted.message?.source })}`,
        timeoutMs: 55_000,
      },
    );
  }

  ready(name: string): Promise<Condition> {
    return this.condition(name, 'Ready', { status: 'True' });
  }

  async configMap(name: string, data: Record<string, string>, namespace = this.namespace): Promise<void> {
    await this.#must('POST', `/api/v1/namespaces/${namespace}/configmaps`, { metadata: { name }, data });
  }

  async patchConfigMap(name: string, patch: object, namespace = this.namespace): Promise<void> {
    const headers = { 'content-type': 'application/merge-patch+json' };
    await this.#must('PATCH', `/api/v1/namespaces/${namespace}/configmaps/${name}`, patch, headers);
  }

  async deleteConfigMap(name: string, namespace = this.namespace): Promise<void> {
    await this.#must('DELETE', `/api/v1/namespaces/${namespace}/configmaps/${name}`);
  }

  async workload(
    plural: 'deployments' | 'statefulsets' | 'daemonsets',
    name: string,
    namespace = this.namespace,
  ): Promise<void> {
    const labels = { app: name };
    const spec = {
      ...(plural === 'daemonsets' ? {} : { replicas: 1 }),
      ...(plural === 'statefulsets' ? { serviceName: name } : {}),
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: 'main', image: 'busybox' }] } },
    };
    const kind = { deployments: 'Deployment', statefulsets: 'StatefulSet', daemonsets: 'DaemonSet' }[plural];
    await this.#must('POST', `/apis/apps/v1/namespaces/${namespace}/${plural}`, {
      kind,
      apiVersion: 'apps/v1',
      metadata: { name },
      spec,
    });
  }

  async deleteWorkload(plural: string, name: string, namespace = this.namespace): Promise<void> {
    await this.#must('DELETE', `/apis/apps/v1/namespaces/${namespace}/${plural}/${name}`);
  }

  /** Lets the containers of a Deployment take their environment from a ConfigMap. */
  async uses(deployment: string, configMap: string): Promise<void> {
    const containers = [{ name: 'main', image: 'busybox', envFrom: [{ configMapRef: { name: configMap } }] }];
    const path = `/apis/apps/v1/namespaces/${this.namespace}/deployments/${deployment}`;
    const merge = { 'content-type': 'application/merge-patch+json' };
    const { status, text } = await this.cluster.request(
      'PATCH',
      path,
      { spec: { template: { spec: { containers } } } },
      merge,
    );
    if (status !== 200) throw new Error(`${deployment} was not patched: ${status} ${text}`);
  }

  async template(plural: string, name: string, namespace = this.namespace): Promise<Template> {
    const path = `/apis/apps/v1/namespaces/${namespace}/${plural}/${name}`;
    const { json } = await this.cluster.request<{
      metadata: { generation: number };
      spec: { template: { metadata: { annotations?: Record<string, string> } } };
    }>('GET', path);
    return { generation: json.metadata.generation, annotations: json.spec.template.metadata.annotations ?? {} };
  }

  /** Waits until the workload was rolled exactly `times` since `before`, and returns its template. */
  async rolled(
    plural: string,
    name: string,
    from: { before: Template; times?: number; namespace?: string },
  ): Promise<Template> {
    const { before, times = 1, namespace = this.namespace } = from;
    return eventually(
      async () => {
        const now = await this.template(plural, name, namespace);
        if (now.generation !== before.generation + times)
          throw new Error(`generation ${before.generation} → ${now.generation}`);
        return now;
      },
      { because: `${plural}/${name} should have been rolled ${times} times` },
    );
  }

  async events(name: string): Promise<{ reason: string; message: string; type: string }[]> {
    const path = `/api/v1/namespaces/${this.namespace}/events?fieldSelector=involvedObject.name%3D${name}`;
    const { json } = await this.cluster.request<{ items: { reason: string; message: string; type: string }[] }>(
      'GET',
      path,
    );
    return json.items;
  }

  async checkpoints(): Promise<{ metadata: { name: string }; records?: Record<string, string> }[]> {
    const { json } = await this.cluster.request<{
      items: { metadata: { name: string }; records?: Record<string, string> }[];
    }>('GET', `${RULES}/${this.namespace}/triggercheckpoints`);
    return json.items;
  }

  async must(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<void> {
    await this.#must(method, path, body, headers);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stopOperator();
    await this.cluster.stop();
  }

  #rulePath(): string {
    return `${RULES}/${this.namespace}/triggerrules`;
  }

  async #must(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<void> {
    const answer = await this.cluster.request(method, path, body, headers);
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${answer.text}`);
  }
}

/** Test files share the real cluster: whoever comes second finds the definitions there. */
async function install(cluster: TestCluster, definition: object): Promise<void> {
  const { name } = (definition as { metadata: { name: string } }).metadata;
  const path = `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${name}`;
  if ((await cluster.request('GET', path)).status === 404) {
    await installCrd(cluster.client, definition).catch((error: unknown) => {
      if (!String(error).includes('409')) throw error;
    });
  }
  const { plural } = (definition as { spec: { names: { plural: string } } }).spec.names;
  await eventually(
    async () => (await cluster.request('GET', `/apis/app.example.com/v1alpha1/${plural}`)).status === 200,
    {
      because: `${plural} should be served`,
    },
  );
}

/** The seed's form of a rule. */
export function seedRule(
  target: { kind: string; name: string; namespace?: string },
  source: { name: string; namespace?: string },
): object {
  return {
    sources: [{ objectRef: { kind: 'ConfigMap', ...source } }],
    actions: [{ updatePodTemplate: { objectRef: target } }],
  };
}

/** A spec that is wrong in its shape is sent as it is. */
function atOnce(spec: object): object {
  if (typeof spec !== 'object') return spec;
  const { delivery = {} } = spec as { delivery?: object | null };
  if (typeof delivery !== 'object' || delivery === null) return spec;
  return { ...spec, delivery: { coalesce: { quietSeconds: 0 }, ...delivery } };
}
