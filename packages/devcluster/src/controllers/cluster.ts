import type { ApiClient } from './api-client.js';
import { EventRecorder } from './event-recorder.js';
import {
  type ConfigMap,
  controllerOf,
  type ControllerRevision,
  type DaemonSet,
  type Deployment,
  keyOf,
  type KubeNode,
  type KubeObject,
  type Namespace,
  type Pod,
  type PodDisruptionBudget,
  type ReplicaSet,
  type ServiceAccount,
  type StatefulSet,
} from './objects.js';
import { Resource, type ResourceDefinition } from './resource.js';
import { WorkQueue } from './work-queue.js';

/** Who the controllers are in `managedFields`, as in a real cluster. */
export const fieldManager = 'kube-controller-manager';

/** The name of the one node that all pods run on. */
export const nodeName = 'devcluster-node';

function appsKind(kind: string, plural: string): ResourceDefinition {
  return { apiVersion: 'apps/v1', kind, plural, namespaced: true };
}

/** What every controller works with. */
export interface Cluster {
  readonly client: ApiClient;
  readonly namespaces: Resource<Namespace>;
  readonly nodes: Resource<KubeNode>;
  readonly serviceAccounts: Resource<ServiceAccount>;
  readonly rootCertificates: Resource<ConfigMap>;
  readonly pods: Resource<Pod>;
  readonly deployments: Resource<Deployment>;
  readonly replicaSets: Resource<ReplicaSet>;
  readonly statefulSets: Resource<StatefulSet>;
  readonly daemonSets: Resource<DaemonSet>;
  readonly revisions: Resource<ControllerRevision>;
  /** Watched from its first use on. */
  readonly disruptionBudgets: Resource<PodDisruptionBudget>;
  readonly events: EventRecorder;
  /** Makes a queue that is started and stopped with the cluster. `name` is what errors are reported under. */
  queue(name: string, reconcile: (key: string) => Promise<void>): WorkQueue;
}

export type ErrorListener = (controller: string, key: string, error: unknown) => void;

export class ClusterView implements Cluster {
  readonly namespaces: Resource<Namespace>;
  readonly nodes: Resource<KubeNode>;
  readonly serviceAccounts: Resource<ServiceAccount>;
  readonly rootCertificates: Resource<ConfigMap>;
  readonly pods: Resource<Pod>;
  readonly deployments: Resource<Deployment>;
  readonly replicaSets: Resource<ReplicaSet>;
  readonly statefulSets: Resource<StatefulSet>;
  readonly daemonSets: Resource<DaemonSet>;
  readonly revisions: Resource<ControllerRevision>;
  readonly events: EventRecorder;
  readonly #queues: WorkQueue[] = [];
  readonly #watched: Resource<KubeObject>[] = [];
  #budgets: Resource<PodDisruptionBudget> | undefined;
  #loops: Promise<void>[] = [];

  constructor(
    readonly client: ApiClient,
    private readonly onError: ErrorListener,
    private readonly policyVersion = 'v1',
  ) {
    this.namespaces = this.#watch({ apiVersion: 'v1', kind: 'Namespace', plural: 'namespaces', namespaced: false });
    this.nodes = this.#watch({
      apiVersion: 'v1',
      kind: 'Node',
      plural: 'nodes',
      namespaced: false,
      onlyName: nodeName,
    });
    this.serviceAccounts = this.#watch({
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      plural: 'serviceaccounts',
      namespaced: true,
      onlyName: 'default',
    });
    this.rootCertificates = this.#watch({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      plural: 'configmaps',
      namespaced: true,
      onlyName: 'kube-root-ca.crt',
    });
    this.pods = this.#watch({ apiVersion: 'v1', kind: 'Pod', plural: 'pods', namespaced: true });
    this.deployments = this.#watch(appsKind('Deployment', 'deployments'));
    this.replicaSets = this.#watch(appsKind('ReplicaSet', 'replicasets'));
    this.statefulSets = this.#watch(appsKind('StatefulSet', 'statefulsets'));
    this.daemonSets = this.#watch(appsKind('DaemonSet', 'daemonsets'));
    this.revisions = this.#watch(appsKind('ControllerRevision', 'controllerrevisions'));
    this.events = new EventRecorder(client, (error) => onError('events', '', error));
  }

  get disruptionBudgets(): Resource<PodDisruptionBudget> {
    this.#budgets ??= this.#watch({
      apiVersion: `policy/${this.policyVersion}`,
      kind: 'PodDisruptionBudget',
      plural: 'poddisruptionbudgets',
      namespaced: true,
    });
    return this.#budgets;
  }

  queue(name: string, reconcile: (key: string) => Promise<void>): WorkQueue {
    const queue = new WorkQueue({ reconcile, onError: (key, error) => this.onError(name, key, error) });
    this.#queues.push(queue);
    return queue;
  }

  /** Follows the server until `signal` aborts. Resolves when each kind was listed once and the queues have started. */
  async start(signal: AbortSignal): Promise<void> {
    this.#loops = this.#watched.map((resource) =>
      resource.run(signal, (error) => this.onError(`watch ${resource.definition.plural}`, '', error)),
    );
    await Promise.all(this.#watched.map((resource) => resource.synced));
    for (const queue of this.#queues) queue.start();
  }

  /** To be called once the signal of `start` has aborted; resolves when nothing runs any more. */
  async stop(): Promise<void> {
    await Promise.all([...this.#loops, ...this.#queues.map((queue) => queue.stop()), this.events.settled()]);
  }

  #watch<T extends KubeObject>(definition: ResourceDefinition): Resource<T> {
    const resource = new Resource<T>(this.client, definition);
    this.#watched.push(resource as unknown as Resource<KubeObject>);
    return resource;
  }
}

/** Queues each object of a kind when it changes, and the object that owns it when one of its dependants does. */
export function enqueueOwner<T extends KubeObject>(
  dependants: Resource<T>,
  owner: ResourceDefinition,
  queue: WorkQueue,
): void {
  dependants.onChange((current, previous) => {
    for (const object of [current, previous]) {
      const reference = object === undefined ? undefined : controllerOf(object);
      if (object === undefined || reference?.kind !== owner.kind || reference.apiVersion !== owner.apiVersion) continue;
      queue.add(keyOf({ ...object.metadata, name: reference.name }));
    }
  });
}

export function enqueueSelf<T extends KubeObject>(resource: Resource<T>, queue: WorkQueue): void {
  resource.onChange((current) => {
    if (current !== undefined) queue.add(keyOf(current.metadata));
  });
}
