import type { ActionResult, Delivery } from '@kube-trigger/core';
import { createKubeClient, type KubeClient, staticAuth } from '@kube-trigger/kube';
import { type ApiObject, eventually, type TestCluster } from '@kube-trigger/testing';
import { fakeContext, fakeDelivery, fakeEvent, RecordingLogger } from '@kube-trigger/testing/contracts';
import { asyncScheduler, firstValueFrom, race, timer } from 'rxjs';
import { RolloutAction, type RolloutConfig } from '../../src/index.js';
import { PLAYED, PlayedNode } from './played-node.js';

export const MERGE = { 'content-type': 'application/merge-patch+json' };
export const LABELS = { app: 'web' };
const MARK = 'trigger.app.example.com/shop.example';
const MAX_DRIVE_MS = 60_000;

export interface Workload extends ApiObject {
  readonly spec: { readonly template: object };
}

export interface Driving {
  /** Each run is that of another process. */
  readonly killed?: boolean;
  readonly delivery?: Partial<Delivery>;
  /** Ends it before it is through. */
  readonly enough?: (result: ActionResult) => boolean;
}

export function configOf(more: Partial<RolloutConfig>): RolloutConfig {
  return { strategy: 'evict', ...more };
}

/** One namespace of a cluster, whose pods a played kubelet runs. */
export class EvictStage implements AsyncDisposable {
  readonly kube: KubeClient;
  readonly node: PlayedNode;

  private constructor(
    readonly cluster: TestCluster,
    readonly namespace: string,
  ) {
    this.kube = this.clientOf(cluster.token);
    this.node = new PlayedNode(cluster, namespace);
  }

  static async open(cluster: TestCluster): Promise<EvictStage> {
    return new EvictStage(cluster, await cluster.createNamespace('evict'));
  }

  clientOf(token: string): KubeClient {
    const auth = staticAuth({ server: this.cluster.url, ca: this.cluster.ca, token });
    return createKubeClient({ auth, logger: new RecordingLogger() });
  }

  pathOf(plural: string, name = '', group = 'apps/v1'): string {
    const api = group === 'v1' ? '/api' : '/apis';
    return `${api}/${group}/namespaces/${this.namespace}/${plural}${name === '' ? '' : `/${name}`}`;
  }

  make(path: string, body: object): Promise<ApiObject> {
    return eventually(
      async () => {
        const made = await this.cluster.request('POST', path, body);
        if (made.status !== 201) throw new Error(`${path}: ${made.status} ${made.text}`);
        return made.json;
      },
      { because: 'a namespace has its service account a moment later' },
    );
  }

  async read<T extends ApiObject = Workload>(path: string): Promise<T> {
    return (await this.cluster.request<T>('GET', path)).json;
  }

  template(labels: object = LABELS) {
    return {
      metadata: { labels },
      spec: { ...PLAYED, containers: [{ name: 'web', image: 'web:1' }] },
    };
  }

  /** A workload `web` of three pods, unless told otherwise. Resolves with their uids once all are ready. */
  async makeWorkload(plural: string, spec: object = {}): Promise<string[]> {
    const more = plural === 'statefulsets' ? { serviceName: 'web', podManagementPolicy: 'Parallel' } : {};
    const body = { replicas: 3, selector: { matchLabels: LABELS }, template: this.template(), ...more, ...spec };
    await this.make(this.pathOf(plural), { metadata: { name: 'web' }, spec: body });
    const before = await this.allReady(body.replicas);
    this.node.leastReady = Infinity;
    return before;
  }

  allReady(count: number): Promise<string[]> {
    return eventually(
      async () => {
        const uids = await this.node.ready();
        return uids.length === count ? uids : undefined;
      },
      { because: `${count} pods should be ready`, timeoutMs: 30_000 },
    );
  }

  async markOf(path: string): Promise<string | undefined> {
    return (await this.read(path)).metadata.annotations?.[MARK];
  }

  /** A rule for the workload `web`. */
  named(kind: string, more: Partial<RolloutConfig> = {}): RolloutConfig {
    return configOf({ objectRef: { kind, name: 'web', namespace: this.namespace }, ...more });
  }

  runOnce(action: RolloutAction, config: RolloutConfig, delivery: Partial<Delivery> = {}): Promise<ActionResult> {
    const event = fakeEvent({ key: `ConfigMap/${this.namespace}/app-config`, observedAtMs: Date.now() });
    const context = { ...fakeContext({ rule: { namespace: 'shop' } }), scheduler: asyncScheduler };
    return action.run(config, fakeDelivery({ event, ...delivery }), context);
  }

  /** Runs it as the host does, to its end, and says what it waited for. */
  async drive(config: RolloutConfig, { killed = false, delivery = {}, enough = () => false }: Driving = {}) {
    const said: string[] = [];
    const done = new Set<string>();
    let action = new RolloutAction(this.kube);
    const endMs = Date.now() + MAX_DRIVE_MS;
    for (let redelivered = delivery.redelivered ?? false; ; redelivered = true) {
      const result = await this.runOnce(action, config, { ...delivery, redelivered });
      for (const { target, outcome } of result.targets) if (outcome === 'done') done.add(target);
      if (result.outcome === 'waiting' && said.at(-1) !== result.because) said.push(result.because);
      if (result.outcome !== 'waiting' || enough(result)) {
        action.dispose();
        return { said, done: [...done], result };
      }
      if (Date.now() > endMs) throw new Error(`still waiting: ${said.join(' | ')}`);
      await moved(result);
      if (!killed) continue;
      action.dispose();
      action = new RolloutAction(this.kube);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.node[Symbol.asyncDispose]();
    await this.kube.close();
  }
}

async function moved(result: ActionResult): Promise<void> {
  if (result.outcome !== 'waiting' || result.until === undefined) return;
  await firstValueFrom(race(result.until, timer(200)), { defaultValue: undefined });
}
