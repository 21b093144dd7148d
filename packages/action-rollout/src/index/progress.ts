import type { KubeObject } from '@kube-trigger/kube';
import type { Kind } from '../targets/kinds.js';

/** How far a workload's controller is with the template that it was given. */
export type Progress =
  | { readonly state: 'complete' }
  | { readonly state: 'under way'; readonly because: string }
  /** Its controller gave up. */
  | { readonly state: 'stuck'; readonly because: string };

interface Body extends KubeObject {
  readonly spec?: {
    readonly replicas?: number;
    readonly updateStrategy?: { readonly rollingUpdate?: { readonly partition?: number } };
  };
  readonly status?: Status;
}

interface Status {
  // A number, but Argo Rollouts writes it as text.
  readonly observedGeneration?: number | string;
  readonly replicas?: number;
  readonly updatedReplicas?: number;
  readonly readyReplicas?: number;
  readonly availableReplicas?: number;
  readonly desiredNumberScheduled?: number;
  readonly updatedNumberScheduled?: number;
  readonly numberAvailable?: number;
  readonly phase?: string;
  readonly message?: string;
  readonly conditions?: readonly {
    readonly type?: string;
    readonly status?: string;
    readonly reason?: string;
    readonly message?: string;
  }[];
}

const COMPLETE: Progress = { state: 'complete' };

/** As `kubectl rollout status` tells it; for custom kinds by kstatus' conventions. */
export function progressOf(object: KubeObject, kind: Kind): Progress {
  const { metadata, spec = {}, status = {} } = object as Body;
  const { observedGeneration } = status;
  const observed = Number(observedGeneration ?? (kind.known ? 0 : metadata.generation));
  if (kind.kind === 'CronJob' && kind.known) return COMPLETE;
  if (Number.isFinite(observed) && observed < (metadata.generation ?? 0)) {
    return underWay('its controller has not seen the change yet');
  }
  return (kind.known ? KNOWN[kind.kind] : undefined)?.(status, spec) ?? custom(status);
}

const KNOWN: Readonly<Record<string, (status: Status, spec: NonNullable<Body['spec']>) => Progress>> = {
  Deployment: (status, { replicas = 1 }) => {
    const failed = condition(status, 'Progressing');
    if (failed?.status === 'False') return { state: 'stuck', because: failed.reason ?? 'it makes no progress' };
    const { updatedReplicas = 0, replicas: all = 0, availableReplicas = 0 } = status;
    return reached([
      [updatedReplicas, replicas, 'updated'],
      [updatedReplicas, all, 'updated'],
      [availableReplicas, updatedReplicas, 'available'],
    ]);
  },
  StatefulSet: ({ updatedReplicas = 0, readyReplicas = 0 }, { replicas = 1, updateStrategy }) => {
    const partition = updateStrategy?.rollingUpdate?.partition ?? 0;
    return reached([
      [updatedReplicas, Math.max(0, replicas - partition), 'updated'],
      [readyReplicas, replicas, 'ready'],
    ]);
  },
  DaemonSet: ({ updatedNumberScheduled = 0, numberAvailable = 0, desiredNumberScheduled = 0 }) =>
    reached([
      [updatedNumberScheduled, desiredNumberScheduled, 'updated'],
      [numberAvailable, desiredNumberScheduled, 'available'],
    ]),
  Rollout: ({ phase, message }) => {
    if (phase === undefined || phase === 'Healthy') return COMPLETE;
    const because = message ?? phase;
    return phase === 'Degraded' ? { state: 'stuck', because } : underWay(because);
  },
};

function custom(status: Status): Progress {
  const stalled = condition(status, 'Stalled');
  if (stalled?.status === 'True') return { state: 'stuck', because: stalled.reason ?? 'Stalled' };
  const reconciling = condition(status, 'Reconciling');
  if (reconciling?.status === 'True') return underWay(reconciling.reason ?? 'Reconciling');
  const ready = condition(status, 'Ready') ?? condition(status, 'Available');
  return ready?.status === 'False' ? underWay(ready.reason ?? 'not ready') : COMPLETE;
}

function condition({ conditions = [] }: Status, type: string) {
  return conditions.find((each) => each.type === type);
}

function reached(counts: readonly (readonly [is: number, wanted: number, what: string])[]): Progress {
  const missing = counts.find(([is, wanted]) => is < wanted);
  return missing === undefined ? COMPLETE : underWay(`${missing[0]} of ${missing[1]} pods are ${missing[2]}`);
}

function underWay(because: string): Progress {
  return { state: 'under way', because };
}
