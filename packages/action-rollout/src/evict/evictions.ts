import { type ActionContext, type Delivery, type TargetResult } from '@kube-trigger/core';
import { apiVersionOf, type EventRecorder, type KubeClient, WELL_KNOWN } from '@kube-trigger/kube';
import { CAUSE_ANNOTATION, causeOf, OUR_PREFIX, revisionAnnotation, undoneMark } from '../annotations.js';
import type { RolloutConfig } from '../config.js';
import { failingAs, targetOf, unlessGone } from '../errors.js';
import { workloadOf } from '../index/workload.js';
import type { Known } from '../index/workload-view.js';
import type { Shared } from '../shared.js';
import { patchObject } from '../strategies/patch.js';
import { adoptedBecause, BEING_DELETED, HAS_REVISION, seenAfter } from '../targets/decide.js';
import type { Lane } from '../targets/lanes.js';
import type { Target } from '../targets/target.js';
import { type Evict, mostUnavailable } from './config.js';
import type { Evictor } from './eviction.js';
import type { PodGroup } from './groups.js';
import { isFor, type Mark, markText, parseMark, shortUid } from './mark.js';
import type { Marked, Marks } from './memory.js';
import { type Member, type Plan, planFor } from './plan.js';
import { podOf } from './pod.js';

interface Parts {
  readonly kube: KubeClient;
  readonly events: EventRecorder | undefined;
  readonly evictor: Evictor;
  readonly config: RolloutConfig;
  readonly evict: Evict;
  readonly delivery: Delivery;
  readonly context: ActionContext;
  readonly shared: Shared;
  readonly marks: Marks;
}

/** How far a target is; `waitsFor` is missing once it is through. */
export interface Brought {
  readonly result: TargetResult;
  readonly waitsFor?: string;
}

/** Pods that have ended or were never on a node read nothing of the former state. */
const MAY_HAVE_READ = 'spec.nodeName!=,status.phase!=Succeeded,status.phase!=Failed';
/** A budget may refuse one pod and allow the next. */
const MOST_REFUSALS = 3;

/** One delivery's evictions, group by group. Each call looks how far the group is and takes the next steps that are allowed. */
export class Evictions {
  readonly #annotation: string;

  constructor(private readonly parts: Parts) {
    this.#annotation = revisionAnnotation(parts.context.rule);
  }

  bring(group: PodGroup): Promise<Brought> {
    const { shared, context } = this.parts;
    return shared.lanes.run(targetOf(group.carrier.ref), context.signal, async (lane) => {
      const marked = await this.#marked(group, lane);
      if (typeof marked === 'string') return unchanged(group.carrier, marked);
      const { replacing } = marked.mark;
      return replacing === undefined
        ? unchanged(group.carrier, HAS_REVISION)
        : this.#advance(group, marked, replacing.old);
    });
  }

  /** A pod that nobody makes anew goes once, and that is all. */
  bringAlone({ ref, workload, changedAtMs }: Target): Promise<Brought> {
    const { shared, context, delivery, evictor, marks } = this.parts;
    const target = targetOf(ref);
    return shared.lanes.run(target, context.signal, async () => {
      if (this.#isNewer({ ref, workload, changedAtMs, removals: {} })) return unchanged({ ref }, NEWER);
      if (marks.of(target, delivery.id) !== undefined) return unchanged({ ref }, HAS_REVISION);
      const ended = await this.#inTurn(() => evictor.evict(ref, workload.uid, context.signal));
      if (typeof ended === 'object') {
        const waitsFor = `${ref.name} may not be evicted: ${ended.refused}`;
        return { result: { target, outcome: 'unchanged', message: waitsFor }, waitsFor };
      }
      const mark = { revision: undefined, delivery: delivery.id, replacing: undefined };
      const { uid } = workload;
      marks.set(target, delivery.id, { uid, mark, atMs: 0, doubtful: false, found: false, evicted: new Set([uid]) });
      this.#tell({ ref, workload }, causeOf(delivery.event, context.rule));
      return { result: { target, outcome: 'done', message: 'evicted; it has no controller that makes it anew' } };
    });
  }

  /** The mark by which this delivery goes: known, found, or written now. A text says why none is needed. */
  async #marked(group: PodGroup, lane: Lane): Promise<Marked | string> {
    const { delivery, context, marks } = this.parts;
    const { carrier, target: workload } = group;
    const target = targetOf(carrier.ref);
    const isOf = (marked: Marked | undefined) => marked?.uid === carrier.workload.uid && !marked.doubtful;
    const own = marks.of(target, delivery.id);
    if (own !== undefined && isOf(own)) return own;
    const latest = marks.latest(target);
    const { event } = delivery;
    if (latest !== undefined && isOf(latest) && isFor(latest.mark, delivery) && latest.atMs >= event.observedAtMs) {
      marks.set(target, delivery.id, latest);
      return latest;
    }
    if (delivery.redelivered || latest?.doubtful === true) {
      const found = await this.#lookFor(group);
      if (found !== undefined) return found;
    }
    const adopted = workload === undefined ? undefined : adoptedBecause(workload, lane, { event, rule: context.rule });
    return adopted ?? this.#write(group);
  }

