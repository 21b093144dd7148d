import { type ActionContext, type Delivery, type TargetResult } from '@kube-trigger/core';
import { apiVersionOf, type EventRecorder, type KubeClient, type KubeObject } from '@kube-trigger/kube';
import { causeOf, OUR_PREFIX, revisionAnnotation, undoneMark } from './annotations.js';
import type { PatchingConfig } from './config.js';
import { failingAs, targetOf, unlessGone } from './errors.js';
import { workloadOf } from './index/workload.js';
import type { Course } from './pacing/deliveries.js';
import { type Standing, standingOf } from './pacing/standing.js';
import { undo } from './pacing/undo.js';
import type { Shared } from './shared.js';
import type { Member } from './snapshot/company.js';
import { point } from './snapshot/point.js';
import type { Pointing } from './snapshot/pointing.js';
import { alreadyReads, AS_EVER, readsAs, unneededBecause } from './snapshot/unneeded.js';
import { STRATEGIES } from './strategies/index.js';
import type { Applied, Job, Strategy } from './strategies/strategy.js';
import {
  adoptedBecause,
  type Asked,
  BEING_DELETED,
  carriedBecause,
  HAS_REVISION,
  isThere,
  refuseContested,
  restsBecause,
} from './targets/decide.js';
import { type Lane, meet } from './targets/lanes.js';
import type { Found, Target } from './targets/target.js';

interface Parts {
  readonly kube: KubeClient;
  readonly events: EventRecorder | undefined;
  readonly config: PatchingConfig;
  readonly delivery: Delivery;
  readonly context: ActionContext;
  readonly shared: Shared;
  /** With `configSnapshot`, for an event about something that can be copied. */
  readonly pointing?: Pointing | undefined;
  /** With `pacing`. */
  readonly course?: Course;
}

const GONE = 'does not exist any more';

/** What is at hand for one target. */
interface Work {
  /** As the index knows it. */
  readonly carrier: Found;
  readonly lane: Lane;
  /** Undefined where no snapshot is to stand for anything. */
  readonly member?: Member | undefined;
}

/** One delivery's rollouts, target by target. */
export class Rollouts {
  readonly #strategy: Strategy;
  /** In which the rule keeps its revision. */
  readonly annotation: string;

  constructor(private readonly parts: Parts) {
    this.#strategy = STRATEGIES[parts.config.strategy];
    this.annotation = revisionAnnotation(parts.context.rule);
  }

