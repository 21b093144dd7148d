import type { ActionContext } from '@kube-trigger/core';
import { type KubeClient, qualifiedName, type Resource } from '@kube-trigger/kube';
import { defer, delay, EMPTY, filter, merge, NEVER, Observable, of, type SchedulerLike, take } from 'rxjs';
import { failingAs, type Place } from '../errors.js';
import { workloadProjection } from '../index/workload.js';
import type { OpenView, WorkloadIndex } from '../index/workload-index.js';
import type { WorkloadView } from '../index/workload-view.js';
import { type Kind, resourceOf, wellKnownResourceOf } from './kinds.js';
import type { Found } from './target.js';

const SOON_MS = 500;

export interface Where {
  readonly kind: Kind;
  readonly namespace: string;
  /** Of the only object that is looked at. */
  readonly name?: string | undefined;
  readonly labelSelector?: string | undefined;
}

export interface ReadyView {
  readonly view: WorkloadView;
  readonly place: Place;
}

/** The views that one action uses, held from their first use until it is disposed of. */
export class Views {
  readonly #open = new Map<string, OpenView>();

  constructor(
    private readonly kube: KubeClient,
    private readonly index: WorkloadIndex,
  ) {}

  /** Rejects while the kind is not installed, may not be watched, or the API server does not answer. */
  async at(where: Where, { signal, scheduler }: ActionContext): Promise<ReadyView> {
    const { kind, namespace, name, labelSelector } = where;
    const resource = await resourceOf(this.kube, kind);
    signal.throwIfAborted();
    const project = workloadProjection(kind);
    const key = keyOf(where, resource);
    const open =
      this.#open.get(key) ??
      this.index.open({ resource, namespace, name, labelSelector, project }, () => scheduler.now());
    this.#open.set(key, open);
    const place = { resource, namespace, name };
    await failingAs(place, () => open.view.ready(signal));
    return { view: open.view, place };
  }

  /** The view, where it was asked for before and everything in it is known now. */
  known(where: Where): WorkloadView | undefined {
    const resource = wellKnownResourceOf(where.kind);
    const open = resource && this.#open.get(keyOf(where, resource));
    return open?.view.isReady === true ? open.view : undefined;
  }

  /** Emits once any of these is no longer as it stands here; soon, not at once: who rolls pods says so many times. */
  moved(targets: readonly Found[], scheduler: SchedulerLike): Observable<unknown> {
    const views = [...this.#open.values()].map(({ view }) => view);
    const isOther = ({ ref, workload }: Found) =>
      !views.some((view) => view.find(ref)?.workload.resourceVersion === workload.resourceVersion);
    const names = new Set(targets.map(({ ref }) => ref.name));
    const missed = defer(() => (targets.some(isOther) ? of(undefined) : EMPTY));
    const heard = views.map((view) => view.changes.pipe(filter((name) => name === undefined || names.has(name))));
    return merge(missed, ...heard).pipe(take(1), delay(SOON_MS, scheduler));
  }

  /** Emits once the workload of this name, which is there now, is not any more; never without a name. */
  gone(name: string | undefined): Observable<unknown> {
    if (name === undefined) return NEVER;
    const views = [...this.#open.values()].map(({ view }) => view).filter((view) => view.get(name) !== undefined);
    const isGone = () => views.some((view) => view.get(name) === undefined);
    // Held by every rule while all is well: operators would be ten times the memory.
    return new Observable((subscriber) => {
      const look = () => {
        if (!isGone()) return;
        subscriber.next(undefined);
        subscriber.complete();
      };
      for (const { changes } of views) subscriber.add(changes.subscribe(look));
      look();
    });
  }

  release(): void {
    for (const open of this.#open.values()) open.release();
    this.#open.clear();
  }
}

function keyOf({ kind, namespace, name, labelSelector }: Where, resource: Resource): string {
  const { id } = workloadProjection(kind);
  return JSON.stringify([qualifiedName(resource), resource.version, namespace, name, labelSelector, id]);
}
