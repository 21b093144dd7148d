import { type ActionResult, type Delivery, isTriggerError, type TriggerError } from '@kube-trigger/core';
import { KubeClientToken, type KubeObject, WELL_KNOWN } from '@kube-trigger/kube';
import {
  configOf,
  type FakeContextOptions,
  fakeContext,
  fakeDelivery,
  fakeEvent,
  makeInstance,
  RecordingKubeClient,
} from '@kube-trigger/testing/contracts';
import {
  webhook,
  type WebhookAction,
  type WebhookConfig,
  type WebhookNetwork,
  WebhookNetworkToken,
} from '../../src/index.js';
import type { AnyPlugin } from '@kube-trigger/testing/contracts';

/** The plugin as the generic helpers take it. */
export const plugin = webhook as unknown as AnyPlugin;

export interface PodFacts {
  readonly ip: string;
  readonly ready?: boolean;
  readonly deleting?: boolean;
  readonly labels?: Record<string, string>;
  readonly namespace?: string;
  /** Mounted at /etc/app. */
  readonly volume?: { readonly name: string };
}

/** A plugin instance as the host makes it, with a fake cluster around it. */
export class Bench implements AsyncDisposable {
  readonly kube = new RecordingKubeClient();
  readonly action: WebhookAction;

  constructor(network: WebhookNetwork = { allowLoopback: true }) {
    this.action = makeInstance(webhook, {
      register: (container) => {
        container.register(KubeClientToken, { useValue: this.kube });
        container.register(WebhookNetworkToken, { useValue: network });
      },
    }) as WebhookAction;
  }

  run(config: object, delivery: Partial<Delivery> = {}, context: FakeContextOptions = {}): Promise<ActionResult> {
    return this.action.run(configOf(plugin, config) as WebhookConfig, fakeDelivery(delivery), fakeContext(context));
  }

  check(config: object, context: FakeContextOptions = {}): Promise<void> {
    return this.action.check(configOf(plugin, config) as WebhookConfig, fakeContext(context));
  }

  /** The rejection, which must be a TriggerError. */
  async failure(
    config: object,
    delivery: Partial<Delivery> = {},
    context: FakeContextOptions = {},
  ): Promise<TriggerError> {
    return triggerError(this.run(config, delivery, context));
  }

  secret(name: string, data: Record<string, string>): void {
    const encoded = Object.entries(data).map(([key, value]) => [key, Buffer.from(value).toString('base64')]);
    this.put(WELL_KNOWN.Secret, name, { data: Object.fromEntries(encoded) as object });
  }

  configMap(name: string, data: Record<string, string>): void {
    this.put(WELL_KNOWN.ConfigMap, name, { data });
  }

  pod(
    name: string,
    { ip, ready = true, deleting = false, labels = { app: 'web' }, namespace = 'shop', volume }: PodFacts,
  ): void {
    const deletion = deleting ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {};
    this.kube.objects.put(WELL_KNOWN.Pod, {
      metadata: { namespace, name, labels, ...deletion },
      spec: {
        ...(volume === undefined ? {} : { volumes: [volume] }),
        containers: [
          {
            name: 'web',
            ports: [{ name: 'reload', containerPort: 1 }],
            ...(volume === undefined ? {} : { volumeMounts: [{ name: volume.name, mountPath: '/etc/app' }] }),
          },
        ],
      },
      status: { podIP: ip, conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] },
    } as KubeObject);
  }

  put(resource: (typeof WELL_KNOWN)['Secret'], name: string, rest: object): void {
    this.kube.objects.put(resource, { metadata: { namespace: 'shop', name }, ...rest });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.action.dispose();
  }
}

export async function triggerError(promise: Promise<unknown>): Promise<TriggerError> {
  const thrown: unknown = await promise.then(
    () => {
      throw new Error('it resolved');
    },
    (error: unknown) => error,
  );
  if (!isTriggerError(thrown)) throw new Error('it rejected with something else', { cause: thrown });
  return thrown;
}

/** Everything an error says, to whoever prints it in whichever way. */
export function everythingIn(error: unknown): string {
  const seen = new Set<unknown>();
  const say = (value: unknown): string => {
    if (typeof value !== 'object' || value === null) return String(value);
    if (seen.has(value)) return '';
    seen.add(value);
    return Reflect.ownKeys(value)
      .map((key) => `${String(key)}=${say((value as Record<PropertyKey, unknown>)[key])}`)
      .join(' ');
  };
  return `${String(error)} ${say(error)}`;
}

export { fakeDelivery, fakeEvent };
