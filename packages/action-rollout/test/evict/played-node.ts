import type { ApiObject, TestCluster } from '@kube-trigger/testing';

interface Pod extends ApiObject {
  readonly spec: { readonly nodeName?: string };
  readonly status?: { readonly phase?: string; readonly conditions?: readonly { type: string; status: string }[] };
}

const MERGE = { 'content-type': 'application/merge-patch+json' };
const EVERY_MS = 50;

/** What pods of workloads in these tests have, so that nobody else plays with them. */
export const PLAYED = { schedulerName: 'played', terminationGracePeriodSeconds: 1 };

/** Plays the kubelet for the pods of one namespace, on clusters that have none: they are bound, become ready, and go when they are deleted. */
export class PlayedNode implements AsyncDisposable {
  /** Pods that do not become ready. */
  isBroken: (pod: Pod) => boolean = () => false;
  /** The least number of ready pods since the test set it. */
  leastReady = Infinity;
  /** Names by uid, in the order in which they were deleted. */
  readonly deleted = new Map<string, string>();
  readonly #seen = new Map<string, string>();
  readonly #ended: Promise<void>;
  #running = true;

  constructor(
    private readonly cluster: TestCluster,
    private readonly namespace: string,
  ) {
    this.#ended = this.#play();
  }

  get pods(): string {
    return `/api/v1/namespaces/${this.namespace}/pods`;
  }

  async list(): Promise<Pod[]> {
    const { json } = await this.cluster.request('GET', this.pods);
    return (json.items ?? []) as Pod[];
  }

  /** Uids of the pods that are ready and stay. */
  async ready(): Promise<string[]> {
    return (await this.list()).filter(isReady).map(uidOf);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#running = false;
    await this.#ended;
  }

  async #play(): Promise<void> {
    while (this.#running) {
      const pods = await this.list();
      this.leastReady = Math.min(this.leastReady, pods.filter(isReady).length);
      const there = new Set(pods.filter(({ metadata }) => metadata.deletionTimestamp === undefined).map(uidOf));
      for (const [uid, name] of this.#seen) if (!there.has(uid)) this.deleted.set(uid, name);
      await Promise.all(pods.map((pod) => this.#step(pod)));
      await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
    }
  }

  async #step(pod: Pod): Promise<void> {
    const { name, deletionTimestamp } = pod.metadata;
    const uid = uidOf(pod);
    const path = `${this.pods}/${name}`;
    this.#seen.set(uid, name);
    if (deletionTimestamp !== undefined) {
      await this.cluster.request('DELETE', path, { gracePeriodSeconds: 0, preconditions: { uid } });
      return;
    }
    if (pod.spec.nodeName === undefined) {
      const target = { kind: 'Node', name: 'played' };
      await this.cluster.request('POST', `${path}/binding`, { metadata: { name }, target });
    }
    const ready = !this.isBroken(pod);
    if (isReady(pod) === ready && pod.status?.phase === 'Running') return;
    const conditions = [{ type: 'Ready', status: ready ? 'True' : 'False' }];
    const state = ready ? { running: {} } : { waiting: { reason: 'CrashLoopBackOff' } };
    const containerStatuses = [{ name: 'web', ready, restartCount: 0, image: '', imageID: '', state }];
    await this.cluster.request(
      'PATCH',
      `${path}/status`,
      { metadata: { uid }, status: { phase: 'Running', conditions, containerStatuses } },
      MERGE,
    );
  }
}

function uidOf({ metadata }: ApiObject): string {
  return metadata.uid ?? '';
}

function isReady({ metadata, status }: Pod): boolean {
  const isTrue = status?.conditions?.some(({ type, status: value }) => type === 'Ready' && value === 'True') === true;
  return isTrue && metadata.deletionTimestamp === undefined;
}
