import type { KubeObject, Projection } from '@kube-trigger/kube';
import { FIRE_ANNOTATION, RESUME_ANNOTATION, RETRY_ANNOTATION } from '../api/resources.js';

export type ConditionType = 'Accepted' | 'Ready' | 'Stalled';

export interface Condition {
  readonly type: ConditionType;
  readonly status: 'True' | 'False' | 'Unknown';
  readonly observedGeneration: number;
  readonly lastTransitionTime: string;
  readonly reason: string;
  readonly message: string;
}

export interface Counters {
  readonly done: number;
  readonly unchanged: number;
  readonly failed: number;
  readonly dropped: number;
}

/** `status` of a TriggerRule; the schema is in api/status-schema.ts. `null` clears a field in a merge patch. */
export interface RuleStatus {
  readonly observedGeneration?: number;
  readonly acceptedGeneration?: number;
  readonly conditions?: readonly Condition[];
  readonly lastFired?: string | null;
  readonly lastResult?: string | null;
  readonly sources?: readonly SourceStatus[];
  readonly actions?: readonly ActionStatus[];
  readonly counters?: Counters;
  readonly underWay?: number;
  readonly pending?: readonly PendingItem[];
  readonly deadLetters?: readonly DeadLetter[];
  readonly history?: readonly HistoryItem[];
  readonly tripped?: string | null;
  readonly handled?: Handled;
}

/** The values of the command annotations that were acted on. */
export interface Handled {
  readonly retry?: string;
  readonly resume?: string;
  readonly fire?: string;
}

export interface SourceStatus {
  readonly name: string;
  readonly state: 'Opening' | 'Synced' | 'Degraded' | 'Suspended';
  readonly keys?: number;
  readonly lastEvent?: string;
  readonly message?: string;
}

/** How an action last ended for one target. */
export interface TargetStatus {
  readonly target: string;
  readonly result: 'Done' | 'Unchanged' | 'Failed';
  readonly message?: string;
  /** When this became the result. */
  readonly time: string;
}

export interface ActionStatus {
  readonly name: string;
  readonly lastResult?: 'Done' | 'Unchanged' | 'Failed' | 'Skipped' | 'Retrying' | 'Waiting';
  readonly reason?: string;
  readonly message?: string;
  readonly nextAttempt?: string;
  readonly targets?: readonly TargetStatus[];
}

export interface DeadLetter {
  readonly time: string;
  readonly key: string;
  readonly reason: string;
  readonly message: string;
}

/** A key whose change waits for its delivery or is in it, and for what. */
export interface PendingItem {
  readonly source: string;
  readonly key: string;
  readonly since: string;
  readonly state: 'Deferred' | 'Retrying' | 'Waiting' | 'Held' | 'Delivering';
  /** The filter, source or action that holds it up. */
  readonly by?: string;
  readonly because?: string;
  readonly until?: string;
}

/** A gate that did not let an event pass at once. */
export interface GateVerdict {
  readonly name: string;
  readonly verdict: 'Deferred' | 'Dropped';
  readonly because: string;
}

export interface ActionResultItem {
  readonly name: string;
  readonly result: string;
  readonly attempts: number;
  readonly targets: number;
  readonly because?: string;
}

export interface HistoryItem {
  readonly time: string;
  readonly source?: string;
  readonly key: string;
  readonly change: string;
  readonly changedKeys?: readonly string[];
  readonly manualBy?: string;
  readonly result: string;
  readonly because?: string;
  readonly tookSeconds?: number;
  readonly gates?: readonly GateVerdict[];
  readonly actions?: readonly ActionResultItem[];
}

/** What the operator keeps of a TriggerRule. */
export interface TriggerRule {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly generation: number;
  readonly deleting: boolean;
  readonly resume: string | undefined;
  readonly retry: string | undefined;
  readonly fire: string | undefined;
  readonly spec: unknown;
  readonly status: RuleStatus;
}

export const ruleProjection: Projection<TriggerRule> = {
  id: 'triggerrule/1',
  of(object: KubeObject) {
    const { metadata, spec, status } = object as KubeObject & { spec?: unknown; status?: RuleStatus };
    return {
      namespace: metadata.namespace ?? '',
      name: metadata.name ?? '',
      uid: metadata.uid ?? '',
      generation: metadata.generation ?? 0,
      deleting: metadata.deletionTimestamp !== undefined,
      resume: metadata.annotations?.[RESUME_ANNOTATION],
      retry: metadata.annotations?.[RETRY_ANNOTATION],
      fire: metadata.annotations?.[FIRE_ANNOTATION],
      spec,
      status: status ?? {},
    };
  },
};
