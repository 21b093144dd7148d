import { type ActionContext, isTriggerError, type TriggerError, type TriggerEvent } from '@kube-trigger/core';
import {
  type DigestKeyProvider,
  type KubeClient,
  type ObjectRef,
  SNAPSHOT_LABEL,
  WELL_KNOWN,
} from '@kube-trigger/kube';
import { causeOf } from '../annotations.js';
import type { RolloutConfig } from '../config.js';
import { scopesOf } from '../targets/choose.js';
import type { Target } from '../targets/target.js';
import { collect } from './collect.js';
import { Collector } from './collector.js';
import { Copier } from './copier.js';
import { marksOf } from './copy.js';
import { mayNotCopy } from './errors.js';
import type { Pins } from './pins.js';
import { originIn, Pointing } from './pointing.js';

/** All that one action does for `configSnapshot`. Without that option, nothing. */
export class Snapshots {
  readonly #copier: Copier;
  readonly #collector: Collector;

  constructor(
    private readonly kube: KubeClient,
    pins: Pins,
    digestKey: DigestKeyProvider | undefined,
  ) {
    this.#copier = new Copier(kube, pins, digestKey);
    this.#collector = new Collector((round) => collect({ kube, pins, copier: this.#copier }, round));
  }

  /** For one delivery; undefined when its event is about nothing that can be copied. Release it afterwards. */
  pointing(
    { configSnapshot }: RolloutConfig,
    event: TriggerEvent,
    { targets, context }: { readonly targets: readonly Target[]; readonly context: ActionContext },
  ): Pointing | undefined {
    const origin = configSnapshot === undefined ? undefined : originIn(event);
    if (origin === undefined) return undefined;
    const { rule, signal, scheduler } = context;
    const order = { cause: causeOf(event, rule), nowMs: scheduler.now(), signal };
    return new Pointing({ copier: this.#copier, origin, rule, targets, order });
  }

  /** Sees to it, in the background, that an object has no more snapshots than it should. */
  collect(config: RolloutConfig, origin: ObjectRef | undefined, context: ActionContext): void {
    if (config.configSnapshot === undefined || origin === undefined) return;
    const { history } = config.configSnapshot;
    const kinds = scopesOf(config, context).map(({ kind }) => kind);
    this.#collector.soon({ origin, history, kinds }, context);
  }

  /** Looks through what an earlier process, or a rule that is no more, has left where this one works. Rejects when it may see no copies at all. */
  async check(config: RolloutConfig, context: ActionContext): Promise<void> {
    if (config.configSnapshot === undefined) return;
    const namespaces = new Set(scopesOf(config, context).map(({ namespace }) => namespace));
    for (const namespace of namespaces) {
      const refusals: TriggerError[] = [];
      for (const resource of [WELL_KNOWN.ConfigMap, WELL_KNOWN.Secret]) {
        const origin = { resource, namespace, name: '*' };
        const names = await this.#origins(origin, context).catch((thrown: unknown) => {
          if (!(isTriggerError(thrown) && thrown.code === 'KT_KUBE_FORBIDDEN')) throw thrown;
          refusals.push(mayNotCopy(origin, thrown));
          return [];
        });
        for (const name of names) this.collect(config, { ...origin, name }, context);
      }
      const [first, second] = refusals;
      if (first !== undefined && second !== undefined) throw first;
    }
  }

  /** Resolves when nothing is left to be collected: for tests. */
  idle(): Promise<void> {
    return this.#collector.idle();
  }

  dispose(): void {
    this.#collector.dispose();
  }

  async #origins({ resource, namespace }: ObjectRef, { signal }: ActionContext): Promise<string[]> {
    const listed = await this.kube.list(resource, { namespace, labelSelector: SNAPSHOT_LABEL, as: 'metadata', signal });
    return [...new Set(listed.flatMap((object) => marksOf(object)?.origin ?? []))];
  }
}
