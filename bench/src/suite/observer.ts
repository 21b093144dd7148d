import type { ApiObject, TestCluster, WatchStream } from '@kube-trigger/testing';
import { pause } from '../pause.js';
import type { Fixture } from './fixture.js';

/** One change that was written, and what came of it. Times are milliseconds of one monotonic clock. */
export interface Change {
  readonly name: string;
  readonly state: number;
  readonly sentAtMs: number;
  /** When a plain watch showed it. */
  seenAtMs?: number;
  /** When a plain watch showed a new pod template on its targets; with many targets the last one. */
  rolledAtMs?: number;
}

/**
 * Plain watches on ConfigMaps and Deployments. Says when a change was seen, which is what the API server itself takes, and when a target's
 * pod template changed after it. Knows nothing of rules and revisions: whatever controller makes the change is measured the same way.
 */
export class Observer implements AsyncDisposable {
  /** By ConfigMap, in order. */
  readonly #changes = new Map<string, Change[]>();
  readonly #generations = new Map<string, number>();
  readonly #streams: WatchStream[] = [];
  readonly #reading: Promise<void>[] = [];
  readonly #listeners = new Set<(target: string, atMs: number) => void>();
  #failure: unknown;
  #closed = false;
  /** Changes of pod templates. */
  rolls = 0;

  /** Resolves once both watches stand at the state that the API server has now. */
  static async on(fixture: Fixture): Promise<Observer> {
    const { cluster, namespace } = fixture;
    const observer = new Observer();
    await observer.#watch(cluster, `/api/v1/namespaces/${namespace}/configmaps`, (object) =>
      observer.#seeSource(object),
    );
    await observer.#watch(cluster, `/apis/apps/v1/namespaces/${namespace}/deployments`, (object) =>
      observer.#seeTarget(object),
    );
    return observer;
  }

  /** Notes a change before its request is sent. */
  sending(name: string, state: number): Change {
    const change: Change = { name, state, sentAtMs: performance.now() };
    const changes = this.#changes.get(name) ?? [];
    changes.push(change);
    this.#changes.set(name, changes);
    return change;
  }

  /** Calls back on each changed pod template until the returned function is called. */
  onRoll(listener: (target: string, atMs: number) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  get changes(): readonly Change[] {
    return [...this.#changes.values()].flat();
  }

  /** Waits until every change was followed by a roll of the target of the same name, or the time is over. */
  async allRolled(timeoutMs: number): Promise<void> {
    await this.until(() => this.changes.every(({ rolledAtMs }) => rolledAtMs !== undefined), timeoutMs);
  }

  /** Waits until it holds, or the time is over: what is missing then is for the figures to say. Rejects when a watch broke. */
  async until(holds: () => boolean, timeoutMs: number): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    while (!holds() && performance.now() < deadline) {
      if (this.#failure !== undefined) throw this.#failure;
      await pause(20);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    await Promise.all(this.#streams.map((stream) => stream.close()));
    await Promise.all(this.#reading);
  }

  async #watch(cluster: TestCluster, path: string, see: (object: ApiObject) => void): Promise<void> {
    const { json } = await cluster.request('GET', path);
    for (const item of json.items ?? []) see(item);
    const stream = await cluster.watch(
      `${path}?watch=true&timeoutSeconds=3600&resourceVersion=${json.metadata.resourceVersion}`,
    );
    if (stream.status !== 200) throw new Error(`watch ${path}: ${stream.status} ${stream.text}`);
    this.#streams.push(stream);
    this.#reading.push(this.#read(stream, see).catch((error: unknown) => void (this.#failure = error)));
  }

  async #read(stream: WatchStream, see: (object: ApiObject) => void): Promise<void> {
    while (!this.#closed) {
      const event = await stream.next(3_600_000).catch((error: unknown) => {
        if (this.#closed) return undefined;
        throw new Error('a watch of the recorder broke', { cause: error });
      });
      if (event !== undefined) see(event.object);
    }
  }

  #seeSource({ metadata, data }: ApiObject): void {
    const atMs = performance.now();
    const state = Number(data?.['state']);
    const change = this.#changes.get(metadata.name)?.find((each) => each.state === state);
    if (change !== undefined) change.seenAtMs ??= atMs;
  }

  /** A new generation is a new template: nobody changes anything else of these Deployments. It answers every change before it. */
  #seeTarget({ metadata }: ApiObject): void {
    const atMs = performance.now();
    const { name, generation = 0 } = metadata;
    const before = this.#generations.get(name);
    this.#generations.set(name, generation);
    if (before === undefined || generation === before) return;
    this.rolls += 1;
    const changes = this.#changes.get(name) ?? [];
    for (let i = changes.length - 1; i >= 0; i -= 1) {
      const change = changes[i];
      if (change === undefined || change.rolledAtMs !== undefined) break;
      change.rolledAtMs = atMs;
    }
    for (const listener of this.#listeners) listener(name, atMs);
  }
}
