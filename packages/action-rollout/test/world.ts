import { KubeClientToken, type KubeObject, WELL_KNOWN } from '@kube-trigger/kube';
import { RecordingKubeClient } from '@kube-trigger/testing/contracts';
import type { ActionWorld } from '@kube-trigger/testing/contracts';
import type { RolloutConfig } from '../src/index.js';

export const { Deployment, StatefulSet, DaemonSet, Pod } = WELL_KNOWN;

export const BUSYBOX = { resource: StatefulSet, namespace: 'shop', name: 'busybox' };

export interface Workload extends KubeObject {
  readonly spec: {
    readonly paused?: boolean;
    readonly template: { readonly metadata?: { readonly annotations?: Readonly<Record<string, string>> } };
  };
}

/** A config as the host hands it over: with its defaults. */
export function configOf(objectRef: NonNullable<RolloutConfig['objectRef']>): RolloutConfig {
  return { objectRef, strategy: 'annotate' };
}

/** A StatefulSet whose template has no metadata, as people write it. */
export function putBusybox(kube: RecordingKubeClient, metadata: object = {}): void {
  const { namespace, name } = BUSYBOX;
  const spec = { template: { spec: { containers: [{ name: 'busybox' }] } } };
  kube.objects.put(StatefulSet, { metadata: { namespace, name, ...metadata }, spec } as KubeObject);
}

export interface DeploymentParts {
  readonly namespace?: string;
  readonly metadata?: object;
  readonly spec?: object;
  readonly pod?: object;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** A Deployment whose pods are made of `pod`. */
export function putDeployment(kube: RecordingKubeClient, name: string, parts: DeploymentParts = {}): void {
  const { namespace = 'shop', metadata = {}, spec = {}, pod = { containers: [{ name: 'web' }] }, annotations } = parts;
  const template = { metadata: { labels: { app: name }, annotations }, spec: pod };
  kube.objects.put(Deployment, {
    metadata: { namespace, name, ...metadata },
    spec: { template, ...spec },
  } as KubeObject);
}

export function annotationsOf(kube: RecordingKubeClient): Readonly<Record<string, string>> {
  return (kube.objects.get(BUSYBOX) as Workload | undefined)?.spec.template.metadata?.annotations ?? {};
}

/** The same cluster for another process: what this one knew is gone. */
export function restarted(kube: RecordingKubeClient): RecordingKubeClient {
  return Object.assign(new RecordingKubeClient(), { objects: kube.objects });
}

export function patchesIn(kube: RecordingKubeClient): number {
  return kube.said.filter((request) => request.startsWith('patch ')).length;
}

function sabotaged(): never {
  throw new Error('boom');
}

/** The world of the contract suite. */
export function world(): ActionWorld {
  const kube = new RecordingKubeClient();
  putBusybox(kube);
  return {
    config: { objectRef: { kind: 'StatefulSet', name: 'busybox' } },
    kube,
    register: (container) => container.register(KubeClientToken, { useValue: kube }),
    touched: () => (kube.objects.get(BUSYBOX)?.metadata.generation ?? 1) - 1,
    held: () => kube.held,
    hang: () => {
      kube.intercept = () => new Promise(() => {});
    },
    sabotage: () => Object.assign(kube, { get: sabotaged, patch: sabotaged }),
    faults: {
      'the target is missing': {
        code: 'KT_ROLLOUT_TARGET_NOT_FOUND',
        arrange: () => kube.objects.remove(BUSYBOX),
      },
      'watching is forbidden': {
        code: 'KT_ROLLOUT_FORBIDDEN',
        arrange: () => kube.forbid('watch', StatefulSet),
      },
      'patching is forbidden': {
        code: 'KT_ROLLOUT_FORBIDDEN',
        arrange: () => kube.forbid('patch', StatefulSet),
      },
    },
  };
}
