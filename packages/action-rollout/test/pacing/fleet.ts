import { type ActionResult, isTriggerError } from '@kube-trigger/core';
import { VirtualClock } from '@kube-trigger/core/testing';
import { type KubeObject, type ObjectRef, type PatchOptions, WELL_KNOWN } from '@kube-trigger/kube';
import { fakeContext, fakeDelivery, fakeEvent, RecordingKubeClient } from '@kube-trigger/testing/contracts';
import { RolloutAction, type RolloutConfig } from '../../src/index.js';
import type { Pacing } from '../../src/pacing/config.js';
import { Deployment } from '../world.js';

export const REVISION = 'trigger.app.example.com/shop.example';
export const UNDONE = 'trigger.app.example.com/undone_shop.example';

interface Stored extends KubeObject {
  readonly metadata: KubeObject['metadata'] & { readonly managedFields?: readonly { readonly manager: string }[] };
  readonly spec: {
    readonly replicas?: number;
    readonly template: { readonly metadata?: { readonly annotations?: Readonly<Record<string, string>> } };
  };
}

/** Notes who wrote our annotations and when, as an API server does, to the second. */
class StampingKube extends RecordingKubeClient {
  constructor(private readonly clock: VirtualClock) {
    super();
  }

  override async patch<T = KubeObject>(ref: ObjectRef, body: object, options: PatchOptions): Promise<T> {
    const patched = await super.patch<Stored>(ref, body, options);
    const manager = options.fieldManager ?? 'kube-trigger';
    const time = new Date(Math.floor(this.clock.now() / 1000) * 1000).toISOString();
    const { metadata, spec } = body as Partial<Stored>;
    const fieldsV1 = {
      'f:metadata': { 'f:annotations': fieldsOf(metadata?.annotations) },
      'f:spec': { 'f:template': { 'f:metadata': { 'f:annotations': fieldsOf(spec?.template.metadata?.annotations) } } },
    };
    const others = patched.metadata.managedFields?.filter((each) => each.manager !== manager) ?? [];
    const managedFields = [...others, { manager, operation: 'Update', time, fieldsV1 }];
    return this.objects.put(ref.resource, {
      ...patched,
      metadata: { ...patched.metadata, managedFields },
    } as Stored) as T;
  }
}

function fieldsOf(annotations: object | null | undefined): object {
  return Object.fromEntries(
    Object.entries(annotations ?? {}).flatMap(([name, value]) => (value === null ? [] : [[`f:${name}`, {}]])),
  );
}

export interface Said {
  readonly outcome: ActionResult['outcome'] | 'failed';
  readonly because?: string | undefined;
  readonly fix?: string | undefined;
  readonly result?: ActionResult;
}

/** Deployments without a controller: the test says how far each is. */
export class Fleet {
  readonly clock = new VirtualClock();
  readonly kube = new StampingKube(this.clock);
  action = new RolloutAction(this.kube);

  put(name: string, labels: Readonly<Record<string, string>> = {}, more: object = {}): void {
    this.kube.objects.put(Deployment, {
      metadata: { namespace: 'shop', name, labels },
      spec: {
        replicas: 3,
        selector: { matchLabels: { app: name } },
        template: { metadata: { labels: { app: name } }, spec: {} },
        ...more,
      },
    } as KubeObject);
    this.complete(name);
  }

  ref(name: string): ObjectRef {
    return { resource: Deployment, namespace: 'shop', name };
  }

  get(name: string): Stored {
    return this.kube.objects.get(this.ref(name)) as Stored;
  }

  revisionOf(name: string): string | undefined {
    return this.get(name).spec.template.metadata?.annotations?.[REVISION];
  }

  /** Who carries a revision. */
  with(revision: string): string[] {
    return this.kube.objects
      .all(Deployment)
      .map(({ metadata }) => metadata.name ?? '')
      .filter((name) => this.revisionOf(name) === revision)
      .toSorted();
  }

  status(name: string, status: object): void {
    const object = this.get(name);
    this.kube.objects.put(Deployment, {
      ...object,
      status: { observedGeneration: object.metadata.generation, ...status },
    } as KubeObject);
  }

  complete(...names: readonly string[]): void {
    for (const name of names) {
      const { replicas = 1 } = this.get(name).spec;
      this.status(name, { replicas, updatedReplicas: replicas, availableReplicas: replicas });
    }
  }

  rolling(name: string, updatedReplicas = 1): void {
    this.status(name, { replicas: 3, updatedReplicas, availableReplicas: 3 });
  }

  stuck(name: string): void {
    const conditions = [{ type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded' }];
    this.status(name, { replicas: 4, updatedReplicas: 1, availableReplicas: 3, conditions });
  }

  /** Its own annotations are these from now on. */
  annotate(name: string, annotations: Readonly<Record<string, string>>): void {
    const { metadata, ...rest } = this.get(name);
    const annotated: Stored = { ...rest, metadata: { ...metadata, annotations } };
    this.kube.objects.put(Deployment, annotated);
  }

  /** A pod made of the present template. */
  putPod(owner: string, status: object): void {
    const { template } = this.get(owner).spec;
    const creationTimestamp = new Date(this.clock.now()).toISOString();
    const metadata = {
      namespace: 'shop',
      name: `${owner}-x`,
      creationTimestamp,
      labels: { app: owner },
      ...template.metadata,
    };
    this.kube.objects.put(WELL_KNOWN.Pod, { metadata, status } as KubeObject);
  }

  /** As after a kill: what the process knew is gone. */
  restart(): void {
    this.action = new RolloutAction(this.kube);
  }

  async run(
    pacing: Pacing,
    delivery: Parameters<typeof fakeDelivery>[0] = {},
    more: Partial<RolloutConfig> = {},
    signal?: AbortSignal,
  ): Promise<Said> {
    const config: RolloutConfig = { strategy: 'annotate', selector: { kind: 'Deployment' }, ...more, pacing };
    const event = fakeEvent({ observedAtMs: Date.UTC(2026, 0, 1), ...delivery.event });
    const context = fakeContext({ scheduler: this.clock, signal });
    try {
      const result = await this.action.run(config, fakeDelivery({ redelivered: true, ...delivery, event }), context);
      return { outcome: result.outcome, result, because: result.outcome === 'waiting' ? result.because : undefined };
    } catch (thrown) {
      if (!isTriggerError(thrown)) throw thrown;
      return {
        outcome: 'failed',
        because: `${thrown.code} ${typeof thrown.retry === 'string' ? thrown.retry : 'later'}: ${thrown.message}`,
        fix: thrown.fix,
      };
    }
  }
}