  async #lookFor({ carrier }: PodGroup): Promise<Marked | string | undefined> {
    const { kube, delivery, context, marks } = this.parts;
    const { ref, kind } = carrier;
    const object = await unlessGone(this.parts.config, () =>
      this.#inTurn(() => failingAs(ref, () => kube.get(ref, { signal: context.signal }))),
    );
    if (object === undefined) return 'does not exist any more';
    const workload = workloadOf(object, kind);
    if (workload.deleting) return BEING_DELETED;
    const mark = parseMark(workload.annotations[this.#annotation]);
    if (mark === undefined || !isFor(mark, delivery)) return undefined;
    const marked: Marked = {
      uid: workload.uid,
      mark,
      atMs: context.scheduler.now(),
      doubtful: false,
      found: true,
      evicted: new Set(),
    };
    marks.set(targetOf(ref), delivery.id, marked);
    return marked;
  }

  /** Names the pods that are to go, as they are at this moment; the watch may lag behind the change. */
  async #write(group: PodGroup): Promise<Marked | string> {
    const { delivery, context, marks } = this.parts;
    const { carrier, view } = group;
    const listed = await this.#listed(group);
    if (listed.length === 0) return 'has no pods that may have read the former state';
    const old = listed.filter(({ name }) => !this.#isNewer(view.get(name)));
    if (old.length === 0) return NEWER;
    const mark: Mark = {
      // What is adopted is newer than this change; another key's, of the same combined revision, may have come later.
      revision: old.length === listed.length ? delivery.revision : undefined,
      delivery: delivery.id,
      replacing: { pods: group.pods.of(group.owner).length, old: new Set(old.map(({ uid }) => shortUid(uid))) },
    };
    const atMs = context.scheduler.now();
    const { uid } = carrier.workload;
    const marked: Marked = { uid, mark, atMs, doubtful: true, found: false, evicted: new Set() };
    marks.set(targetOf(carrier.ref), delivery.id, marked);
    const written = await unlessGone(this.parts.config, () => this.#annotate(group, mark));
    marked.doubtful = false;
    if (written === undefined) return 'does not exist any more';
    this.#tell(carrier, causeOf(delivery.event, context.rule));
    return marked;
  }

  async #advance(group: PodGroup, marked: Marked, old: ReadonlySet<string>): Promise<Brought> {
    const { ref } = group.carrier;
    const target = targetOf(ref);
    const isFirst = !marked.found && marked.evicted.size === 0;
    const { plan } = this.#look(group, marked);
    const refused = await this.#evict(plan, group, marked);
    const after = this.#look(group, marked);
    const left = after.members.filter((member) => member.old && isThere(member)).length;
    const far = `${old.size - left} of ${old.size} pods replaced`;
    if (plan.complete && (await this.#isConfirmed(group, marked, old))) {
      await this.#finish(group, marked);
      return {
        result: { target, outcome: marked.evicted.size > 0 || marked.found ? 'done' : 'unchanged', message: far },
      };
    }
    const waitsFor = `${far}; ${waitingFor(after.plan, refused, after.wanted)}`;
    return { result: { target, outcome: isFirst ? 'done' : 'unchanged', message: waitsFor }, waitsFor };
  }

  #look(group: PodGroup, marked: Marked): { members: readonly Member[]; plan: Plan; wanted: number } {
    const { carrier } = group;
    const members = group.pods.of(group.owner).map((known): Member => this.#memberOf(known, marked));
    const wanted = carrier.workload.wanted ?? marked.mark.replacing?.pods ?? members.length;
    const maxUnavailable = mostUnavailable(this.parts.evict, wanted);
    const ordinals = carrier.kind.known && carrier.kind.kind === 'StatefulSet';
    return { members, plan: planFor({ members, wanted, maxUnavailable, ordinals }), wanted };
  }

  #memberOf({ ref, workload }: Known, { mark, evicted }: Marked): Member {
    const pod = workload.pod;
    if (pod === undefined) throw new TypeError('a view of pods has something else');
    const { uid, createdAtMs, because } = pod;
    const state = evicted.has(uid) && pod.state !== 'ended' ? 'leaving' : pod.state;
    const old = mark.replacing?.old.has(shortUid(uid)) === true;
    return { name: ref.name, uid, createdAtMs, because, state, old };
  }

  /** Evicts what may go. Returns why the first one that may not is refused. */
  async #evict({ candidates, room }: Plan, { carrier }: PodGroup, { evicted }: Marked) {
    const { evictor, context } = this.parts;
    const refusals: { readonly name: string; readonly because: string }[] = [];
    let left = room;
    for (const { name, uid } of candidates) {
      if (left === 0 || refusals.length === MOST_REFUSALS) break;
      context.signal.throwIfAborted();
      const ref = { resource: WELL_KNOWN.Pod, namespace: carrier.ref.namespace, name };
      const answer = await this.#inTurn(() => evictor.evict(ref, uid, context.signal));
      if (typeof answer === 'object') {
        refusals.push({ name, because: answer.refused });
        continue;
      }
      evicted.add(uid);
      left -= 1;
    }
    return refusals[0];
  }

