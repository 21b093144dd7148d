import { isApiError } from './api-client.js';
import { sameJson } from './canonical.js';
import { type Cluster, enqueueSelf, nodeName } from './cluster.js';
import { keyOf, type KubeNode, type Pod, type PodStatus, timestamp } from './objects.js';
import { isFinished } from './pods.js';
import { runningStatus, unschedulableStatus } from './pod-status.js';

/** The labels that a node selector can ask for. */
export const nodeLabels: Record<string, string> = {
  'kubernetes.io/hostname': nodeName,
  'kubernetes.io/os': 'linux',
  'kubernetes.io/arch': 'amd64',
};

export interface PodDelays {
  /** From binding a pod to its being ready. */
  readyMs: number;
  /** From the request to delete a pod to its being gone. */
  stopMs: number;
}

/**
 * Plays scheduler and kubelet of one node: a pod is bound to it at once, runs and is ready `readyMs` later, stays so (it is
 * never restarted, and never ends by itself), and is gone `stopMs` after it was deleted, unless it has finalizers. Nothing is
 * executed, and no grace period is waited for.
 *
 * A pod that asks for another scheduler, or names another node, is left alone until it is deleted. One whose nodeSelector does
 * not fit the node is marked unschedulable. Affinity, taints and resource requests are not looked at.
 */
export function startKubelet(cluster: Cluster, delays: PodDelays): void {
  const timetable = new Timetable();
  const queue = cluster.queue('kubelet', async (key) => {
    const pod = cluster.pods.get(key);
    if (pod === undefined) return;
    const { deletionTimestamp, deletionGracePeriodSeconds, uid } = pod.metadata;
    if (deletionTimestamp !== undefined) {
      // Without a grace period left, the server goes on by itself once the finalizers are gone.
      if (deletionGracePeriodSeconds === 0) return;
      const wait = timetable.msUntil(`stop ${uid}`, delays.stopMs);
      return wait > 0 ? queue.addAfter(key, wait) : cluster.pods.delete(pod, 'now');
    }
    if (isFinished(pod)) return;
    if (pod.spec.nodeName === undefined || pod.spec.nodeName === '') return schedule(cluster, pod);
    if (pod.spec.nodeName !== nodeName) return;
    const wait = pod.status?.phase === 'Running' ? 0 : timetable.msUntil(`run ${uid}`, delays.readyMs);
    return wait > 0 ? queue.addAfter(key, wait) : writeStatus(cluster, pod, runningStatus(pod));
  });
  enqueueSelf(cluster.pods, queue);
  cluster.pods.onChange((current, previous) => {
    if (current === undefined && previous !== undefined) timetable.forget(previous.metadata.uid);
  });
}

/** When each pod is due to run and to stop. */
class Timetable {
  readonly #due = new Map<string, number>();

  /** Milliseconds left of a delay that begins with the first question. */
  msUntil(what: string, delayMs: number): number {
    const at = this.#due.get(what) ?? Date.now() + delayMs;
    this.#due.set(what, at);
    return at - Date.now();
  }

  forget(uid: string): void {
    this.#due.delete(`run ${uid}`);
    this.#due.delete(`stop ${uid}`);
  }
}

async function schedule(cluster: Cluster, pod: Pod): Promise<void> {
  if ((pod.spec.schedulerName ?? 'default-scheduler') !== 'default-scheduler') return;
  if (!fitsNode(pod.spec.nodeSelector)) {
    const message = "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector.";
    return writeStatus(cluster, pod, unschedulableStatus(pod, message));
  }
  const { namespace, name, uid } = pod.metadata;
  const target = { apiVersion: 'v1', kind: 'Node', name: nodeName };
  try {
    await cluster.pods.post(pod, 'binding', {
      apiVersion: 'v1',
      kind: 'Binding',
      metadata: { namespace, name, uid },
      target,
    });
  } catch (error) {
    // Gone, or bound, meanwhile: the watch tells.
    if (!isApiError(error, 404) && !isApiError(error, 409)) throw error;
    return;
  }
  const message = `Successfully assigned ${keyOf(pod.metadata)} to ${nodeName}`;
  cluster.events.record(pod, { type: 'Normal', reason: 'Scheduled', message, component: 'default-scheduler' });
}

export function fitsNode(selector: Record<string, string> | undefined): boolean {
  return Object.entries(selector ?? {}).every(([key, value]) => nodeLabels[key] === value);
}

async function writeStatus(cluster: Cluster, pod: Pod, status: PodStatus): Promise<void> {
  if (sameJson(pod.status, status)) return;
  try {
    await cluster.pods.updateStatus({ ...pod, status }, 'kubelet');
  } catch (error) {
    if (!isApiError(error, 404)) throw error;
  }
}

/** Registers the node, so that `kubectl get nodes` shows where the pods are. */
export function startNode(cluster: Cluster): void {
  const queue = cluster.queue('node', async () => {
    const node = cluster.nodes.get(nodeName) ?? (await register(cluster));
    if (node.status?.['nodeInfo'] !== undefined && readyCondition(node)) return;
    await cluster.nodes.updateStatus({ ...node, status: { ...node.status, ...nodeStatus() } }, 'kubelet');
  });
  cluster.nodes.onChange(() => queue.add(nodeName));
  queue.add(nodeName);
}

function register(cluster: Cluster): Promise<KubeNode> {
  return cluster.nodes.create({ metadata: { name: nodeName, labels: nodeLabels }, spec: {} }, 'kubelet');
}

function readyCondition(node: KubeNode): boolean {
  const conditions = node.status?.['conditions'];
  return Array.isArray(conditions) && conditions.some(({ type, status }) => type === 'Ready' && status === 'True');
}

function nodeStatus(): Record<string, unknown> {
  const now = timestamp(Date.now());
  const size = { cpu: '8', memory: '16Gi', pods: '1000' };
  return {
    capacity: size,
    allocatable: size,
    conditions: [
      {
        type: 'Ready',
        status: 'True',
        reason: 'KubeletReady',
        message: 'this node only plays at running pods',
        lastHeartbeatTime: now,
        lastTransitionTime: now,
      },
    ],
    addresses: [
      { type: 'InternalIP', address: '10.0.0.1' },
      { type: 'Hostname', address: nodeName },
    ],
    nodeInfo: {
      machineID: '',
      systemUUID: '',
      bootID: '',
      kernelVersion: '',
      osImage: 'devcluster',
      containerRuntimeVersion: 'devcluster://1',
      kubeletVersion: 'devcluster',
      kubeProxyVersion: '',
      operatingSystem: 'linux',
      architecture: 'amd64',
    },
  };
}
