import type { TriggerError } from '@kube-trigger/core';
import type { KubeObject, Resource } from '../model.js';

/** What is watched and what is kept of it. */
export interface WatchScope<T> {
  readonly resource: Resource;
  /** All namespaces when left out (or the resource is cluster-scoped). */
  readonly namespace?: string | undefined;
  /** One object only; asked with `fieldSelector=metadata.name=…`, so that RBAC's `resourceNames` apply. */
  readonly name?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
  readonly project: Projection<T>;
  /**
   * What this subscriber knows of the version already, say from before a restart: then its contents are not asked for, unless somebody else
   * who shares the watch needs them, and this stands in the place of what the projection makes of them. Each subscriber's own.
   */
  readonly recall?: ((version: ObjectVersion) => T | undefined) | undefined;
}

/** Which version of which object. */
export interface ObjectVersion {
  /** `''` for cluster-scoped resources. */
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
}

/** Runs once per object version. Only its result is kept; the body is dropped. */
export interface Projection<T> {
  /** Equal ids mean equal functions: such watches are shared. */
  readonly id: string;
  of(object: KubeObject): T;
}

export type WatchEvent<T> =
  /** Initial state and every later version. */
  | (ObjectVersion & { readonly type: 'present'; readonly value: T })
  | { readonly type: 'absent'; readonly namespace: string; readonly name: string }
  /** Every existing object has been said. Said again after every relist and after every `interrupted`. */
  | { readonly type: 'synced' }
  /** The watch cannot see (forbidden, kind not found, unreachable, …). It keeps trying; a `synced` follows on recovery. */
  | { readonly type: 'interrupted'; readonly error: TriggerError };

export type WatchState = 'listing' | 'connecting' | 'watching' | 'waiting';

/** One shared watch, for metrics and readiness. */
export interface WatchStats {
  readonly resource: Resource;
  readonly namespace: string | undefined;
  readonly name: string | undefined;
  readonly labelSelector: string | undefined;
  readonly fieldSelector: string | undefined;
  readonly projection: string;
  /** Names that are served together by a watch of their namespace count as one. */
  readonly subscribers: number;
  /** `waiting`: between two attempts. */
  readonly state: WatchState;
  /** Everything that exists was said at least once, and no `interrupted` is open. */
  readonly synced: boolean;
  /** Since the server last proved that nothing is missing: bytes on this connection, or an answered probe. */
  readonly ageOfLastProofMs: number;
  /** Since bytes last came on this watch's own connection. */
  readonly ageOfLastByteMs: number;
  readonly objects: number;
  /** Lists begun after the first one. */
  readonly relists: number;
  readonly reconnects: number;
  readonly probes: number;
  /** Connections replaced because a probe showed that they had gone deaf. */
  readonly deaf: number;
  /** Code of the open interruption. */
  readonly error: string | undefined;
}
