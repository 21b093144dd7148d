import type { ActionContext, TargetResult, TriggerError } from '@kube-trigger/core';
import { type KubeClient, labelSelectorText, type ObjectRef, selectorMatches } from '@kube-trigger/kube';
import type { RolloutConfig } from '../config.js';
import { failingAs, targetOf } from '../errors.js';
import { workloadOf } from '../index/workload.js';
import type { WorkloadView } from '../index/workload-view.js';
import { allSettled } from '../targets/all-settled.js';
import type { Choice } from '../targets/choose.js';
import { BEING_DELETED, restsBecause } from '../targets/decide.js';
import { isPod, kindOf, POD, resourceOf } from '../targets/kinds.js';
import type { Found, Target } from '../targets/target.js';
import type { Views } from '../targets/views.js';
import { byKey, type Owner, ownerOf, PodIndex } from './owners.js';

/** Pods that belong together: as many of them as `maxUnavailable` says may be away at a time. */
export interface PodGroup {
  /** Named in results, and what the mark is written on. */
  readonly carrier: Found;
  /** Undefined where its pods are meant one by one. */
  readonly target: Target | undefined;
  /** One of its pods, where these are meant as such. */
  readonly pod: Target | undefined;
  readonly owner: Owner;
  /** Which of its pods are meant. */
  means(pod: { readonly name: string; readonly labels: Readonly<Record<string, string>> }): boolean;
  readonly pods: PodIndex;
  readonly view: WorkloadView;
  /** Narrows what is asked of the API server; undefined: all of the namespace. */
  readonly labelSelector: string | undefined;
}

/** What an event comes to, pod by pod. */
export interface Grouped {
  readonly groups: readonly PodGroup[];
  /** Pods that nobody makes anew. */
  readonly alone: readonly Target[];
  readonly left: readonly TargetResult[];
  readonly failures: readonly TriggerError[];
}

interface Asked {
  readonly kube: KubeClient;
  readonly config: RolloutConfig;
  readonly context: ActionContext;
  readonly views: Views;
}

export async function groupsOf(choice: Choice, asked: Asked): Promise<Grouped> {
  const grouping = new Grouping(asked);
  const workloads = choice.targets.filter(({ kind }) => !isPod(kind));
  const pods = choice.targets.filter(({ kind }) => isPod(kind));
  const { alone, left, byController } = sorted(pods, asked.config);
  const { values, failures } = await allSettled([
    ...workloads.map((target) => grouping.ofWorkload(target)),
    ...byController.map((together) => grouping.ofPods(together)),
  ]);
  return {
    groups: values.filter((group): group is PodGroup => 'carrier' in group),
    alone,
    left: [...choice.left, ...left, ...values.filter((group): group is TargetResult => 'outcome' in group)],
    failures: [...choice.failures, ...failures],
  };
}

/** Pods that are meant as such: those of one controller together, and what is left alone. */
function sorted(pods: readonly Target[], { objectRef }: RolloutConfig) {
  const alone: Target[] = [];
  const left: TargetResult[] = [];
  const byController = new Map<string, Target[]>();
  for (const target of pods) {
    const controller = target.workload.pod?.controller;
    const because = leftBecause(target, objectRef !== undefined);
    if (because !== undefined) left.push({ target: targetOf(target.ref), outcome: 'unchanged', message: because });
    else if (controller === undefined) alone.push(target);
    else byController.set(controller.uid, [...(byController.get(controller.uid) ?? []), target]);
  }
  return { alone, left, byController: [...byController.values()] };
}

function leftBecause({ workload: { pod } }: Target, byName: boolean): string | undefined {
  if (pod === undefined || pod.state === 'ended') return 'has ended';
  if (pod.mirror) return 'is a static pod: its kubelet runs it from a file, and an eviction does not restart it';
  if (pod.controller?.kind === 'Job') return 'belongs to a Job, which counts an eviction as a failure';
  if (pod.controller !== undefined) return undefined;
  if (pod.state === 'leaving') return BEING_DELETED;
  return byName ? undefined : 'has no controller that would make it anew: evicted only where objectRef names it';
}

class Grouping {
  readonly #indexes = new Map<WorkloadView, PodIndex>();

  constructor(private readonly asked: Asked) {}

  async ofWorkload(target: Target): Promise<PodGroup | TargetResult> {
    const resting = restsBecause(target);
    if (resting !== undefined) return { target: targetOf(target.ref), outcome: 'unchanged', message: resting };
    const owner = ownerOf(target);
    const labelSelector = labelSelectorText(target.workload.selector ?? target.holder.workload.selector);
    // One of a kind is watched by its labels; where there are many, one watch of the namespace has them all.
    const only = this.asked.config.objectRef === undefined ? undefined : labelSelector;
    const view = await this.#podsIn(target.ref, only);
    return { carrier: target, target, pod: undefined, owner, means: () => true, labelSelector, ...view };
  }

  async ofPods(pods: readonly Target[]): Promise<PodGroup | TargetResult> {
    const [first] = pods;
    const controller = first?.workload.pod?.controller;
    if (first === undefined || controller === undefined) throw new TypeError('pods without a controller');
    const { namespace } = first.ref;
    const kind = kindOf(controller);
    const resource = await resourceOf(this.asked.kube, kind);
    const ref = { resource, namespace, name: controller.name };
    const { signal } = this.asked.context;
    const object = await failingAs(ref, () => this.asked.kube.get(ref, { signal }));
    const workload = workloadOf(object, kind);
    const gone = workload.uid !== controller.uid || workload.deleting;
    if (gone) return { target: targetOf(ref), outcome: 'unchanged', message: BEING_DELETED };
    const carrier: Found = { ref, kind, workload, changedAtMs: undefined, removals: {} };
    const { selector } = this.asked.config;
    const names = new Set(pods.map((pod) => pod.ref.name));
    const means: PodGroup['means'] = ({ name, labels }) =>
      selector === undefined ? names.has(name) : selectorMatches(selector, labels);
    const view = await this.#podsIn(ref, undefined);
    return {
      carrier,
      target: undefined,
      pod: first,
      owner: byKey(controller.uid),
      means,
      labelSelector: undefined,
      ...view,
    };
  }

  async #podsIn({ namespace = '' }: ObjectRef, labelSelector: string | undefined) {
    const { views, context } = this.asked;
    const { view } = await views.at({ kind: POD, namespace, labelSelector }, context);
    const pods = this.#indexes.get(view) ?? new PodIndex(view);
    this.#indexes.set(view, pods);
    return { view, pods };
  }
}
