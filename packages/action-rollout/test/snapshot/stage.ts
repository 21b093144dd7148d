import { execFile } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import type { ActionResult, Delivery, TriggerEvent } from '@kube-trigger/core';
import { createKubeClient, type KubeClient, type KubeObject, staticAuth } from '@kube-trigger/kube';
import { eventually, type TestCluster } from '@kube-trigger/testing';
import {
  type FakeContextOptions,
  fakeContext,
  fakeDelivery,
  fakeEvent,
  RecordingLogger,
} from '@kube-trigger/testing/contracts';
import { digestKeyProvider } from '@kube-trigger/kube';
import { asyncScheduler } from 'rxjs';
import { RolloutAction, type RolloutConfig } from '../../src/index.js';
import type { PodSpec } from '../../src/index/references.js';

export interface PodTemplate {
  readonly metadata?: { readonly annotations?: Readonly<Record<string, string>>; readonly labels?: object };
  readonly spec: PodSpec;
}

export interface Config extends KubeObject {
  readonly data?: Readonly<Record<string, string>>;
  readonly immutable?: boolean;
  readonly type?: string;
}

type Run = Omit<Partial<Delivery>, 'event'> & {
  readonly event?: Partial<TriggerEvent>;
  readonly context?: FakeContextOptions;
};

const PLURALS = {
  ConfigMap: 'api/v1/configmaps',
  Secret: 'api/v1/secrets',
  Deployment: 'apis/apps/v1/deployments',
  StatefulSet: 'apis/apps/v1/statefulsets',
  DaemonSet: 'apis/apps/v1/daemonsets',
  ReplicaSet: 'apis/apps/v1/replicasets',
};

/** One namespace of a cluster, with an action whose rule has `configSnapshot`. */
export class SnapshotStage implements AsyncDisposable {
  readonly logger = new RecordingLogger();
  readonly kube: KubeClient;
  /** Where objects of a kind are: `apis/apps/v1/deployments`. */
  readonly places: Record<string, string> = { ...PLURALS };
  action: RolloutAction;

  private constructor(
    readonly cluster: TestCluster,
    readonly namespace: string,
  ) {
    this.kube = this.client(cluster.token);
    this.action = this.newAction();
  }

  static async open(cluster: TestCluster): Promise<SnapshotStage> {
    return new SnapshotStage(cluster, await cluster.createNamespace('snapshot'));
  }

  client(token: string): KubeClient {
    const auth = staticAuth({ server: this.cluster.url, ca: this.cluster.ca, token });
    return createKubeClient({ auth, logger: this.logger });
  }

  /** Another process: what the last one knew is gone. */
  newAction(kube = this.kube): RolloutAction {
    return new RolloutAction(kube, undefined, digestKeyProvider(this.kube, this.namespace));
  }

  path(kind: string, name = '', of = this.places[kind] ?? ''): string {
    const [, prefix, plural] = /^(.*)\/([^/]+)$/.exec(of) ?? [];
    return `/${prefix}/namespaces/${this.namespace}/${plural}${name === '' ? '' : `/${name}`}`;
  }

  async make(kind: string, body: { metadata: { name: string } } & Record<string, unknown>): Promise<KubeObject> {
    const { status, text, json } = await this.cluster.request('POST', this.path(kind), body);
    if (status !== 201) throw new Error(`${kind} ${body.metadata.name}: ${status} ${text}`);
    return json as KubeObject;
  }

  configMap(name: string, data: Readonly<Record<string, string>>): Promise<KubeObject> {
    return this.make('ConfigMap', { metadata: { name }, data });
  }

  /** A workload `web` whose pods are made of `pod`. */
  async workload(kind: string, pod: object, spec: object = {}): Promise<void> {
    const template = {
      metadata: { labels: { app: 'web' } },
      spec: { containers: [{ name: 'web', image: 'web:1' }], ...pod },
    };
    const more = kind === 'StatefulSet' ? { serviceName: 'web' } : {};
    await this.make(kind, {
      metadata: { name: 'web' },
      spec: { selector: { matchLabels: { app: 'web' } }, template, ...more, ...spec },
    });
  }

