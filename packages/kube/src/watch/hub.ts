import { Observable, type Subscriber } from 'rxjs';
import type { Logger, TriggerError } from '@kube-trigger/core';
import { clientClosed } from '../http/problems.js';
import type { Transport } from '../http/transport.js';
import { qualifiedName } from '../model.js';
import type { WatchEvent, WatchScope, WatchStats } from './contract.js';
import { Inventory } from './inventory.js';
import { WatchLoop } from './loop.js';
import { Wire } from './wire.js';

export interface HubParts {
  readonly transport: Transport;
  readonly logger: Logger;
  readonly random: () => number;
  readonly pageSize: number;
}

/** The shared watches of one client, by scope. */
export class WatchHub {
  readonly #watches = new Map<string, SharedWatch<unknown>>();

  constructor(private readonly parts: HubParts) {}

  watch<T>(scope: WatchScope<T>): Observable<WatchEvent<T>> {
    const key = scopeKey(scope);
    return new Observable((subscriber) => {
      if (this.parts.transport.closed) {
        subscriber.next({ type: 'interrupted', error: clientClosed() });
        return undefined;
      }
      let shared = this.#watches.get(key) as SharedWatch<T> | undefined;
      if (shared === undefined) {
        shared = new SharedWatch(scope, this.parts, () => this.#watches.delete(key));
        this.#watches.set(key, shared as SharedWatch<unknown>);
      }
      return shared.join(subscriber);
    });
  }

  stats(): WatchStats[] {
    return [...this.#watches.values()].map((watch) => watch.stats());
  }

  /** Ends every loop. Subscribers hear nothing more. */
  async close(): Promise<void> {
    // Loops leave the map as they stop.
    await Promise.all([...this.#watches.values()].map((watch) => watch.stop()));
  }
}

/** One loop and one inventory for all subscribers of one scope; lives from the first to the last of them. */
class SharedWatch<T> {
  readonly #stopping = new AbortController();
  readonly #inventory: Inventory<T>;
  readonly #loop: WatchLoop<T>;
  // Replaced, not changed: a subscriber may leave or another one join while an event is handed out.
  #subscribers: readonly Subscriber<WatchEvent<T>>[] = [];
  #running: Promise<void> | undefined;

  constructor(
    private readonly scope: WatchScope<T>,
    { transport, logger, random, pageSize }: HubParts,
    private readonly onEmpty: () => void,
  ) {
    const emit = (event: WatchEvent<T>): void => {
      for (const subscriber of this.#subscribers) subscriber.next(event);
    };
    this.#inventory = new Inventory(scope.project, emit);
    this.#loop = new WatchLoop({
      wire: new Wire(scope, () => (transport.counters.requests += 1)),
      inventory: this.#inventory,
      transport,
      random,
      logger: logger.child({ watch: describeScope(scope) }),
      pageSize,
      synced: () => emit({ type: 'synced' }),
      interrupted: (error: TriggerError) => emit({ type: 'interrupted', error }),
    });
  }

  join(subscriber: Subscriber<WatchEvent<T>>): () => void {
    this.#replayTo(subscriber);
    this.#subscribers = [...this.#subscribers, subscriber];
    this.#running ??= this.#loop.run(this.#stopping.signal);
    return () => {
      this.#subscribers = this.#subscribers.filter((each) => each !== subscriber);
      if (this.#subscribers.length === 0) void this.stop();
    };
  }

  stop(): Promise<void> {
    this.onEmpty();
    this.#stopping.abort();
    return this.#running ?? Promise.resolve();
  }

  stats(): WatchStats {
    const { resource, namespace, name, labelSelector, fieldSelector, project } = this.scope;
    return {
      resource,
      namespace,
      name,
      labelSelector,
      fieldSelector,
      projection: project.id,
      subscribers: this.#subscribers.length,
      state: this.#loop.state,
      synced: this.#loop.synced,
      ageOfLastProofMs: this.#loop.ageOfLastProofMs,
      ageOfLastByteMs: this.#loop.ageOfLastByteMs,
      objects: this.#inventory.size,
      ...this.#loop.counters,
      error: this.#loop.interruption?.code,
    };
  }

  #replayTo(subscriber: Subscriber<WatchEvent<T>>): void {
    for (const { namespace, name, uid, resourceVersion, value } of this.#inventory.entries()) {
      if (subscriber.closed) return;
      subscriber.next({ type: 'present', namespace, name, uid, resourceVersion, value });
    }
    if (this.#loop.synced) subscriber.next({ type: 'synced' });
    else if (this.#loop.interruption !== undefined) {
      subscriber.next({ type: 'interrupted', error: this.#loop.interruption });
    }
  }
}

function scopeKey({ resource, namespace, name, labelSelector, fieldSelector, project }: WatchScope<unknown>): string {
  const { group, version, plural } = resource;
  return JSON.stringify([group, version, plural, namespace, name, labelSelector, fieldSelector, project.id]);
}

function describeScope({ resource, namespace, name, labelSelector }: WatchScope<unknown>): string {
  const place = namespace === undefined ? '' : ` in ${namespace}`;
  const which = name ?? labelSelector;
  return `${qualifiedName(resource)}${which === undefined ? '' : ` ${which}`}${place}`;
}
