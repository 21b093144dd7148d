import { Subscription } from 'rxjs';
import type { Logger, TriggerError } from '@kube-trigger/core';
import type { Transport } from '../http/transport.js';
import { qualifiedName } from '../model.js';
import type { WatchEvent, WatchScope, WatchStats } from './contract.js';
import { Inventory, type Entry } from './inventory.js';
import { WatchLoop } from './loop.js';
import { Wire } from './wire.js';

export interface WatchParts {
  readonly transport: Transport;
  readonly logger: Logger;
  readonly random: () => number;
  readonly pageSize: number;
}

export type Listener<T> = (event: WatchEvent<T>) => void;

/** One loop and one inventory for all listeners of one scope; lives from the first to the last of them. */
export class SharedWatch<T> {
  readonly namespace: string;
  readonly #stopping = new AbortController();
  readonly #inventory: Inventory<T>;
  readonly #loop: WatchLoop<T>;
  // Replaced, not changed: a listener may leave or another one join while an event is handed out.
  #listeners: readonly { readonly hear: Listener<T>; left: boolean }[] = [];
  #running: Promise<void> | undefined;

  constructor(
    private readonly scope: WatchScope<T>,
    { transport, logger, random, pageSize }: WatchParts,
    private readonly onEmpty: () => void,
  ) {
    this.namespace = scope.namespace ?? '';
    const emit = (event: WatchEvent<T>): void => {
      for (const listener of this.#listeners) if (!listener.left) listener.hear(event);
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

  get synced(): boolean {
    return this.#loop.synced;
  }

  get interruption(): TriggerError | undefined {
    return this.#loop.interruption;
  }

  /** The version up to which everything was said. */
  get position(): string | undefined {
    return this.#loop.position;
  }

  find(name: string): Entry<T> | undefined {
    return this.#inventory.find(this.namespace, name);
  }

  /** Replays what is known within the call, then goes on live. `hear` must not throw. */
  subscribe(hear: Listener<T>): Subscription {
    const listener = { hear, left: false };
    const subscription = new Subscription(() => {
      listener.left = true;
      this.#listeners = this.#listeners.filter((each) => each !== listener);
      if (this.#listeners.length === 0) void this.stop();
    });
    this.#listeners = [...this.#listeners, listener];
    this.#replayTo(listener);
    if (!listener.left) this.#running ??= this.#loop.run(this.#stopping.signal);
    return subscription;
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
      subscribers: this.#listeners.length,
      state: this.#loop.state,
      synced: this.#loop.synced,
      ageOfLastProofMs: this.#loop.ageOfLastProofMs,
      ageOfLastByteMs: this.#loop.ageOfLastByteMs,
      objects: this.#inventory.size,
      ...this.#loop.counters,
      error: this.#loop.interruption?.code,
    };
  }

  #replayTo(listener: { readonly hear: Listener<T>; left: boolean }): void {
    for (const { namespace, name, uid, resourceVersion, value } of this.#inventory.entries()) {
      if (listener.left) return;
      listener.hear({ type: 'present', namespace, name, uid, resourceVersion, value });
    }
    if (listener.left) return;
    if (this.synced) listener.hear({ type: 'synced' });
    else if (this.interruption !== undefined) listener.hear({ type: 'interrupted', error: this.interruption });
  }
}

function describeScope({ resource, namespace, name, labelSelector }: WatchScope<unknown>): string {
  const place = namespace === undefined ? '' : ` in ${namespace}`;
  const which = name ?? labelSelector;
  return `${qualifiedName(resource)}${which === undefined ? '' : ` ${which}`}${place}`;
}