  /** The watch may not know a pod yet that the list had: asked once more before the mark is cut down. */
  async #isConfirmed(group: PodGroup, { evicted }: Marked, old: ReadonlySet<string>): Promise<boolean> {
    const left = (await this.#listed(group)).filter(({ uid }) => old.has(shortUid(uid)));
    for (const { uid } of left) evicted.delete(uid);
    return left.length === 0;
  }

  async #finish(group: PodGroup, marked: Marked): Promise<void> {
    const { marks } = this.parts;
    const { revision, delivery } = marked.mark;
    const mark: Mark = { revision, delivery, replacing: undefined };
    const isLatest = marks.latest(targetOf(group.carrier.ref)) === marked;
    if (isLatest) await unlessGone(this.parts.config, () => this.#annotate(group, mark));
    marked.mark = mark;
  }

  /** Pods of a group that may have read the former state and are not on their way out, by the API server's word. */
  async #listed(group: PodGroup): Promise<{ readonly uid: string; readonly name: string }[]> {
    const { kube, context } = this.parts;
    const { carrier, labelSelector, owner } = group;
    const { namespace } = carrier.ref;
    const { signal } = context;
    const query = { namespace, labelSelector, fieldSelector: MAY_HAVE_READ, as: 'metadata', signal } as const;
    const place = { resource: WELL_KNOWN.Pod, namespace };
    const objects = await this.#inTurn(() => failingAs(place, () => kube.list(WELL_KNOWN.Pod, query)));
    return objects.flatMap((object) => {
      const { name = '' } = object.metadata;
      const pod = podOf(object);
      const counts = owner.owns(pod) && pod.state !== 'leaving' && group.means({ name, labels: pod.labels });
      return counts ? [{ uid: pod.uid, name }] : [];
    });
  }

  /** Made after the change, as far as this process saw it: such a pod read the new state. */
  #isNewer(pod: Known | undefined): boolean {
    const { change, observedAtMs } = this.parts.delivery.event;
    return change !== 'occurred' && pod !== undefined && seenAfter(pod, observedAtMs);
  }

  #annotate({ carrier }: PodGroup, mark: Mark) {
    const { kube, config, delivery, context } = this.parts;
    const cause = causeOf(delivery.event, context.rule);
    const manager = `kube-trigger/${this.#annotation.slice(OUR_PREFIX.length)}`;
    const job = {
      annotation: this.#annotation,
      revision: delivery.revision,
      cause,
      outdated: undoneMark(this.#annotation),
      nowMs: context.scheduler.now(),
      patchType: config.patchType ?? 'merge',
      mergeManager: 'kube-trigger',
      applyManager: manager,
      signal: context.signal,
    } as const;
    const body = { metadata: { annotations: { [this.#annotation]: markText(mark), [CAUSE_ANNOTATION]: cause } } };
    return this.#inTurn(() => failingAs(carrier.ref, () => patchObject(kube, carrier, { body, job })));
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    return this.parts.shared.turns.run(this.parts.context.rule.uid, work);
  }

  #tell({ ref, workload }: Pick<Known, 'ref' | 'workload'>, message: string): void {
    const { resource, namespace, name } = ref;
    const regarding = { apiVersion: apiVersionOf(resource), kind: resource.kind, namespace, name, uid: workload.uid };
    this.parts.events?.record({ regarding, type: 'Normal', reason: 'RolloutTriggered', message });
  }
}

const NEWER = 'adopted: its pods were made after this change';

function isThere({ state }: Member): boolean {
  return state === 'ready' || state === 'unready';
}

function waitingFor(
  { slowest, ready }: Plan,
  refused: { readonly name: string; readonly because: string } | undefined,
  wanted: number,
): string {
  if (refused !== undefined) return `${refused.name} may not be evicted: ${refused.because}`;
  const whom = slowest === undefined ? 'a new pod' : `${slowest.name} (${slowest.because})`;
  return `waiting for ${whom}: ${ready} of ${wanted} are ready`;
}

function unchanged({ ref }: Pick<Known, 'ref'>, message: string): Brought {
  return { result: { target: targetOf(ref), outcome: 'unchanged', message } };
}
