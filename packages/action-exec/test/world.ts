import { type ActionResult, type Delivery, isTriggerError, type TriggerError } from '@kube-trigger/core';
import { KubeClientToken, type KubeObject, WELL_KNOWN } from '@kube-trigger/kube';
import {
  type AnyPlugin,
  configOf,
  fakeContext,
  fakeDelivery,
  makeInstance,
  RecordingKubeClient,
} from '@kube-trigger/testing/contracts';
import { exec, type ExecAction, type ExecConfig } from '../src/index.js';

/** The plugin as the generic helpers take it. */
export const plugin = exec as unknown as AnyPlugin;

export interface PodFacts {
  readonly ready?: boolean;
  readonly deleting?: boolean;
  readonly labels?: Record<string, string>;
  readonly annotations?: Record<string, string>;
  readonly containers?: readonly string[];
  readonly sidecars?: readonly string[];
  /** The ConfigMap that each container mounts at /etc/app. */
  readonly mounts?: string;
}

/** A plugin instance as the host makes it, with a fake cluster around it. */
export class World {
  readonly action: ExecAction;

  constructor(readonly kube = new RecordingKubeClient()) {
    this.action = makeInstance(exec, {
      register: (container) => void container.register(KubeClientToken, { useValue: kube }),
    }) as ExecAction;
  }

  run = (config: object, delivery: Partial<Delivery> = {}, signal?: AbortSignal): Promise<ActionResult> =>
    this.action.run(configOf(plugin, config) as ExecConfig, fakeDelivery(delivery), fakeContext({ signal }));

  check = (config: object): Promise<void> => this.action.check(configOf(plugin, config) as ExecConfig, fakeContext());

  failure = (config: object, delivery: Partial<Delivery> = {}): Promise<TriggerError> =>
    errorOf(this.run(config, delivery));

  /** In which pods commands ran, and which. */
  get ran(): string[] {
    return this.kube.commands.map(({ pod, container, command }) => `${pod}/${container}: ${command.join(' ')}`);
  }

  deployment = (name: string, replicas = 2): void => {
    const spec = { replicas, selector: { matchLabels: { app: 'web' } } };
    this.kube.objects.put(WELL_KNOWN.Deployment, { metadata: { namespace: 'shop', name }, spec } as KubeObject);
  };

  pod = (name: string, facts: PodFacts = {}): void => {
    const { ready = true, deleting = false, labels = { app: 'web' }, annotations = {} } = facts;
    const { containers = ['nginx', 'helper'], sidecars = [], mounts } = facts;
    const volumes = mounts === undefined ? [] : [{ name: 'app', configMap: { name: mounts } }];
    const volumeMounts = volumes.map(({ name: volume }) => ({ name: volume, mountPath: '/etc/app' }));
    const deletion = deleting ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {};
    this.kube.objects.put(WELL_KNOWN.Pod, {
      metadata: { namespace: 'shop', name, labels, annotations, ...deletion },
      spec: {
        volumes,
        containers: containers.map((container) => ({ name: container, volumeMounts })),
        initContainers: [{ name: 'init' }, ...sidecars.map((one) => ({ name: one, restartPolicy: 'Always' }))],
      },
      status: { conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] },
    } as KubeObject);
  };
}

export async function errorOf(work: Promise<unknown>): Promise<TriggerError> {
  const thrown: unknown = await work.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!isTriggerError(thrown)) throw new Error('no TriggerError', { cause: thrown });
  return thrown;
}
