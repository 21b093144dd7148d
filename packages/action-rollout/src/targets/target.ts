import type { ObjectRef } from '@kube-trigger/kube';
import type { Known } from '../index/workload-view.js';
import type { Kind } from './kinds.js';

/** A workload as the index knows it, with what its kind is like. */
export interface Found extends Known {
  readonly kind: Kind;
}

/** A workload that an event is for. */
export interface Target extends Found {
  readonly ref: ObjectRef;
  /** Whose pod template counts: itself, but for an Argo Rollout with a `workloadRef` the workload that this names. */
  readonly holder: Found;
}
