import { type ActionContext, isTriggerError } from '@kube-trigger/core';
import {
  isReady,
  type KubeClient,
  type KubeObject,
  labelSelectorText,
  type Pod,
  readyPods,
  type Selector,
  WELL_KNOWN,
} from '@kube-trigger/kube';
import type { ExecConfig } from './config.js';
import { execError } from './errors.js';
import { workloadResource } from './validate.js';

export interface Place {
  readonly kube: KubeClient;
  readonly namespace: string;
  readonly signal: AbortSignal;
}

export function placeOf(kube: KubeClient, config: ExecConfig, { rule, signal }: ActionContext): Place {
  return { kube, namespace: config.namespace ?? rule.namespace, signal };
}

/** In which pods to run, as of now, by name; or the workload that has none because it is scaled to zero. */
export async function targetPods(config: ExecConfig, place: Place): Promise<readonly Pod[] | { scaledToZero: string }> {
  const { name, objectRef } = config;
  if (name !== undefined) return [await namedPod(name, place)];
  if (objectRef === undefined) return chosen(config, await selected(config.selector ?? {}, place));
  const workload = await workloadOf(objectRef, place);
  if (workload.spec?.replicas === 0) return { scaledToZero: `${objectRef.kind}/${place.namespace}/${objectRef.name}` };
  return chosen(config, await selected(workload.spec?.selector ?? {}, place));
}

function chosen({ pods }: ExecConfig, ready: readonly Pod[]): readonly Pod[] {
  return pods === 'one' ? ready.slice(0, 1) : ready;
}

async function namedPod(name: string, { kube, namespace, signal }: Place): Promise<Pod> {
  const pod = await orUndefined(kube.get<Pod>({ resource: WELL_KNOWN.Pod, namespace, name }, { signal }));
  if (pod !== undefined && isReady(pod)) return pod;
  const why = pod === undefined ? 'does not exist' : 'is not ready';
  throw execError('KT_EXEC_NO_READY_PODS', `Pod ${namespace}/${name} ${why}`, {
    retry: 'backoff',
    fix: pod === undefined ? 'Create it, or correct exec.name' : 'Look at the pod',
  });
}

async function selected(selector: Selector, { kube, namespace, signal }: Place): Promise<readonly Pod[]> {
  const labelSelector = labelSelectorText(selector);
  const { ready, all } = await readyPods(kube, { namespace, labelSelector, signal });
  if (ready.length > 0) return ready;
  throw execError('KT_EXEC_NO_READY_PODS', `none of ${all} matching pods in ${namespace} is ready`, {
    retry: 'backoff',
    fix: all === 0 ? 'Correct the labels or the namespace, or start the pods' : 'Look at the pods',
  });
}

interface Workload extends KubeObject {
  readonly spec?: { readonly replicas?: number; readonly selector?: Selector };
}

async function workloadOf(ref: NonNullable<ExecConfig['objectRef']>, place: Place): Promise<Workload> {
  const { kind, name } = ref;
  const { kube, namespace, signal } = place;
  const resource = workloadResource(kind);
  const found =
    resource === undefined
      ? undefined
      : await orUndefined(kube.get<Workload>({ resource, namespace, name }, { signal }));
  if (found !== undefined) return found;
  throw execError('KT_EXEC_WORKLOAD_NOT_FOUND', `${kind} ${namespace}/${name} does not exist`, {
    retry: 'backoff',
    fix: 'Create it, or correct exec.objectRef',
  });
}

async function orUndefined<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (thrown) {
    if (isTriggerError(thrown) && thrown.code === 'KT_KUBE_NOT_FOUND') return undefined;
    throw thrown;
  }
}

const DEFAULT_CONTAINER = 'kubectl.kubernetes.io/default-container';

/** As kubectl chooses it; whether there is one of that name or not. */
export function chosenContainer({ metadata, spec }: Pod, wanted: string | undefined): string {
  return wanted ?? metadata.annotations?.[DEFAULT_CONTAINER] ?? spec?.containers?.[0]?.name ?? '';
}

/** The chosen container, which must be one that runs. */
export function containerOf(pod: Pod, wanted: string | undefined): string {
  const { containers = [], initContainers = [] } = pod.spec ?? {};
  const running = [...containers, ...initContainers.filter(({ restartPolicy }) => restartPolicy === 'Always')];
  const names = running.map(({ name }) => name);
  const name = chosenContainer(pod, wanted);
  if (names.includes(name)) return name;
  throw execError('KT_EXEC_CONTAINER_NOT_FOUND', `has no container "${name}"`, {
    retry: 'never',
    fix: `Use one of its own: ${names.join(', ')}`,
  });
}
