import type { Registry } from './resources/registry.js';
import type { Store } from './store/store.js';

/** A running watch, as the cluster keeps track of it. */
export interface RunningWatch {
  readonly collection: string;
  end(): void;
}

/** What every request handler works on. */
export interface Cluster {
  readonly store: Store;
  readonly registry: Registry;
  readonly watches: Set<RunningWatch>;
  readonly now: () => Date;
  /** Milliseconds between bookmarks of a watch that asks for them. */
  readonly bookmarkIntervalMs: number;
}

/** RFC 3339 with whole seconds, as Kubernetes' `metav1.Time`. */
export function timestamp(now: Date): string {
  return `${now.toISOString().slice(0, 19)}Z`;
}
