import { setMaxListeners } from 'node:events';

import { ApiClient } from './api-client.js';
import { type Cluster, ClusterView, type ErrorListener } from './cluster.js';
import { startDaemonSets } from './daemon-set-controller.js';
import { startDeployments } from './deployment-controller.js';
import { startDisruptionBudgets } from './disruption-controller.js';
import { startKubelet, startNode } from './kubelet.js';
import { startNamespaces } from './namespace-controller.js';
import { startReplicaSets } from './replica-set-controller.js';
import { startStatefulSets } from './stateful-set-controller.js';

const starters = {
  deployments: startDeployments,
  replicaSets: startReplicaSets,
  statefulSets: startStatefulSets,
  daemonSets: startDaemonSets,
  disruptionBudgets: startDisruptionBudgets,
  namespaces: (cluster: Cluster, options: ControllersOptions) => startNamespaces(cluster, options.ca ?? ''),
  node: (cluster: Cluster, options: ControllersOptions) => {
    startNode(cluster);
    startKubelet(cluster, { readyMs: options.podReadyDelayMs ?? 50, stopMs: options.podStopDelayMs ?? 50 });
  },
};

export type ControllerName = keyof typeof starters;

export interface ControllersOptions {
  /** Base URL of the API server, `http://…` or `https://…`. */
  server: string;
  /** Bearer token, when the server asks for one. */
  token?: string;
  /** The PEM certificate that the server is trusted by; also what `kube-root-ca.crt` carries (empty when there is none). */
  ca?: string;
  /** Which to run; default all. `['node']` beside a real controller manager lets its workloads become ready. */
  only?: readonly ControllerName[];
  /** In which version the server has PodDisruptionBudgets: up to Kubernetes 1.20 `v1beta1`. Default `v1`. */
  policyVersion?: 'v1' | 'v1beta1';
  /** From a pod's binding to its being ready, in milliseconds; default 50. */
  podReadyDelayMs?: number;
  /**
   * From the deletion of a pod to its being gone, in milliseconds, whatever its grace period; default 50. With much less,
   * `kubectl delete pod` of a recent version can miss the end of a pod whose name comes back at once (StatefulSets), and hangs.
   */
  podStopDelayMs?: number;
  /** How long the server may take to answer the first list of every kind, in milliseconds; default 60,000. */
  startTimeoutMs?: number;
  /** Told of each failure, all of which are retried: the controller, the object's `namespace/name` (or ''), and what went wrong. */
  onError?: ErrorListener;
}

export interface Controllers {
  /** Ends all watches, timers and connections; resolves when nothing of them is left. */
  stop(): Promise<void>;
}

/**
 * Starts what a cluster runs beside its API server, as far as workloads need it: the controllers of Deployments, ReplicaSets,
 * StatefulSets, DaemonSets, PodDisruptionBudgets, and of each namespace's default ServiceAccount and root certificate, and one
 * node that plays at running pods (`crashAnnotation` makes one crash). Not run: Jobs, CronJobs, ReplicationControllers, Endpoints,
 * autoscalers; garbage collection and namespace deletion are the API server's own in this package.
 *
 * Resolves when every kind was listed once, and rejects when that takes longer than `startTimeoutMs`. From then on an outage of
 * the server, of whatever length, is waited out.
 */
export async function startControllers(options: ControllersOptions): Promise<Controllers> {
  const ending = new AbortController();
  // Each request and pause under way listens to it.
  setMaxListeners(0, ending.signal);
  const client = new ApiClient(options, ending.signal);
  let lastError: unknown;
  const cluster = new ClusterView(
    client,
    (controller, key, error) => {
      if (ending.signal.aborted) return;
      lastError = error;
      options.onError?.(controller, key, error);
    },
    options.policyVersion,
  );
  for (const name of options.only ?? (Object.keys(starters) as ControllerName[])) starters[name](cluster, options);
  const stop = async () => {
    ending.abort();
    await cluster.stop();
    client.close();
  };
  const timeoutMs = options.startTimeoutMs ?? 60_000;
  if (await within(cluster.start(ending.signal), timeoutMs)) return { stop };
  await stop();
  const cause = lastError === undefined ? {} : { cause: lastError };
  throw new Error(`the API server at ${options.server} did not list all kinds within ${timeoutMs} ms`, cause);
}

async function within(work: Promise<void>, timeoutMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => (timer = setTimeout(() => resolve(false), timeoutMs)));
  try {
    return await Promise.race([work.then(() => true as const), late]);
  } finally {
    clearTimeout(timer);
  }
}
