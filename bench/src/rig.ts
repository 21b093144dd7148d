import { bundledRegistry, definitions } from '@kube-trigger/operator';
import { type ApiObject, type ApiResponse, eventually, type TestCluster } from '@kube-trigger/testing';
import { dataOf, stateOf } from './states.js';

/** The definitions of kube-trigger as texts, for a cluster's `crds`. */
export function definitionTexts(): string[] {
  return definitions(bundledRegistry()).map((definition) => JSON.stringify(definition, null, 2));
}

const GROUP = '/apis/app.example.com/v1alpha1';
const MERGE = { 'content-type': 'application/merge-patch+json' };

export type TargetKind = 'Deployment' | 'StatefulSet';

export interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
}

/** What a checkpoint says of a source's one key. */
export interface Remembered {
  readonly settled: string | null;
  readonly begun: string | undefined;
}

/** A rule with its one source and its one target, all of the same name, as users would make them; or with an action of its own, without target. */
export class Trio {
  constructor(
    private readonly cluster: TestCluster,
    readonly namespace: string,
    readonly name: string,
    readonly kind: TargetKind,
  ) {}

  /** The source is in `state` from the start. `source` replaces the rule's source in the example's form, `action` the rollout. */
  async create(
    state: number,
    source: object = { objectRef: { kind: 'ConfigMap', name: this.name } },
    action?: object,
  ): Promise<void> {
    const { namespace, name, kind } = this;
    await this.createSource(state);
    if (action === undefined) {
      await this.#must('POST', `/apis/apps/v1/namespaces/${namespace}/${kind.toLowerCase()}s`, workload(kind, name));
    }
    await this.#must('POST', `${GROUP}/namespaces/${namespace}/triggerrules`, {
      apiVersion: 'app.example.com/v1alpha1',
      kind: 'TriggerRule',
      metadata: { name },
      spec: {
        sources: [source],
        actions: [action ?? { updatePodTemplate: { objectRef: { kind, name } } }],
        // The latency that is measured is the operator's own.
        delivery: { coalesce: { quietSeconds: 0 } },
      },
    });
  }

  async createSource(state: number): Promise<void> {
    const path = `/api/v1/namespaces/${this.namespace}/configmaps`;
    await this.#must('POST', path, { metadata: { name: this.name }, data: dataOf(state) });
  }

  /** Replaces the source's data. */
  async write(state: number): Promise<void> {
    await this.#must('PUT', this.#source, { metadata: { name: this.name }, data: dataOf(state) });
  }

  /** Changes the source's metadata only. */
  async touch(note: string): Promise<void> {
    await this.#must('PATCH', this.#source, { metadata: { labels: { note } } }, MERGE);
  }

  async deleteSource(): Promise<void> {
    await this.#must('DELETE', this.#source);
  }

  /** The source's state now. */
  async read(): Promise<number | undefined> {
    return stateOf((await this.#must('GET', this.#source)).json.data);
  }

  async targetVersion(): Promise<string> {
    const { namespace, name, kind } = this;
    const path = `/apis/apps/v1/namespaces/${namespace}/${kind.toLowerCase()}s/${name}`;
    return (await this.#must('GET', path)).json.metadata.resourceVersion;
  }

  async condition(type: string): Promise<Condition | undefined> {
    const { json } = await this.#must('GET', `${GROUP}/namespaces/${this.namespace}/triggerrules/${this.name}`);
    const { conditions = [] } = (json.status ?? {}) as { conditions?: Condition[] };
    return conditions.find((condition) => condition.type === type);
  }

  /** Waits until the rule is Ready. */
  async ready(timeoutMs = 30_000): Promise<void> {
    await eventually(
      async () => {
        const found = await this.condition('Ready');
        if (found?.status !== 'True') throw new Error(`Ready is ${JSON.stringify(found)}`);
        return true;
      },
      { timeoutMs, because: `rule ${this.name} should be Ready` },
    );
  }

  /** Every checkpoint object of this rule, with its version. */
  async checkpoints(): Promise<ApiObject[]> {
    const { json } = await this.#must('GET', `${GROUP}/namespaces/${this.namespace}/triggercheckpoints`);
    return (json.items ?? []).filter(({ metadata }) =>
      metadata.ownerReferences?.some((owner) => (owner as { name: string }).name === this.name),
    );
  }

  /** What the checkpoint remembers of the source. Undefined before its baseline. */
  async remembered(): Promise<Remembered | undefined> {
    for (const { records = {} } of (await this.checkpoints()) as { records?: Record<string, string> }[]) {
      const record = Object.entries(records).find(([name]) => name.includes('/'))?.[1];
      if (record === undefined) continue;
      const [settled, , , begun] = JSON.parse(record) as [string | null, number, unknown?, [string]?];
      return { settled, begun: begun?.[0] };
    }
    return undefined;
  }

  get #source(): string {
    return `/api/v1/namespaces/${this.namespace}/configmaps/${this.name}`;
  }

  async #must(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<ApiResponse> {
    const answer = await this.cluster.request(method, path, body, headers);
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${answer.text}`);
    return answer;
  }
}

function workload(kind: TargetKind, name: string): object {
  const labels = { app: name };
  return {
    apiVersion: 'apps/v1',
    kind,
    metadata: { name },
    spec: {
      replicas: 1,
      ...(kind === 'StatefulSet' ? { serviceName: name } : {}),
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: 'main', image: 'busybox' }] } },
    },
  };
}
