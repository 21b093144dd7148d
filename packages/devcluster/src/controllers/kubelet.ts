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

/**
 * Plays scheduler and kubelet of one node: a pod is bound to it at once, runs and is ready `readyDelayMs` later, stays so (it is
 * never restarted, and never ends by itself), and is gone as soon as it is deleted and has no finalizers. Nothing is executed.
 *
 * A pod that asks for another scheduler, or names another node, is left alone until it is deleted. One whose nodeSelector does
 * not fit the node is marked unschedulable. Affinity, taints and resource requests are not looked at.
 */
export function startKubelet(cluster: Cluster, readyDelayMs: number): void {
  /** When the pods that were bound here are due to run, by uid. */
  const due = new Map<string, number>();
  const queue = cluster.queue('kubelet', async (key) => {
    const pod = cluster.pods.get(key);
    if (pod === undefined) return;
    if (pod.metadata.deletionTimestamp !== undefined) return finish(cluster, pod);
    if (isFinished(pod)) return;
    if (pod.spec.nodeName === undefined || pod.spec.nodeName === '') return schedule(cluster, pod);
    if (pod.spec.nodeName !== nodeName) return;
    if (pod.status?.phase !== 'Running') {
      const at = due.get(pod.metadata.uid) ?? Date.now() + readyDelayMs;
      due.set(pod.metadata.uid, at);
      const wait = at - Date.now();
      if (wait > 0) return queue.addAfter(key, wait);
    }
    due.delete(pod.metadata.uid);
    await writeStatus(cluster, pod, runningStatus(pod));
  });
  enqueueSelf(cluster.pods, queue);
  cluster.pods.onChange((current, previous) => {
    if (current === undefined && previous !== undefined) due.delete(previous.metadata.uid);
  });
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

/** Ends the grace period. With finalizers left, the server goes on by itself once they are gone. */
async function finish(cluster: Cluster, pod: Pod): Promise<void> {
  if (pod.metadata.deletionGracePeriodSeconds === 0) return;
  await cluster.pods.delete(pod, 'now');
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
