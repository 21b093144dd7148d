import type { ActionContext, ActionResult, Delivery } from '@kube-trigger/core';
import { type EventRecorder, type KubeClient, labelSelectorText, WELL_KNOWN } from '@kube-trigger/kube';
import { defer, delay, EMPTY, filter, merge, type Observable, of, take } from 'rxjs';
import type { RolloutConfig } from '../config.js';
import type { Shared } from '../shared.js';
import { isAllowed } from '../targets/allowed.js';
import type { Choice } from '../targets/choose.js';
import { isPod, kindOf, POD } from '../targets/kinds.js';
import type { Target } from '../targets/target.js';
import type { Views, Where } from '../targets/views.js';
import { answerOfEvictions } from './answer.js';
import { forbiddenToEvict } from './errors.js';
import { Evictor } from './eviction.js';
import { Evictions } from './evictions.js';
import { groupsOf, type PodGroup } from './groups.js';
import { Marks, Recent } from './memory.js';
import { type Owned, ownerKeys, ownerOf } from './owners.js';

interface Parts {
  readonly kube: KubeClient;
  readonly events: EventRecorder | undefined;
  readonly views: Views;
  readonly shared: Shared;
}

interface Run {
  readonly config: RolloutConfig;
  readonly delivery: Delivery;
  readonly context: ActionContext;
}

/** A replaced pod says several times how it gets on. */
const SOON_MS = 300;
const MAX_DELIVERIES = 1_000;

/** `strategy: evict`. What it keeps in memory spares requests; what matters is written on the workloads. */
export class EvictAction {
  readonly #evictor: Evictor;
  readonly #marks = new Marks();
  /** One pod of each controller, by delivery. */
  readonly #unfinished = new Recent<readonly Target[]>(MAX_DELIVERIES);

  constructor(private readonly parts: Parts) {
    this.#evictor = new Evictor(parts.kube);
  }

  /** Takes the steps that are allowed now; `waiting` until every pod that is meant was replaced and is ready. */
  async run(choice: Choice, { config, delivery, context }: Run): Promise<ActionResult> {
    const { kube, views } = this.parts;
    const grouped = await groupsOf(this.#withUnfinished(choice, delivery), { kube, config, context, views });
    const { evict = { maxUnavailable: 1 } } = config;
    const own = { evictor: this.#evictor, marks: this.#marks };
    const evictions = new Evictions({ ...this.parts, ...own, config, evict, delivery, context });
    const tried = await Promise.allSettled([
      ...grouped.groups.map((group) => evictions.bring(group)),
      ...grouped.alone.map((pod) => evictions.bringAlone(pod)),
    ]);
    context.signal.throwIfAborted();
    const answer = answerOfEvictions(grouped, tried, moved(grouped.groups, context));
    if (answer.outcome === 'waiting') this.#unfinished.set(delivery.id, podsOf(grouped.groups));
    else this.#unfinished.delete(delivery.id);
    return answer;
  }

  /** Where pods are meant as such, the last one of a controller may be gone while its replacement is not there yet. */
  #withUnfinished(choice: Choice, { id }: Delivery): Choice {
    const controllers = new Set(choice.targets.map(controllerUid));
    const missing = (this.#unfinished.get(id) ?? []).filter((pod) => !controllers.has(controllerUid(pod)));
    return missing.length === 0 ? choice : { ...choice, targets: [...choice.targets, ...missing], left: [] };
  }

  /** Pods are seen, their owners tell which they are, and they may be evicted. */
  async check(scopes: readonly Where[], context: ActionContext): Promise<void> {
    const { kube, views } = this.parts;
    for (const scope of scopes) {
      const { namespace } = scope;
      await views.at({ kind: POD, namespace, labelSelector: await this.#labelsAt(scope, context) }, context);
      const question = { verb: 'create', resource: WELL_KNOWN.Pod, subresource: 'eviction', namespace };
      if (!(await isAllowed(kube, question, context))) throw forbiddenToEvict(namespace);
    }
  }

  async #labelsAt(scope: Where, context: ActionContext): Promise<string | undefined> {
    if (scope.name === undefined || isPod(scope.kind)) return undefined;
    const { view } = await this.parts.views.at(scope, context);
    const known = view.get(scope.name);
    if (known === undefined) return undefined;
    ownerOf({ ...known, kind: scope.kind });
    const { selector, workloadRef } = known.workload;
    if (selector !== undefined || workloadRef === undefined) return labelSelectorText(selector);
    // The same watch as at a change: see `groupsOf`.
    const { kind, name } = { ...workloadRef, kind: kindOf(workloadRef) };
    const held = await this.parts.views.at({ kind, namespace: scope.namespace, name }, context);
    return labelSelectorText(held.view.get(name)?.workload.selector);
  }
}

function podsOf(groups: readonly PodGroup[]): readonly Target[] {
  return groups.flatMap(({ pod }) => pod ?? []);
}

function controllerUid({ workload: { pod } }: Target): string | undefined {
  return pod?.controller?.uid;
}

/** Emits once a pod of these groups is another, or is as it was not when this began. */
function moved(groups: readonly PodGroup[], { scheduler }: ActionContext): Observable<unknown> {
  const keys = new Set(groups.flatMap(({ owner }) => owner.key ?? []));
  const scanning = groups.filter(({ owner }) => owner.key === undefined);
  const isOurs = (pod: Owned) =>
    ownerKeys(pod).some((key) => keys.has(key)) || scanning.some(({ owner }) => owner.owns(pod));
  const views = [...new Set(groups.map(({ view }) => view))];
  const isLater = () => groups.some(({ view, pods }) => view.version !== pods.version);
  const missed = defer(() => (isLater() ? of(undefined) : EMPTY));
  const heard = views.map((view) =>
    view.changes.pipe(
      filter((name) => {
        const pod = name === undefined ? undefined : view.get(name)?.workload.pod;
        return pod === undefined || isOurs(pod);
      }),
    ),
  );
  return merge(missed, ...heard).pipe(take(1), delay(SOON_MS, scheduler));
}
