import { type ActionContext, type Delivery, isTriggerError, type TargetResult } from '@kube-trigger/core';
import { apiVersionOf, type EventRecorder, type KubeClient, type KubeObject } from '@kube-trigger/kube';
import { causeOf, OUR_PREFIX, revisionAnnotation, undoneMark } from './annotations.js';
import type { PatchingConfig } from './config.js';
import { failingAs, targetOf } from './errors.js';
import { workloadOf } from './index/workload.js';
import type { Course } from './pacing/deliveries.js';
import { type Standing, standingOf } from './pacing/standing.js';
import { undo } from './pacing/undo.js';
import type { Shared } from './shared.js';
import { STRATEGIES } from './strategies/index.js';
import type { Applied, Job, Strategy } from './strategies/strategy.js';
import {
  adoptedBecause,
  BEING_DELETED,
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
  /** With `pacing`. */
  readonly course?: Course;
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
  bring(target: Target): Promise<TargetResult> {
    const { shared, context } = this.parts;
    const carrier = this.#strategy.carrierOf(target);
    return shared.lanes.run(targetOf(carrier.ref), context.signal, async (lane) => {
      meet(lane, carrier.workload.uid);
      const because = this.#unneeded(target, carrier, lane);
      if (because !== undefined) return unchanged(target, because);
      refuseContested(target, lane, this.annotation);
      return shared.turns.run(context.rule.uid, () => this.#roll(target, carrier, lane));
    });
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

  #ownManager(): string {
    return `kube-trigger/${this.annotation.slice(OUR_PREFIX.length)}`;
  }

  #unneeded(target: Target, carrier: Found, lane: Lane): string | undefined {
    const { delivery, context } = this.parts;
    const resting = restsBecause(target);
    if (resting !== undefined) return resting;
    const found = this.#strategy.revisionOf(carrier.workload, this.annotation);
    if (isThere(found, lane, { delivery, rule: context.rule, revisions: this.#revisions() })) return HAS_REVISION;
    return adoptedBecause(target, lane, { event: delivery.event, rule: context.rule });
  }

  async #roll(target: Target, indexed: Found, lane: Lane): Promise<TargetResult> {
    const { delivery, context } = this.parts;
    context.signal.throwIfAborted();
    let carrier = indexed;
    // What the index and this process know says nothing once an attempt's end is unknown: it may arrive yet.
    const mayBeSent = delivery.redelivered && this.parts.course?.isOwn !== true;
    if (mayBeSent || lane.doubtful) {
      const fresh = await this.#look(carrier);
      if (fresh === undefined) return unchanged(target, 'does not exist any more');
      carrier = fresh;
      const found = this.#strategy.revisionOf(carrier.workload, this.annotation);
      lane.doubtful = false;
      lane.revisions.clear();
      if (carrier.workload.deleting) return unchanged(target, BEING_DELETED);
      if (found !== undefined && this.#revisions().has(found)) return unchanged(target, HAS_REVISION);
    }
    return this.#apply(target, carrier, lane);
  }

  async #apply(target: Target, carrier: Found, lane: Lane): Promise<TargetResult> {
    const { context, kube } = this.parts;
    const job = this.#job();
    lane.doubtful = true;
    const applied = await this.#unlessGone(() =>
      failingAs(carrier.ref, () => this.#strategy.apply(kube, carrier, job)),
    );
    lane.doubtful = false;
    if (applied === undefined) return unchanged(target, 'does not exist any more');
    const { rule } = context;
    const { workload } = applied;
    lane.revisions.set(rule.uid, { revision: job.revision, atMs: job.nowMs, generation: workload.generation });
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
    const object = await this.#unlessGone(() => failingAs(ref, () => kube.get(ref, { signal: context.signal })));
    return object === undefined ? undefined : { ...carrier, workload: workloadOf(object, kind) };
  }

  /** One that the rule names must be there; one of many may go at any time. */
  async #unlessGone<T>(call: () => Promise<T>): Promise<T | undefined> {
    try {
      return await call();
    } catch (thrown) {
      const gone = isTriggerError(thrown) && thrown.code === 'KT_ROLLOUT_TARGET_NOT_FOUND';
      if (gone && this.parts.config.objectRef === undefined) return undefined;
      throw thrown;
    }
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
