import {
  type Action,
  type ActionContext,
  type ActionResult,
  type CheckedUntil,
  type Delivery,
  type PluginContext,
  toTriggerError,
  type TriggerEvent,
} from '@kube-trigger/core';
import {
  type DigestKeyProvider,
  DigestKeyToken,
  type EventRecorder,
  EventRecorderToken,
  type KubeClient,
  KubeClientToken,
} from '@kube-trigger/kube';
import { inject, injectable } from 'tsyringe';
import { isPatching, type PatchingConfig, type RolloutConfig } from './config.js';
import { forbidden, notFound } from './errors.js';
import { EvictAction } from './evict/evict-action.js';
import type { Pacing } from './pacing/config.js';
import { type Course, Deliveries } from './pacing/deliveries.js';
import { Failures } from './pacing/failures.js';
import { listedFor } from './pacing/listed.js';
import { Pace } from './pacing/pace.js';
import { Rollouts } from './rollouts.js';
import { type Shared, sharedBy } from './shared.js';
import type { Pointing } from './snapshot/pointing.js';
import { Snapshots } from './snapshot/snapshots.js';
import { isAllowed } from './targets/allowed.js';
import { type Choice, chooseTargets, nobodyFor, scopesOf } from './targets/choose.js';
import { answerOf } from './targets/fan-out.js';
import { isPod, kindsIn } from './targets/kinds.js';
import { Views } from './targets/views.js';

interface Run {
  readonly config: PatchingConfig;
  readonly delivery: Delivery;
  readonly context: ActionContext;
  readonly pointing: Pointing | undefined;
}

/**
 * Rolls workloads. Which ones is told by an index that watches keep, so that a change costs nothing but its patches: one per target.
 * Idempotent by `delivery.revision`, which each target carries.
 */
@injectable()
export class RolloutAction implements Action<RolloutConfig> {
  // Nothing here is `#`: of a class with decorators, the bundler makes a WeakMap of each such name.
  private readonly shared: Shared;
  private readonly views: Views;
  // Each for what few rules ask for, and made for its first use.
  private pacing: { readonly deliveries: Deliveries; readonly failures: Failures } | undefined;
  private evicting: EvictAction | undefined;
  private snapshots: Snapshots | undefined;

  constructor(
    @inject(KubeClientToken) private readonly kube: KubeClient,
    @inject(EventRecorderToken, { isOptional: true }) private readonly events?: EventRecorder,
    @inject(DigestKeyToken, { isOptional: true }) private readonly digestKey?: DigestKeyProvider,
  ) {
    this.shared = sharedBy(kube);
    this.views = new Views(kube, this.shared.index);
  }

  async run(config: RolloutConfig, delivery: Delivery, context: ActionContext): Promise<ActionResult> {
    context.signal.throwIfAborted();
    const choice = await chooseTargets({ config, event: delivery.event, context, views: this.views });
    if (!isPatching(config)) return this.evict.run(choice, { config, delivery, context });
    const snapshots = this.snapshotsFor(config);
    const pointing = snapshots?.pointing(config, delivery.event, { targets: choice.targets, context });
    const run = { config, delivery, context, pointing };
    try {
      if (config.pacing !== undefined) return await this.paced(config.pacing, { choice, ...run });
      const rollouts = this.rollouts(run);
      const tried = await Promise.allSettled(choice.targets.map((target) => rollouts.bring(target)));
      context.signal.throwIfAborted();
      return answerOf(choice, tried);
    } finally {
      await pointing?.release();
      snapshots?.collect(config, pointing?.origin, context);
    }
  }

  private async paced(pacing: Pacing, { choice, ...run }: Run & { readonly choice: Choice }): Promise<ActionResult> {
    const { kube } = this;
    await run.pointing?.known();
    const { deliveries, failures } = (this.pacing ??= { deliveries: new Deliveries(), failures: new Failures() });
    const course = deliveries.courseOf(run.delivery);
    const rollouts = this.rollouts({ ...run, course });
    const { delivery, context } = run;
    const own = { views: this.views, deliveries, failures };
    try {
      return await new Pace({ kube, pacing, delivery, context, rollouts, course, ...own }).run(choice);
    } catch (thrown) {
      if (toTriggerError(thrown).retry === 'never') deliveries.end(course);
      throw thrown;
    }
  }

  private get evict(): EvictAction {
    const { kube, events } = this;
    return (this.evicting ??= new EvictAction({ kube, events, views: this.views, shared: this.shared }));
  }

  private snapshotsFor({ configSnapshot }: RolloutConfig): Snapshots | undefined {
    if (configSnapshot === undefined) return undefined;
    return (this.snapshots ??= new Snapshots(this.kube, this.shared.pins, this.digestKey));
  }

  private rollouts(run: Run & { readonly course?: Course }): Rollouts {
    return new Rollouts({ kube: this.kube, events: this.events, shared: this.shared, ...run });
  }

  /** The targets are seen and may be patched. Opens the index, so that it is there before the first change. Holds while the named one is there. */
  async check(config: RolloutConfig, context: ActionContext): Promise<CheckedUntil> {
    for (const scope of scopesOf(config, context)) {
      const { view, place } = await this.views.at(scope, context);
      if (scope.name !== undefined && view.get(scope.name) === undefined) throw notFound(place);
      if (isPod(scope.kind)) continue;
      if (!(await isAllowed(this.kube, { verb: 'patch', ...place }, context))) throw forbidden(place, 'patch');
    }
    await this.checkListed(config, context);
    if (!isPatching(config)) await this.evict.check(scopesOf(config, context), context);
    await this.snapshotsFor(config)?.check(config, context);
    return { until: this.views.gone(config.objectRef?.name) };
  }

  /** With snapshots there is something to do for an object that nobody uses: its old copies go. */
  idle(config: RolloutConfig, event: TriggerEvent, context: PluginContext): string | undefined {
    if (isPatching(config) && config.configSnapshot !== undefined) return undefined;
    return nobodyFor({ config, event, context, views: this.views });
  }

  private async checkListed(config: RolloutConfig, context: ActionContext): Promise<void> {
    const namespace = scopesOf(config, context)[0]?.namespace;
    for (const resource of listedFor(config.pacing, kindsIn(config))) {
      const place = { resource, namespace, verbs: ['list'] };
      if (!(await isAllowed(this.kube, { verb: 'list', ...place }, context))) throw forbidden(place, 'list');
    }
  }

  dispose(): void {
    this.views.release();
    this.snapshots?.dispose();
  }
}
