import type { KubeObject } from '../api-types.js';

export type ChangeType = 'ADDED' | 'MODIFIED' | 'DELETED';

/** One write. `object` is the state after it (for DELETED: the last state, with the deletion's revision). */
export interface Change {
  readonly type: ChangeType;
  readonly revision: number;
  readonly key: string;
  readonly object: KubeObject;
  readonly previous?: KubeObject;
}

/**
 * The objects of one resource with the recent changes to them, so that a watch can resume and a paged list can be served as of the
 * revision it began at. Keys are `namespace/name` or `name`, in etcd's order.
 */
export class Collection {
  readonly objects = new Map<string, KubeObject>();
  private readonly keys: string[] = [];
  private history: Change[] = [];
  private readonly listeners = new Set<(change: Change) => void>();
  /** Changes up to and including this revision are forgotten. */
  forgottenTo = 0;

  constructor(private readonly historyLimit: number) {}

  /** Calls for every change from now on; the result ends it. */
  subscribe(listener: (change: Change) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  apply(change: Change): void {
    if (change.type === 'DELETED') this.remove(change.key);
    else this.insert(change.key, change.object);
    this.history.push(change);
    // Trimmed in batches: shifting the array at every write would cost as much as the write.
    if (this.history.length > this.historyLimit * 1.25) this.forget(this.history.length - this.historyLimit);
    for (const listener of this.listeners) listener(change);
  }

  /** Puts back what a data file held, without telling anyone. */
  load(key: string, object: KubeObject): void {
    this.insert(key, object);
  }

  /** The keys that start with `prefix`, in order, beginning after `after`. */
  keysFrom(prefix: string, after?: string): string[] {
    const start = this.position(after === undefined ? prefix : `${after}\0`);
    let end = start;
    while (end < this.keys.length && this.keys[end]?.startsWith(prefix) === true) end += 1;
    return this.keys.slice(start, end);
  }

  /** The changes after `revision`, oldest first; undefined when some of them are forgotten. */
  changesSince(revision: number): readonly Change[] | undefined {
    if (revision < this.forgottenTo) return undefined;
    let low = 0;
    let high = this.history.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.history[middle]?.revision ?? 0) <= revision) low = middle + 1;
      else high = middle;
    }
    return this.history.slice(low);
  }

  /** The oldest revision a watch may start from. */
  compact(revision: number): void {
    const keep = this.history.findIndex((change) => change.revision > revision);
    this.forget(keep < 0 ? this.history.length : keep);
    this.forgottenTo = Math.max(this.forgottenTo, revision);
  }

  private forget(count: number): void {
    const last = this.history[count - 1];
    if (last === undefined) return;
    this.forgottenTo = Math.max(this.forgottenTo, last.revision);
    this.history = this.history.slice(count);
  }

  private insert(key: string, object: KubeObject): void {
    if (!this.objects.has(key)) this.keys.splice(this.position(key), 0, key);
    this.objects.set(key, object);
  }

  private remove(key: string): void {
    if (this.objects.delete(key)) this.keys.splice(this.position(key), 1);
  }

  private position(key: string): number {
    let low = 0;
    let high = this.keys.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.keys[middle] ?? '') < key) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
