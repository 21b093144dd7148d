import type { ApiObject, TestCluster } from '@kube-trigger/testing';
import { pause } from '../pause.js';
import { each } from './pace.js';

const GROUP = '/apis/app.example.com/v1alpha1';
const MERGE = { 'content-type': 'application/merge-patch+json' };
/** What peers read on a workload; kube-trigger reads rules. */
const MARKS = { 'reloader.stakater.com/auto': 'true' };

/**
 * ConfigMaps, Deployments that use them, and rules between the two, in one namespace. Deployments refer to their ConfigMap and carry the
 * marks of peers, so that whichever controller is under test has something to go by.
 */
export class Fixture {
  constructor(
    readonly cluster: TestCluster,
    readonly namespace: string,
  ) {}

  static async in(cluster: TestCluster, prefix = 'bench'): Promise<Fixture> {
    return new Fixture(cluster, await cluster.createNamespace(prefix));
  }

  /** `count` of each: `app-0` … */
  async pairs(count: number): Promise<void> {
    await each(count, async (i) => {
      await this.configMap(`app-${i}`);
      await this.deployment(`app-${i}`, `app-${i}`);
      await this.rule(`app-${i}`, rollsOnChange(`app-${i}`, `app-${i}`));
    });
  }

  async configMap(name: string, labels: Readonly<Record<string, string>> = {}): Promise<void> {
    const path = `/api/v1/namespaces/${this.namespace}/configmaps`;
    await this.must('POST', path, { metadata: { name, labels }, data: { state: '0' } });
  }

  /** `uses`: the ConfigMap that its containers take their environment from. */
  async deployment(name: string, uses?: string): Promise<void> {
    const labels = { app: name };
    const envFrom = uses === undefined ? {} : { envFrom: [{ configMapRef: { name: uses } }] };
    await this.must('POST', `/apis/apps/v1/namespaces/${this.namespace}/deployments`, {
      metadata: { name, labels, annotations: MARKS },
      spec: {
        replicas: 1,
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: { containers: [{ name: 'main', image: 'busybox', ...envFrom }] } },
      },
    });
  }

  async rule(name: string, spec: object): Promise<void> {
    await this.must('POST', `${GROUP}/namespaces/${this.namespace}/triggerrules`, {
      apiVersion: 'app.example.com/v1alpha1',
      kind: 'TriggerRule',
      metadata: { name },
      spec,
    });
  }

  /** Changes the data of a ConfigMap. */
  async write(name: string, state: number): Promise<void> {
    const path = `/api/v1/namespaces/${this.namespace}/configmaps/${name}`;
    await this.must('PATCH', path, { data: { state: String(state) } }, MERGE);
  }

  /** Deletes a ConfigMap. */
  async remove(name: string): Promise<void> {
    await this.must('DELETE', `/api/v1/namespaces/${this.namespace}/configmaps/${name}`);
  }

  /** How often a Deployment's spec was written. */
  async generation(deployment: string): Promise<number> {
    const { json } = await this.must('GET', `/apis/apps/v1/namespaces/${this.namespace}/deployments/${deployment}`);
    return (json.metadata as { generation?: number }).generation ?? 0;
  }

  /** Changes nothing but a label of a ConfigMap. */
  async touch(name: string, note: string): Promise<void> {
    const path = `/api/v1/namespaces/${this.namespace}/configmaps/${name}`;
    await this.must('PATCH', path, { metadata: { labels: { note } } }, MERGE);
  }

  /** Resolves when every rule is Ready: its sources are seen and what they are is stored. `isAlive` throws when that will never be. */
  async rulesReady(timeoutMs = 120_000, isAlive: () => void = () => undefined): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      const askedAt = performance.now();
      const items = await this.#list(`${GROUP}/namespaces/${this.namespace}/triggerrules`);
      const waiting = items.filter((rule) => !isReady(rule));
      if (waiting.length === 0) return;
      isAlive();
      if (performance.now() > deadline)
        throw new Error(
          `every rule should be Ready: ${waiting.length} of ${items.length} are not, e.g. ${aside(waiting[0])}`,
        );
      // A list of 10,000 rules takes the API server seconds, which it is to spend on the controller.
      await pause(Math.max(2000, 5 * (performance.now() - askedAt)));
    }
  }

  async #list(path: string): Promise<ApiObject[]> {
    const { json } = await this.must('GET', path);
    return json.items ?? [];
  }

  async must(method: string, path: string, body?: unknown, headers?: Record<string, string>) {
    const answer = await this.cluster.request(method, path, body, headers);
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${answer.text.slice(0, 300)}`);
    return answer;
  }
}

/** A rule's spec: the seed's form, with each change delivered at once. */
export function rollsOnChange(configMap: string, deployment: string): object {
  return {
    sources: [{ objectRef: { kind: 'ConfigMap', name: configMap } }],
    actions: [{ updatePodTemplate: { objectRef: { kind: 'Deployment', name: deployment } } }],
    delivery: { coalesce: { quietSeconds: 0 } },
  };
}

function conditionsOf(rule: ApiObject): { type: string; status: string; message: string }[] {
  return (rule.status as { conditions?: { type: string; status: string; message: string }[] })?.conditions ?? [];
}

function isReady(rule: ApiObject): boolean {
  return conditionsOf(rule).some(({ type, status }) => type === 'Ready' && status === 'True');
}

function aside(rule: ApiObject | undefined): string {
  return rule === undefined ? '' : `${rule.metadata.name}: ${JSON.stringify(conditionsOf(rule))}`;
}
