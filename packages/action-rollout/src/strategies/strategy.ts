import type { KubeClient, KubeObject } from '@kube-trigger/kube';
import type { Workload } from '../index/workload.js';
import type { Found, Target } from '../targets/target.js';

/** What is to be done to one target. */
export interface Job {
  /** The rule's own annotation. */
  readonly annotation: string;
  readonly revision: string;
  /** For people. */
  readonly cause: string;
  /** An annotation of the object itself that says something about an earlier revision, and goes with it. */
  readonly outdated: string;
  readonly nowMs: number;
  readonly patchType: 'merge' | 'apply';
  /** Who is named as the writer with `merge`. */
  readonly mergeManager: string;
  /** Who owns the fields with `apply`: one per rule, since an applied intent replaces the manager's last one. */
  readonly applyManager: string;
  readonly signal: AbortSignal;
}

/** A way to replace the pods of a target. */
export interface Strategy {
  /** The object that is patched and that keeps the revision. */
  carrierOf(target: Target): Found;
  /** The rule's revision on a carrier, wherever this strategy keeps it. */
  revisionOf(carrier: Workload, annotation: string): string | undefined;
  /** Brings the carrier to the revision, with one patch. */
  apply(kube: KubeClient, carrier: Found, job: Job): Promise<Applied>;
}

/** The carrier as it is afterwards. */
export interface Applied {
  readonly object: KubeObject;
  readonly workload: Workload;
}
