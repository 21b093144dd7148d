import { type Action, type ActionContext, type ActionResult, type Delivery, isTriggerError } from '@kube-trigger/core';
import { type EventRecorder, EventRecorderToken, type KubeClient, KubeClientToken } from '@kube-trigger/kube';
import { inject, injectable } from 'tsyringe';
import type { RolloutConfig } from './config.js';
import { forbidden, notFound } from './errors.js';
import { Rollouts } from './rollouts.js';
import { type Shared, sharedBy } from './shared.js';
import { chooseTargets, scopesOf } from './targets/choose.js';
import { answerOf } from './targets/fan-out.js';
import { Views } from './targets/views.js';

/**
 * Rolls workloads. Which ones is told by an index that watches keep, so that a change costs nothing but its patches: one per target.
 * Idempotent by `delivery.revision`, which each target carries.
 */
@injectable()
export class RolloutAction implements Action<RolloutConfig> {
  readonly #shared: Shared;
  readonly #views: Views;

  constructor(
    @inject(KubeClientToken) private readonly kube: KubeClient,
    @inject(EventRecorderToken, { isOptional: true }) private readonly events?: EventRecorder,
  ) {
    this.#shared = sharedBy(kube);
    this.#views = new Views(kube, this.#shared.index);
  }

  async run(config: RolloutConfig, delivery: Delivery, context: ActionContext): Promise<ActionResult> {
    context.signal.throwIfAborted();
    const choice = await chooseTargets({ config, event: delivery.event, context, views: this.#views });
    const { kube, events } = this;
    const rollouts = new Rollouts({ kube, events, config, delivery, context, shared: this.#shared });
    const tried = await Promise.allSettled(choice.targets.map((target) => rollouts.bring(target)));
    context.signal.throwIfAborted();
    return answerOf(choice, tried);
  }

  /** The targets are seen and may be patched. Opens the index, so that it is there before the first change. */
  async check(config: RolloutConfig, context: ActionContext): Promise<void> {
    for (const scope of scopesOf(config, context)) {
      const { view, place } = await this.#views.at(scope, context);
      if (scope.name !== undefined && view.get(scope.name) === undefined) throw notFound(place);
      const allowed = await this.kube
        .canI({ verb: 'patch', ...place }, { signal: context.signal })
        .then((answer) => answer.allowed, unlessItCannotSay);
      if (!allowed) throw forbidden(place, 'patch');
    }
  }

  dispose(): void {
    this.#views.release();
  }
}

/** A server without access reviews, or one that does not let this identity ask, is no fault of the rule: the first patch will tell. */
function unlessItCannotSay(thrown: unknown): true {
  if (isTriggerError(thrown) && ['KT_KUBE_NOT_FOUND', 'KT_KUBE_FORBIDDEN'].includes(thrown.code)) return true;
  throw thrown;
}