  async patch(kind: string, name: string, patch: object, manager = 'kubectl-edit'): Promise<void> {
    const { status, text } = await this.cluster.request(
      'PATCH',
      `${this.path(kind, name)}?fieldManager=${manager}`,
      patch,
      {
        'content-type': 'application/strategic-merge-patch+json',
      },
    );
    if (status !== 200) throw new Error(`${kind} ${name}: ${status} ${text}`);
  }

  async read<T = KubeObject>(kind: string, name: string): Promise<T> {
    const { status, text, json } = await this.cluster.request('GET', this.path(kind, name));
    if (status !== 200) throw new Error(`${kind} ${name}: ${status} ${text}`);
    return json as T;
  }

  async template(kind = 'Deployment', name = 'web'): Promise<PodTemplate> {
    return (await this.read<KubeObject & { spec: { template: PodTemplate } }>(kind, name)).spec.template;
  }

  async generation(kind = 'Deployment', name = 'web'): Promise<number> {
    return (await this.read(kind, name)).metadata.generation ?? 0;
  }

  /** The snapshots of a kind that there are, by name. */
  async snapshots(kind = 'ConfigMap'): Promise<Config[]> {
    const { json } = await this.cluster.request<{ items: Config[] }>('GET', this.path(kind));
    return json.items.filter(({ metadata }) => metadata.labels?.['trigger.app.example.com/snapshot-of'] !== undefined);
  }

  /** One delivery about a ConfigMap of this namespace, seen now. */
  run({ event = {}, context = {}, ...delivery }: Run = {}, config: Partial<RolloutConfig> = {}): Promise<ActionResult> {
    const key = `ConfigMap/${this.namespace}/app-config`;
    const { changedKeys, ...about } = event;
    const seen = fakeEvent({ key, observedAtMs: Date.now(), ...about });
    const { changedKeys: _, ...unknown } = seen;
    return this.action.run(
      { referencing: true, strategy: 'annotate', configSnapshot: { history: 5 }, ...config },
      fakeDelivery({ event: changedKeys === undefined ? unknown : { ...seen, changedKeys }, ...delivery }),
      {
        ...fakeContext({ rule: { namespace: this.namespace }, ...context }),
        logger: this.logger,
        scheduler: asyncScheduler,
      },
    );
  }

  /** Changes `app-config` and delivers the change. */
  async change(
    data: Readonly<Record<string, string>>,
    delivery: Run = {},
    config: Partial<RolloutConfig> = {},
  ): Promise<string[]> {
    await this.patch('ConfigMap', 'app-config', { data });
    return said(await this.run({ revision: JSON.stringify(data), ...delivery }, config));
  }

  async kubectl(...args: string[]): Promise<string> {
    const env = { ...process.env, KUBECONFIG: await this.cluster.writeKubeconfig() };
    const { stdout } = await promisify(execFile)(KUBECTL ?? '', ['-n', this.namespace, ...args], {
      env,
      timeout: 30_000,
    });
    return stdout;
  }

  /** The workload's controller has seen its latest template. */
  async observed(kind = 'Deployment'): Promise<void> {
    await eventually(async () => {
      const { metadata, status } = await this.read<KubeObject & { status?: { observedGeneration?: number } }>(
        kind,
        'web',
      );
      return status?.observedGeneration === metadata.generation;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.action.dispose();
    await this.kube.close();
  }
}

/** What there is of kubectl: the recent one, else the one beside the API server's binaries. */
export const KUBECTL = [...(process.env['PATH'] ?? '').split(delimiter), process.env['KUBEBUILDER_ASSETS'] ?? '']
  .filter((folder) => folder !== '')
  .map((folder) => join(folder, 'kubectl'))
  .find((file) => {
    try {
      accessSync(file, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });

export function said({ targets }: ActionResult): string[] {
  return targets
    .map(({ target, outcome, message = '' }) => `${target.split('/')[0]} ${outcome}: ${message}`)
    .toSorted();
}

export const VOLUME = {
  containers: [{ name: 'web', image: 'web:1', volumeMounts: [{ name: 'config', mountPath: '/etc/app' }] }],
  volumes: [{ name: 'config', configMap: { name: 'app-config' } }],
};

/** The name that a volume `config` reads, whichever kind of object that is. */
export function volumeOf({ spec }: PodTemplate): string | undefined {
  const volume = spec.volumes?.find(({ name }) => name === 'config');
  return volume?.configMap?.name ?? volume?.secret?.secretName;
}
