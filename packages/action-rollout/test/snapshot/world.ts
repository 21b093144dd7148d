import { type ActionResult, type Delivery, isTriggerError, type TriggerEvent } from '@kube-trigger/core';
import { type DigestKey, type KubeObject, type ObjectRef, WELL_KNOWN } from '@kube-trigger/kube';
import {
  type FakeContext,
  fakeContext,
  fakeDelivery,
  fakeEvent,
  RecordingKubeClient,
} from '@kube-trigger/testing/contracts';
import { createHmac } from 'node:crypto';
import { RolloutAction, type RolloutConfig } from '../../src/index.js';
import type { PodSpec } from '../../src/index/references.js';
import { putDeployment } from '../world.js';

const { ConfigMap, Secret, Deployment } = WELL_KNOWN;

export const CONFIG: RolloutConfig = { referencing: true, strategy: 'annotate', configSnapshot: { history: 2 } };

export interface Stored extends KubeObject {
  readonly data?: Readonly<Record<string, string>>;
  readonly immutable?: boolean;
  readonly spec?: { readonly template: { readonly metadata: KubeObject['metadata']; readonly spec: PodSpec } };
}

/** A key as the operator has one. */
export function keyNamed(name: string): DigestKey {
  const hmac = (...items: readonly (string | Uint8Array)[]) => {
    const made = createHmac('sha256', name);
    for (const item of items) made.update(`${Buffer.byteLength(item)}:`).update(item);
    return made.digest('base64url');
  };
  return { id: hmac('id').slice(0, 12), hmac };
}

type Run = Partial<Omit<Delivery, 'event'>> & { readonly event?: Partial<TriggerEvent> };

/** A namespace `shop` with the ConfigMap `app-config`, and one action after another on it. */
export class SnapshotWorld {
  readonly context: FakeContext = fakeContext();
  key = keyNamed('first');
  action: RolloutAction;

  constructor(readonly kube = new RecordingKubeClient()) {
    this.action = this.newAction();
    this.put('app-config', { 'app.conf': 'v1' });
  }

  /** Another process, which knows nothing of what the last one did. */
  newAction(kube = this.kube): RolloutAction {
    return new RolloutAction(kube, undefined, () => Promise.resolve(this.key));
  }

  put(name: string, data: Readonly<Record<string, string>>, more: object = {}): void {
    this.kube.objects.put(ConfigMap, { metadata: { namespace: 'shop', name }, data, ...more } as KubeObject);
  }

  putSecret(name: string, data: Readonly<Record<string, string>>, type = 'Opaque'): void {
    this.kube.objects.put(Secret, { metadata: { namespace: 'shop', name }, type, data } as KubeObject);
  }

  get(ref: Pick<ObjectRef, 'resource' | 'name'>): Stored | undefined {
    return this.kube.objects.get({ namespace: 'shop', ...ref });
  }

  /** One delivery about `app-config`, a moment after the last one. */
  async run(delivery: Run = {}, config = CONFIG): Promise<ActionResult> {
    await this.context.scheduler.advance(1000);
    const { changedKeys: _, ...unknown } = fakeEvent({ observedAtMs: this.context.scheduler.now() });
    const event = { ...unknown, ...delivery.event };
    return this.deliver(fakeDelivery({ revision: `r${event.observedAtMs}`, ...delivery, event }), config);
  }

  /** Resolves after what is collected in the background, too. */
  async deliver(delivery: Delivery, config = CONFIG): Promise<ActionResult> {
    try {
      return await this.action.run(config, delivery, this.context);
    } finally {
      await this.context.scheduler.settle();
    }
  }

  async change(data: Readonly<Record<string, string>>, config = CONFIG): Promise<string> {
    this.put('app-config', data);
    return told(await this.run({}, config));
  }

  /** A Deployment `web` that reads `app-config` as a volume, unless told otherwise. */
  deploy(pod: object = VOLUME, parts: object = {}): void {
    putDeployment(this.kube, 'web', { pod, ...parts });
  }

  template(name = 'web') {
    const { metadata = {}, spec = {} } = this.get({ resource: Deployment, name })?.spec?.template ?? {};
    return { annotations: metadata.annotations ?? {}, spec };
  }

  generation(name = 'web'): number | undefined {
    return this.get({ resource: Deployment, name })?.metadata.generation;
  }

  /** What the volume of `web` reads. */
  get reads(): string {
    return this.template().spec.volumes?.[0]?.configMap?.name ?? '';
  }

  /** Names of the snapshots that there are. */
  snapshots(resource: typeof ConfigMap = ConfigMap): string[] {
    return this.kube.objects
      .all(resource)
      .filter(({ metadata }) => metadata.labels?.['trigger.app.example.com/snapshot-of'] !== undefined)
      .map(({ metadata }) => metadata.name ?? '')
      .toSorted();
  }
}

export const VOLUME = {
  containers: [{ name: 'web', image: 'web:1', volumeMounts: [{ name: 'config', mountPath: '/etc/app' }] }],
  volumes: [{ name: 'config', configMap: { name: 'app-config' } }],
};

export function told({ targets }: ActionResult): string {
  return targets
    .filter(({ target }) => !target.endsWith('*'))
    .map(({ outcome, message = '' }) => `${outcome}: ${message}`)
    .join(' | ');
}

/** Code and retry of what a promise rejects with. */
export async function codeOf(promise: Promise<unknown>): Promise<[string, unknown]> {
  const error = await promise.catch((thrown: unknown) => thrown);
  if (!isTriggerError(error)) throw new Error(`no TriggerError: ${JSON.stringify(error)}`);
  return [error.code, error.retry];
}
