import type { TriggerError } from '@kube-trigger/core';
import {
  type KubeClient,
  type ObjectRef,
  qualifiedName,
  type Resource,
  type WatchEvent,
  type WatchScope,
} from '@kube-trigger/kube';
import { undoneMark } from '../annotations.js';
import { Subject, type Subscription } from 'rxjs';
import { isPointer } from '../snapshot/names.js';
import { standsFor } from '../snapshot/origins.js';
import type { KeysUsed } from './references.js';
import type { Template, Workload } from './workload.js';

/** A workload as a view knows it. */
export interface Known {
  readonly ref: ObjectRef;
  readonly workload: Workload;
  /** When its pod template last became what it is, on this process' clock; undefined: before it was watched, or nobody saw it. */
  readonly changedAtMs: number | undefined;
  /** Our annotations that others took off the template, by annotation. */
  readonly removals: Readonly<Record<string, Removal>>;
}

export interface Removal {
  /** In a row: a revision of ours that was still there at the next one begins anew. */
  readonly times: number;
  /** The field manager, as far as the API server tells. */
  readonly by: string;
}

interface Entry extends Known {
  /** The inventory that last said it. */
  readonly inventory: number;
}

/** What is watched: one kind in one namespace, or one object of it. */
export interface ViewScope {
  readonly resource: Resource;
  readonly namespace: string;
  readonly name?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly project: WatchScope<Workload>['project'];
}

/** A refusal is asked about again by whoever needs the view: rights may have been given since, and the watch itself waits long. */
const ASKED_AGAIN = new Set(['KT_KUBE_FORBIDDEN', 'KT_KUBE_NOT_FOUND']);

/**
 * The workloads of one scope, kept by one watch: what each is and which objects each uses, the other way round as well. An event costs
 * what its own object has, however many there are.
 */
export class WorkloadView {
  readonly #entries = new Map<string, Entry>();
  readonly #users = new Map<string, Set<string>>();
  /** After each event; the name of the workload that it was about, undefined for the view as a whole. */
  readonly #changes = new Subject<string | undefined>();
  readonly changes = this.#changes.asObservable();
  #subscription: Subscription | undefined;
  #synced = false;
  #error: TriggerError | undefined;
  #inventory = 0;
  #version = 0;

  constructor(
    private readonly kube: KubeClient,
    private readonly scope: ViewScope,
    private readonly now: () => number,
  ) {
    this.#watch();
  }

