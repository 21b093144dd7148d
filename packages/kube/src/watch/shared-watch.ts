import { Subscription } from 'rxjs';
import type { Logger, TriggerError } from '@kube-trigger/core';
import type { Transport } from '../http/transport.js';
import { qualifiedName } from '../model.js';
import type { WatchEvent, WatchScope, WatchStats } from './contract.js';
import { type Entry, Inventory, type InventoryEvent, UNREAD } from './inventory.js';
import { PageReader } from './page-reader.js';
import { WatchLoop } from './loop.js';
import { Wire } from './wire.js';

export interface WatchParts {
  readonly transport: Transport;
  readonly logger: Logger;
  readonly random: () => number;
  readonly pageSize: number;
}

export type Hear<T> = (event: WatchEvent<T>) => void;

interface Listener<T> {
  readonly hear: Hear<T>;
  readonly recall: WatchScope<T>['recall'];
  left: boolean;
  /** It came after objects had been recognised that it does not know: it is told that all was said once they are read. */
  lacks: boolean;
  /** It came while what is known was in doubt: it is told nothing until a list has confirmed it. */
  held: boolean;
}

/** One loop and one inventory for all listeners of one scope; lives from the first to the last of them. */
export class SharedWatch<T> {
  readonly namespace: string;
  readonly #stopping = new AbortController();
  readonly #inventory: Inventory<T>;
  readonly #loop: WatchLoop<T>;
  // Replaced, not changed: a listener may leave or another one join while an event is handed out.
  #listeners: readonly Listener<T>[] = [];
  #running: Promise<void> | undefined;
  /** How many lists had begun when what is known came into doubt: a later one removes it. */
  #doubtedAt: number | undefined;

  constructor(
    private readonly scope: WatchScope<T>,
    { transport, logger, random, pageSize }: WatchParts,
    private readonly onEmpty: () => void,
  ) {
    this.namespace = scope.namespace ?? '';
    const emit = (event: WatchEvent<T>): void => {
      for (const listener of this.#listeners) {
        if (!listener.left && (!listener.held || event.type === 'interrupted')) listener.hear(event);
      }
    };
    this.#inventory = new Inventory(
      scope.project,
      (event) => (event.type === 'recalled' ? this.#recalled(event) : emit(event)),
      (version) => this.#listeners.every((each) => each.left || each.recall?.(version) !== undefined),
      scope.namespace,
    );
    const wire = new Wire(scope, () => (transport.counters.requests += 1));
    this.#loop = new WatchLoop({
      wire,
      inventory: this.#inventory,
      transport,
      random,
      places: scope.name === undefined ? transport.lists(qualifiedName(scope.resource)) : undefined,
      logger: logger.child({ watch: describeScope(scope) }),
      pages: new PageReader({
        wire,
        inventory: this.#inventory,
        pageSize,
        mayRecognise: () =>
          this.#inventory.size > pageSize || this.#listeners.some(({ recall }) => recall !== undefined),
      }),
      synced: () => this.#synced(),
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

  /** What is known may be behind what somebody who subscribes now has learnt elsewhere. */
  doubt(): void {
    if (this.#loop.lists > 0) this.#doubtedAt = this.#loop.lists;
  }

  /** True until a list that began after `doubt` has ended. */
  get doubted(): boolean {
    return this.#doubtedAt !== undefined;
  }

  /** Lists again, where there is doubt. */
  confirm(): void {
    if (this.doubted) this.#loop.relist();
  }

  find(name: string): Entry<T> | undefined {
    return this.#inventory.find(this.namespace, name);
  }

  /** Replays what is known within the call, or once it is confirmed; then goes on live. `hear` must not throw. */
  subscribe(hear: Hear<T>, recall?: WatchScope<T>['recall']): Subscription {
    const listener: Listener<T> = { hear, recall, left: false, lacks: false, held: this.doubted };
    const subscription = new Subscription(() => {
      listener.left = true;
      this.#listeners = this.#listeners.filter((each) => each !== listener);
      if (this.#listeners.length === 0) void this.stop();
    });
    this.#listeners = [...this.#listeners, listener];
    if (listener.held) this.#hold(listener);
    else this.#replayTo(listener);
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

  #synced(): void {
    if (this.#doubtedAt !== undefined && this.#loop.lists > this.#doubtedAt) this.#doubtedAt = undefined;
    for (const listener of this.#listeners) {
      if (listener.held && !this.doubted) this.#release(listener);
      if (listener.left || listener.held) continue;
      if (listener.lacks) listener.lacks = this.#isLacking(listener);
      if (!listener.lacks) listener.hear({ type: 'synced' });
    }
    if (this.#listeners.some(({ lacks, held }) => lacks || held)) this.#loop.relist();
  }

  #hold({ hear }: Listener<T>): void {
    this.confirm();
    if (this.interruption !== undefined) hear({ type: 'interrupted', error: this.interruption });
  }

  #release(listener: Listener<T>): void {
    listener.held = false;
    this.#sayAllTo(listener);
  }

  #isLacking({ recall }: Listener<T>): boolean {
    for (const entry of this.#inventory.entries()) {
      if (entry.value === UNREAD && recall?.(entry) === undefined) return true;
    }
    return false;
  }

  #recalled(version: Extract<InventoryEvent<T>, { type: 'recalled' }>): void {
    for (const listener of this.#listeners) {
      if (!listener.left && !listener.held) this.#say(listener, { ...version, value: UNREAD });
    }
  }

  /** What the listener itself knows stands for what was not read. */
  #say(listener: Listener<T>, { namespace, name, uid, resourceVersion, value }: Omit<Entry<T>, 'listing'>): void {
    const version = { namespace, name, uid, resourceVersion };
    const known = value === UNREAD ? listener.recall?.(version) : value;
    if (known === undefined) listener.lacks = true;
    else listener.hear({ type: 'present', ...version, value: known });
  }

  #sayAllTo(listener: Listener<T>): void {
    for (const entry of this.#inventory.entries()) {
      if (listener.left) return;
      this.#say(listener, entry);
    }
  }

  #replayTo(listener: Listener<T>): void {
    this.#sayAllTo(listener);
    if (listener.left) return;
    if (listener.lacks) this.#loop.relist();
    else if (this.synced) listener.hear({ type: 'synced' });
    else if (this.interruption !== undefined) listener.hear({ type: 'interrupted', error: this.interruption });
  }
}

function describeScope({ resource, namespace, name, labelSelector }: WatchScope<unknown>): string {
  const place = namespace === undefined ? '' : ` in ${namespace}`;
  const which = name ?? labelSelector;
  return `${qualifiedName(resource)}${which === undefined ? '' : ` ${which}`}${place}`;
}
