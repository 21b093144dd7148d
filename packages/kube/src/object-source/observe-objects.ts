import {
  type PresentEvent,
  type Recollection,
  type SourceContext,
  type SourceEvent,
  TriggerError,
} from '@kube-trigger/core';
import { Observable } from 'rxjs';
import type { KubeClient } from '../client.js';
import type { Resource } from '../model.js';
import type { ObjectVersion, Projection, WatchEvent } from '../watch/contract.js';
import { labelSelectorText } from './label-selector.js';
import type { ObjectChoice } from './options.js';
import { type Parts, revisionOf } from './parts.js';

/**
 * The label of copies that kube-trigger made of an object, with that one's name: they are nobody's own, so they are no change of anything unless a
 * source names one of them.
 */
export const SNAPSHOT_LABEL = 'trigger.app.example.com/snapshot-of';

/** What filters and templates see of an object. */
export interface ObjectEventData {
  /** `''` for cluster-scoped objects. */
  readonly namespace: string;
  readonly name: string;
}

export interface ObjectView<T> {
  readonly resource: Resource;
  readonly choice: ObjectChoice;
  /** Where to look if `choice` does not say; ignored for cluster-scoped resources. */
  readonly defaultNamespace: string;
  readonly fieldSelector?: string | undefined;
  /** Keep what serves every rule on the same objects, and choose in `partsOf`: then they share one watch. */
  readonly project: Projection<T>;
  /** The parts that make the revision; undefined for an object that does not count, all its life. */
  readonly partsOf: (value: T) => Parts | undefined;
  /** What the checkpoint has of a key (`SourceContext.recall`): what it knows is not read again. */
  readonly recall: SourceContext['recall'];
  /** The code of the error that says that the one named object does not exist. */
  readonly notFoundCode: string;
}

/**
 * Says which objects exist and in which state their parts are: a level source's stream. Shares its watch with every other one on the same
 * scope and projection. Never errors by itself: what it cannot see is said as `degraded`.
 */
export function observeObjects<T>(kube: KubeClient, view: ObjectView<T>): Observable<SourceEvent<ObjectEventData>> {
  return new Observable((subscriber) => {
    const { resource, choice, defaultNamespace, fieldSelector, project } = view;
    const namespace = resource.namespaced ? (choice.namespace ?? defaultNamespace) : undefined;
    const sight = new Sight(view, namespace);
    const selected = labelSelectorText(choice.selector);
    const labelSelector =
      choice.name === undefined ? [selected, `!${SNAPSHOT_LABEL}`].filter(Boolean).join(',') : undefined;
    const recall = choice.name === undefined ? sight.recall : undefined;
    return kube
      .watch<T | Recalled>({ resource, namespace, name: choice.name, labelSelector, fieldSelector, project, recall })
      .subscribe({
        next: (event) => {
          try {
            for (const said of sight.accept(event)) subscriber.next(said);
          } catch (thrown) {
            subscriber.error(thrown);
          }
        },
        error: (thrown: unknown) => subscriber.error(thrown),
        complete: () => subscriber.complete(),
      });
  });
}

/** What the runtime takes. Versions of aggregated APIs may be any text. */
const MAX_MARK = 64;

/** Stands for what was not read. */
class Recalled {
  constructor(readonly recollection: Recollection) {}
}

type Event = SourceEvent<ObjectEventData>;
type Present<T> = Extract<WatchEvent<T>, { type: 'present' }>;

/** What one subscription sees: turns the watch's events into the source's. */
class Sight<T> {
  /** Of a single named object. */
  #exists = false;
  /** `blind` until the first inventory and while the watch is interrupted. */
  #state: 'blind' | 'synced' | 'missing' = 'blind';
  #syncedOnce = false;

  constructor(
    private readonly view: ObjectView<T>,
    private readonly namespace: string | undefined,
  ) {}

  /** What the checkpoint has of this very version. */
  readonly recall = (version: ObjectVersion): Recalled | undefined => {
    const mark = this.#markOf(version);
    const known = mark === undefined ? undefined : this.view.recall(this.#keyOf(version));
    return known?.mark === mark && known !== undefined ? new Recalled(known) : undefined;
  };

  accept(event: WatchEvent<T | Recalled>): readonly Event[] {
    switch (event.type) {
      case 'present': {
        const present = this.#present(event);
        if (present === undefined) return [];
        this.#exists = true;
        return [present, ...(this.#state === 'missing' ? this.#synced() : [])];
      }
      case 'absent': {
        this.#exists = false;
        const absent: Event = { change: 'absent', key: this.#keyOf(event) };
        return this.#state === 'synced' && this.#isMissing() ? [absent, this.#missing()] : [absent];
      }
      case 'synced':
        return this.#inventoried();
      case 'interrupted':
        this.#state = 'blind';
        return [{ change: 'degraded', error: event.error }];
    }
  }

  #present(event: Present<T | Recalled>): PresentEvent<ObjectEventData> | undefined {
    const { namespace, name, value } = event;
    const said = { change: 'present', key: this.#keyOf(event), data: { namespace, name } } as const;
    if (value instanceof Recalled) return { ...said, ...value.recollection };
    const parts = this.view.partsOf(value);
    return parts && { ...said, revision: revisionOf(parts), parts, mark: this.#markOf(event) };
  }

  /**
   * A resourceVersion is given to one write in the whole life of an etcd; the uid tells clusters apart. A single object is not worth marking:
   * it is read in one request.
   */
  #markOf({ uid, resourceVersion }: ObjectVersion): string | undefined {
    if (this.view.choice.name !== undefined || uid === '' || resourceVersion === '') return undefined;
    const mark = [resourceVersion, uid.slice(0, 8)].join('.');
    return mark.length <= MAX_MARK ? mark : undefined;
  }

  /**
   * A missing object is said after the first `synced`, not instead of it: the inventory (nothing) is complete, so the rule's baseline
   * stands and the object's later creation is a change.
   */
  #inventoried(): Event[] {
    if (!this.#isMissing()) return this.#synced();
    const first = this.#syncedOnce ? [] : this.#synced();
    return this.#state === 'missing' ? first : [...first, this.#missing()];
  }

  #synced(): Event[] {
    this.#state = 'synced';
    this.#syncedOnce = true;
    return [{ change: 'synced' }];
  }

  #isMissing(): boolean {
    return this.view.choice.name !== undefined && !this.#exists;
  }

  #missing(): Event {
    this.#state = 'missing';
    const { resource, choice, notFoundCode } = this.view;
    const [place, wrong] =
      this.namespace === undefined
        ? [choice.name, 'the name']
        : [`${this.namespace}/${choice.name}`, 'name and namespace'];
    const error = new TriggerError(notFoundCode, `${resource.kind} ${place} does not exist`, {
      fix: `Create it, or correct ${wrong} of this source in spec.sources; the rule waits for it`,
    });
    return { change: 'degraded', error };
  }

  #keyOf({ namespace, name }: { readonly namespace: string; readonly name: string }): string {
    const { kind } = this.view.resource;
    return namespace === '' ? `${kind}/${name}` : `${kind}/${namespace}/${name}`;
  }
}
