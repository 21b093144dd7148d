import {
  type Action,
  type ActionContext,
  type ActionResult,
  type Delivery,
  isTriggerError,
  TriggerError,
  type TargetResult,
} from '@kube-trigger/core';
import { type KubeClient, KubeClientToken, type KubeObject, type ObjectRef } from '@kube-trigger/kube';
import { inject, injectable } from 'tsyringe';
import { CAUSE_ANNOTATION, causeOf, revisionAnnotation } from './annotations.js';
import { resourceOf, type RolloutConfig } from './config.js';
import { forbidden, rolloutError, targetOf } from './errors.js';
import { type Lane, Lanes } from './lanes.js';

interface Workload extends KubeObject {
  readonly spec?: {
    readonly template?: { readonly metadata?: { readonly annotations?: Readonly<Record<string, string>> } };
  };
}

/**
 * Rolls a workload with one merge patch of its pod template's annotations. Idempotent by `delivery.revision`: where an earlier attempt may
 * have arrived, the target is read first, and left alone when it has the revision already. Otherwise nothing is read.
 */
@injectable()
export class RolloutAction implements Action<RolloutConfig> {
  readonly #lanes = new Lanes();

  constructor(@inject(KubeClientToken) private readonly kube: KubeClient) {}

  async run(config: RolloutConfig, delivery: Delivery, context: ActionContext): Promise<ActionResult> {
    const ref = refOf(config, context);
    const target = await this.#lanes.run(`${context.rule.uid} ${targetOf(ref)}`, context.signal, (lane) =>
      this.#roll(ref, lane, { delivery, context }),
    );
    return { outcome: target.outcome, targets: [target] };
  }

  /** The target is there and may be patched. */
  async check(config: RolloutConfig, { signal, ...context }: ActionContext): Promise<void> {
    const ref = refOf(config, context);
    const { resource, namespace, name } = ref;
    await failingAs(ref, 'get', () => this.kube.get(ref, { as: 'metadata', signal }));
    const allowed = await this.kube
      .canI({ verb: 'patch', resource, namespace, name }, { signal })
      .then((answer) => answer.allowed, unlessItCannotSay);
    if (!allowed) throw forbidden(ref, 'patch');
  }

  async #roll(
    ref: ObjectRef,
    lane: Lane,
    { delivery, context }: { delivery: Delivery; context: ActionContext },
  ): Promise<TargetResult> {
    const target = targetOf(ref);
    const annotation = revisionAnnotation(context.rule);
    // What is remembered says nothing about the target once an attempt's end is unknown.
    const mustLook = delivery.redelivered || lane.doubtful;
    if (!mustLook && lane.revision !== undefined && lane.revision === delivery.revision) {
      return { target, outcome: 'unchanged', message: 'has this revision already' };
    }
    if (mustLook) {
      const workload = await failingAs(ref, 'get', () => this.kube.get<Workload>(ref, { signal: context.signal }));
      if (workload.metadata.deletionTimestamp !== undefined) return beingDeleted(target);
      const found = workload.spec?.template?.metadata?.annotations?.[annotation];
      lane.doubtful = false;
      lane.revision = found;
      if (found === delivery.revision) return { target, outcome: 'unchanged', message: 'has this revision already' };
    }
    return this.#patch(ref, lane, { annotation, delivery, context });
  }

  async #patch(
    ref: ObjectRef,
    lane: Lane,
    { annotation, delivery, context }: { annotation: string; delivery: Delivery; context: ActionContext },
  ): Promise<TargetResult> {
    const target = targetOf(ref);
    // Read once, here, and not before: it moves on when the delivery of another key begins.
    const { revision } = delivery;
    const annotations = { [annotation]: revision, [CAUSE_ANNOTATION]: causeOf(delivery.event, context.rule) };
    const body = { spec: { template: { metadata: { annotations } } } };
    lane.doubtful = true;
    const patched = await failingAs(ref, 'patch', () =>
      this.kube.patch(ref, body, { type: 'merge', fieldManager: 'kube-trigger', signal: context.signal }),
    );
    lane.doubtful = false;
    lane.revision = revision;
    if (patched.metadata.deletionTimestamp !== undefined) return beingDeleted(target);
    const { generation } = patched.metadata;
    return { target, outcome: 'done', ...(generation === undefined ? {} : { message: `generation ${generation}` }) };
  }
}

function refOf({ objectRef }: RolloutConfig, { rule }: Pick<ActionContext, 'rule'>): ObjectRef {
  const resource = resourceOf(objectRef.kind);
  if (resource === undefined) {
    throw new TriggerError('KT_RULE_INVALID', `"${objectRef.kind}" cannot be rolled`, { retry: 'never' });
  }
  return { resource, namespace: objectRef.namespace ?? rule.namespace, name: objectRef.name };
}

function beingDeleted(target: string): TargetResult {
  return { target, outcome: 'unchanged', message: 'is being deleted' };
}

/** A server without access reviews, or one that does not let this identity ask, is no fault of the rule: the first patch will tell. */
function unlessItCannotSay(thrown: unknown): true {
  if (isTriggerError(thrown) && ['KT_KUBE_NOT_FOUND', 'KT_KUBE_FORBIDDEN'].includes(thrown.code)) return true;
  throw thrown;
}

async function failingAs<T>(ref: ObjectRef, verb: 'get' | 'patch', call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (thrown) {
    throw rolloutError(thrown, ref, verb);
  }
}