  /** Brings one target to the delivery's revision, or says why it needs nothing. Rejects without a word to other targets. */
  async bring(target: Target): Promise<TargetResult> {
    const { shared, context, pointing } = this.parts;
    const carrier = this.#strategy.carrierOf(target);
    const member = pointing?.isReadBy(carrier) ? shared.company.join(this.#meeting(carrier), pointing) : undefined;
    try {
      return await shared.lanes.run(targetOf(carrier.ref), context.signal, async (lane) => {
        meet(lane, carrier.workload.uid);
        const because = await this.#unneeded(target, { carrier, lane, member });
        if (because !== undefined) return unchanged(target, because);
        refuseContested(target, lane, [this.annotation, member?.pointing.annotation]);
        return await shared.turns.run(context.rule.uid, () => this.#bring(target, { carrier, lane, member }));
      });
    } finally {
      member?.leave();
    }
  }

  /** How far a target is with this delivery, as far as is known without asking. */
  standing(target: Target): Standing {
    const { delivery, context, shared } = this.parts;
    const carrier = this.#strategy.carrierOf(target);
    return standingOf(target, {
      carrier,
      lane: shared.lanes.peek(targetOf(carrier.ref)),
      found: this.#strategy.revisionOf(carrier.workload, this.annotation),
      annotation: this.annotation,
      delivery,
      rule: context.rule,
      revisions: this.#revisions(),
      reading: this.parts.pointing?.readingOf(carrier),
    });
  }

  /** Whether a pod was made for this change, where pods tell. */
  isRolledFor({ metadata }: KubeObject): boolean | undefined {
    if (this.#strategy !== STRATEGIES.annotate) return undefined;
    return this.#revisions().has(metadata.annotations?.[this.annotation] ?? '');
  }

  /** Rolls a target back that was rolled for this delivery, at `sinceMs` on the API server's clock. Returns why it was left as it is. */
  undo(target: Target, sinceMs: number): Promise<string | undefined> {
    const { shared, context, kube } = this.parts;
    const carrier = this.#strategy.carrierOf(target);
    return shared.lanes.run(targetOf(carrier.ref), context.signal, async (lane) => {
      const { annotation } = this;
      const job = { annotation, strategy: this.#strategy, revisions: this.#revisions(), sinceMs };
      const because = await shared.turns.run(context.rule.uid, () =>
        undo(kube, carrier, { ...job, fieldManager: this.#ownManager(), signal: context.signal }),
      );
      if (because !== undefined) return because;
      lane.revisions.delete(context.rule.uid);
      lane.rolled = undefined;
      this.#tell(target, 'RolloutUndone', `rolled back by TriggerRule ${context.rule.namespace}/${context.rule.name}`);
      return undefined;
    });
  }

  #revisions(): ReadonlySet<string> {
    return this.parts.course?.revisions ?? new Set([this.parts.delivery.revision]);
  }

  #asked(): Asked {
    const { delivery, context } = this.parts;
    return { delivery, rule: context.rule, revisions: this.#revisions() };
  }

  #ownManager(): string {
    return `kube-trigger/${this.annotation.slice(OUR_PREFIX.length)}`;
  }

  async #bring(target: Target, work: Work): Promise<TargetResult> {
    const { config, shared } = this.parts;
    if (config.configSnapshot === undefined) return this.#roll(target, work.carrier, work.lane);
    const members = await shared.company.gather(this.#meeting(work.carrier));
    // What has no snapshot itself goes with those that have one.
    return members.size === 0 ? this.#roll(target, work.carrier, work.lane) : this.#point(target, work, members);
  }

  /** Where those meet who have something to do to one object for one rule. */
  #meeting({ ref }: Found): string {
    return `${this.parts.context.rule.uid} ${targetOf(ref)}`;
  }

  async #unneeded(target: Target, { carrier, lane, member }: Work): Promise<string | undefined> {
    const { delivery, context } = this.parts;
    const asked = { event: delivery.event, rule: context.rule };
    if (member !== undefined) {
      const adopted = () => adoptedBecause(target, lane, asked);
      const because = await unneededBecause(target, { member, lane, adopted });
      if (because !== AS_EVER) return because;
    }
    const resting = restsBecause(target);
    if (resting !== undefined) return resting;
    const found = this.#strategy.revisionOf(carrier.workload, this.annotation);
    if (isThere(found, lane, this.#asked())) return HAS_REVISION;
    // With pacing, a rollout is followed by the revision that its pods have.
    const carried = this.parts.course === undefined ? carriedBecause(target, lane, asked) : undefined;
    return carried ?? adoptedBecause(target, lane, asked);
  }

  async #roll(target: Target, indexed: Found, lane: Lane): Promise<TargetResult> {
    const { delivery, context } = this.parts;
    context.signal.throwIfAborted();
    let carrier = indexed;
    // What the index and this process know says nothing once an attempt's end is unknown: it may arrive yet.
    const mayBeSent = delivery.redelivered && this.parts.course?.isOwn !== true;
    if (mayBeSent || lane.doubt !== undefined) {
      const fresh = await this.#look(carrier);
      if (fresh === undefined) return unchanged(target, GONE);
      carrier = fresh;
      const found = this.#strategy.revisionOf(carrier.workload, this.annotation);
      const { doubt } = lane;
      lane.doubt = undefined;
      lane.revisions.clear();
      if (doubt?.by === context.rule.uid && doubt.revision === found) lane.revisions.set(doubt.by, doubt);
      if (carrier.workload.deleting) return unchanged(target, BEING_DELETED);
      const isArrived = isThere(found, lane, this.#asked()) || (found !== undefined && this.#revisions().has(found));
      if (isArrived) return unchanged(target, HAS_REVISION);
    }
    return this.#apply(target, carrier, lane);
  }

  /** Into one patch goes whatever begins together with this change. */
  async #point(target: Target, work: Work, members: ReadonlyMap<Member, string>): Promise<TargetResult> {
    const { kube, context } = this.parts;
    context.signal.throwIfAborted();
    const wanted = new Map([...members].map(([{ pointing }, snapshot]) => [pointing.object, snapshot]));
    const object = work.member?.pointing.object ?? '';
    const snapshot = wanted.get(object);
    const there = snapshot === undefined ? HAS_REVISION : alreadyReads(object, snapshot);
    const send = async (job: Job) => (await point(kube, work.carrier, { wanted, job })) ?? there;
    const result = await this.#send(target, work, send);
    if (result.outcome !== 'done') return result;
    for (const other of members.keys()) if (other !== work.member) other.carriedBy = object;
    if (snapshot === undefined) return result;
    return { ...result, message: [result.message, readsAs(object, snapshot)].filter(Boolean).join('; ') };
  }

  #apply(target: Target, carrier: Found, lane: Lane): Promise<TargetResult> {
    const { kube } = this.parts;
    return this.#send(target, { carrier, lane }, (job) => this.#strategy.apply(kube, carrier, job));
  }

  /** Sends a patch, and learns from its answer; or hears why there is nothing to send. */
  async #send(
    target: Target,
    { carrier, lane }: Work,
    send: (job: Job) => Promise<Applied | string>,
  ): Promise<TargetResult> {
    const { delivery, context } = this.parts;
    const { rule } = context;
    const job = this.#job();
    const sent = { revision: job.revision, id: delivery.id, atMs: job.nowMs };
    lane.doubt = { ...sent, by: rule.uid };
    const applied = (await unlessGone(this.parts.config, () => failingAs(carrier.ref, () => send(job)))) ?? GONE;
    lane.doubt = undefined;
    if (typeof applied === 'string') return unchanged(target, applied);
    const { workload } = applied;
    lane.revisions.set(rule.uid, { ...sent, generation: workload.generation });
    if (workload.deleting) return unchanged(target, BEING_DELETED);
    if ((workload.generation ?? 0) > (carrier.workload.generation ?? 0) && !workload.paused && !workload.onDelete) {
      lane.rolled = { by: rule.uid, rule: `${rule.namespace}/${rule.name}`, atMs: job.nowMs };
    }
    this.#tell(target, 'RolloutTriggered', job.cause);
    return { target: targetOf(target.ref), outcome: 'done', ...messageOf(applied) };
  }

  #job(): Job {
    const { delivery, context, config, course } = this.parts;
    // Read once, here, and not before: it moves on when the delivery of another key begins.
    const { revision } = delivery;
    course?.revisions.add(revision);
    return {
      annotation: this.annotation,
      revision,
      cause: causeOf(delivery.event, context.rule),
      outdated: undoneMark(this.annotation),
      nowMs: context.scheduler.now(),
      patchType: config.patchType ?? 'merge',
      // With pacing its time is when this rule last rolled the target.
      mergeManager: course === undefined ? 'kube-trigger' : this.#ownManager(),
      applyManager: this.#ownManager(),
      signal: context.signal,
    };
  }

  async #look(carrier: Found): Promise<Found | undefined> {
    const { kube, context } = this.parts;
    const { ref, kind } = carrier;
    const object = await unlessGone(this.parts.config, () =>
      failingAs(ref, () => kube.get(ref, { signal: context.signal })),
    );
    return object === undefined ? undefined : { ...carrier, workload: workloadOf(object, kind) };
  }

  #tell({ ref, workload }: Target, reason: string, message: string): void {
    const { resource, namespace, name } = ref;
    const regarding = { apiVersion: apiVersionOf(resource), kind: resource.kind, namespace, name, uid: workload.uid };
    this.parts.events?.record({ regarding, type: 'Normal', reason, message });
  }
}

function unchanged({ ref }: Target, message: string): TargetResult {
  return { target: targetOf(ref), outcome: 'unchanged', message };
}

function messageOf({ workload }: Applied): { message?: string } {
  const { generation, paused, onDelete } = workload;
  const said = [
    ...(generation === undefined ? [] : [`generation ${generation}`]),
    ...(paused ? ['paused: it rolls when it is resumed'] : []),
    ...(onDelete ? ['update strategy OnDelete: its pods are replaced when they are deleted'] : []),
  ];
  return said.length === 0 ? {} : { message: said.join('; ') };
}
