import type { OwnerReference } from '@kube-trigger/kube';
import { selectorMatches } from '@kube-trigger/kube';
import type { Known, WorkloadView } from '../index/workload-view.js';
import type { Found } from '../targets/target.js';
import { noSelector } from './errors.js';

/** What tells whose a pod is. */
export interface Owned {
  readonly labels: Readonly<Record<string, string>>;
  readonly controller: OwnerReference | undefined;
}

/** The label by which the ReplicaSets of a kind are told apart, and which ends their names. */
const HASH_LABELS: Readonly<Record<string, string>> = {
  Deployment: 'pod-template-hash',
  Rollout: 'rollouts-pod-template-hash',
};

/** Says which pods are whose: by their controllers, through ReplicaSets without reading those. */
export interface Owner {
  /** For the index of pods; undefined where only a look at each pod tells. */
  readonly key: string | undefined;
  owns(pod: Owned): boolean;
}

/** @throws TriggerError `KT_ROLLOUT_NO_SELECTOR` for custom kinds that say nothing of their pods. */
export function ownerOf({ ref, kind, workload }: Found): Owner {
  if (!kind.known) return bySelector({ ref, workload });
  const hashLabel = HASH_LABELS[kind.kind];
  return byKey(hashLabel === undefined ? workload.uid : `${hashLabel}/${ref.name}`);
}

export function byKey(key: string): Owner {
  return { key, owns: (pod) => ownerKeys(pod).includes(key) };
}

/** A custom kind's controller may have others make the pods. Whoever makes them, someone does. */
function bySelector({ ref, workload }: Pick<Found, 'ref' | 'workload'>): Owner {
  const { selector, uid } = workload;
  const { matchLabels = {}, matchExpressions = [] } = selector ?? {};
  if (Object.keys(matchLabels).length + matchExpressions.length === 0) throw noSelector(ref);
  return {
    key: undefined,
    owns: ({ labels, controller }) =>
      controller !== undefined && (controller.uid === uid || selectorMatches(selector, labels)),
  };
}

export function ownerKeys({ labels, controller }: Owned): string[] {
  if (controller === undefined) return [];
  if (controller.kind !== 'ReplicaSet') return [controller.uid];
  const above = Object.values(HASH_LABELS).flatMap((label) => {
    const end = `-${labels[label] ?? ''}`;
    return end !== '-' && controller.name.endsWith(end) ? [`${label}/${controller.name.slice(0, -end.length)}`] : [];
  });
  return [controller.uid, ...above];
}

/** The pods of a view by their owners, as they are at one moment. */
export class PodIndex {
  /** The view's, when this began: whatever it heard later is not in here. */
  readonly version: number;
  #byKey: Map<string, Known[]> | undefined;

  constructor(private readonly view: WorkloadView) {
    this.version = view.version;
  }

  of(owner: Owner): readonly Known[] {
    if (owner.key !== undefined) return this.#keyed().get(owner.key) ?? [];
    return [...this.view.all()].filter(({ workload: { pod } }) => pod !== undefined && owner.owns(pod));
  }

  #keyed(): Map<string, Known[]> {
    if (this.#byKey !== undefined) return this.#byKey;
    const index = new Map<string, Known[]>();
    for (const known of this.view.all()) {
      const { pod } = known.workload;
      for (const key of pod === undefined ? [] : ownerKeys(pod)) {
        const pods = index.get(key);
        if (pods === undefined) index.set(key, [known]);
        else pods.push(known);
      }
    }
    this.#byKey = index;
    return index;
  }
}