  /** Resolves when everything that exists is known; rejects with what is in the way, or when the signal is aborted. */
  ready(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (!this.#synced && this.#error !== undefined && ASKED_AGAIN.has(this.#error.code)) this.#watch();
    return new Promise((resolve, reject) => {
      const settled = () => {
        if (this.#synced) resolve();
        else if (this.#error !== undefined) reject(this.#error);
        else if (signal.aborted) reject(signal.reason as Error);
        else return false;
        return true;
      };
      if (settled()) return;
      const look = () => {
        if (!settled()) return;
        signal.removeEventListener('abort', look);
        changes.unsubscribe();
      };
      const changes = this.#changes.subscribe(look);
      signal.addEventListener('abort', look);
    });
  }

  /** Everything that exists is known. */
  get isReady(): boolean {
    return this.#synced;
  }

  /** Another one after each event. */
  get version(): number {
    return this.#version;
  }

  get(name: string): Known | undefined {
    return this.#entries.get(name);
  }

  /** Undefined where it is of another kind or namespace too. */
  find({ resource, namespace, name }: ObjectRef): Known | undefined {
    const isHere = qualifiedName(resource) === qualifiedName(this.scope.resource) && namespace === this.scope.namespace;
    return isHere ? this.get(name) : undefined;
  }

  all(): Iterable<Known> {
    return this.#entries.values();
  }

  /** Who uses an object (`ConfigMap/app-config`), and which of its keys. */
  *usersOf(object: string): Iterable<readonly [Known, KeysUsed]> {
    for (const name of this.#users.get(object) ?? []) {
      const entry = this.#entries.get(name);
      const used = entry?.workload.template?.references.get(object);
      if (entry !== undefined && used !== undefined) yield [entry, used];
    }
  }

  close(): void {
    this.#subscription?.unsubscribe();
    this.#changes.complete();
  }

  #watch(): void {
    this.#subscription?.unsubscribe();
    this.#synced = false;
    this.#error = undefined;
    this.#inventory += 1;
    this.#subscription = this.kube.watch(this.scope).subscribe((event) => this.#hear(event));
  }

  #hear(event: WatchEvent<Workload>): void {
    this.#version += 1;
    switch (event.type) {
      case 'present':
        this.#present(event.name, event.value);
        return this.#changes.next(event.name);
      case 'absent':
        this.#drop(event.name);
        return this.#changes.next(event.name);
      case 'synced':
        for (const [name, { inventory }] of this.#entries) if (inventory !== this.#inventory) this.#drop(name);
        this.#synced = true;
        this.#error = undefined;
        return this.#changes.next(undefined);
      case 'interrupted':
        this.#synced = false;
        this.#error = event.error;
        return this.#changes.next(undefined);
    }
  }

  #present(name: string, workload: Workload): void {
    const before = this.#entries.get(name);
    const known = before?.workload.uid === workload.uid ? before : undefined;
    const { resource, namespace } = this.scope;
    this.#unlink(name, before?.workload.template);
    for (const object of workload.template?.references.keys() ?? []) {
      const users = this.#users.get(object);
      if (users === undefined) this.#users.set(object, new Set([name]));
      else users.add(name);
    }
    this.#entries.set(name, {
      ref: known?.ref ?? { resource, namespace, name },
      workload,
      changedAtMs: this.#changedAt(known, workload),
      removals: removalsAfter(known, workload),
      inventory: this.#inventory,
    });
  }

  #changedAt(known: Entry | undefined, { template }: Workload): number | undefined {
    const before = known?.workload.template;
    const isSame = known !== undefined && before?.digest === template?.digest && !wasSetBack(before, template);
    if (isSame) return known.changedAtMs;
    // While it was not looking, it may have happened at any time.
    return this.#synced ? this.now() : undefined;
  }

  #drop(name: string): void {
    this.#unlink(name, this.#entries.get(name)?.workload.template);
    this.#entries.delete(name);
  }

  #unlink(name: string, template: Template | undefined): void {
    for (const object of template?.references.keys() ?? []) {
      const users = this.#users.get(object);
      users?.delete(name);
      if (users?.size === 0) this.#users.delete(object);
    }
  }
}

/** Whether some object that a snapshot stood for is referred to by its own name again: its pods are made anew, of what it has now. */
function wasSetBack(before: Template | undefined, now: Template | undefined): boolean {
  if (before === undefined || now === undefined) return false;
  return [...now.readAs.keys()].some(
    (object) => standsFor(before.readAs, object) !== undefined && standsFor(now.readAs, object) === undefined,
  );
}

function removalsAfter(known: Entry | undefined, { template, writer, annotations }: Workload): Known['removals'] {
  if (known === undefined) return {};
  const before = known.workload.template?.annotations ?? {};
  const now = template?.annotations ?? {};
  let removals = known.removals;
  // Who releases something else as well, and so writes the template that is kept elsewhere, is no adversary of a snapshot.
  const isRelease = known.workload.template?.digest !== template?.digest;
  for (const annotation of Object.keys(before)) {
    const isUndone = annotations[undoneMark(annotation)] === before[annotation];
    if (annotation in now || isUndone || (isRelease && isPointer(annotation))) continue;
    const times = (removals[annotation]?.times ?? 0) + 1;
    removals = { ...removals, [annotation]: { times, by: writer?.manager ?? 'an unknown field manager' } };
  }
  for (const [annotation, revision] of Object.entries(now)) {
    // Ours was still there when the next one came.
    const lasted = before[annotation] !== undefined && before[annotation] !== revision;
    if (lasted && removals[annotation] !== undefined) {
      const { [annotation]: _, ...others } = removals;
      removals = others;
    }
  }
  return removals;
}
