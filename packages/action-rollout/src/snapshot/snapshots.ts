import type { ActionContext, TriggerEvent } from '@kube-trigger/core';
import {
  type DigestKeyProvider,
  type KubeClient,
  type ObjectRef,
  type Resource,
  SNAPSHOT_LABEL,
  WELL_KNOWN,
} from '@kube-trigger/kube';
import { causeOf } from '../annotations.js';
import type { RolloutConfig } from '../config.js';
import { isAllowed } from '../targets/allowed.js';
import { scopesOf } from '../targets/choose.js';
import type { Target } from '../targets/target.js';
import { collect } from './collect.js';
import { Collector } from './collector.js';
import { Copier } from './copier.js';
import { marksOf } from './copy.js';
import { COPY_VERBS, mayCopyNothing } from './errors.js';
import type { Pins } from './pins.js';
import { originIn, Pointing } from './pointing.js';

/** Those that are `referencing` are looked for where the object is. */
function isNear({ namespace }: ObjectRef, config: RolloutConfig, context: ActionContext): boolean {
  return config.referencing === true || scopesOf(config, context).some((scope) => scope.namespace === namespace);
}

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

  /**
   * For one delivery; undefined when its event is about nothing that can be copied, or about what none of the rule's workloads can read: in
   * another namespace the rule's author may have no say, and the snapshots there are not this rule's. Release it afterwards.
   */
  pointing(
    config: RolloutConfig,
    event: TriggerEvent,
    { targets, context }: { readonly targets: readonly Target[]; readonly context: ActionContext },
  ): Pointing | undefined {
    const origin = config.configSnapshot === undefined ? undefined : originIn(event);
    if (origin === undefined || !isNear(origin, config, context)) return undefined;
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

  /**
   * Looks through what an earlier process, or a rule that is no more, has left where this one works. Rejects when it may copy neither kind of
   * objects there: which of them the sources watch is not known here.
   */
  async check(config: RolloutConfig, context: ActionContext): Promise<void> {
    if (config.configSnapshot === undefined) return;
    const namespaces = new Set(scopesOf(config, context).map(({ namespace }) => namespace));
    for (const namespace of namespaces) {
      const refused: string[] = [];
      for (const resource of [WELL_KNOWN.ConfigMap, WELL_KNOWN.Secret]) {
        const verb = await this.#refusedVerb(resource, namespace, context);
        if (verb === undefined) await this.#collectIn(config, { resource, namespace, name: '*' }, context);
        else refused.push(`${verb} ${resource.plural}`);
      }
      const [configMaps, secrets] = refused;
      if (configMaps !== undefined && secrets !== undefined) throw mayCopyNothing(namespace, [configMaps, secrets]);
    }
  }

  /** The first of what copies need that this identity may not. */
  async #refusedVerb(resource: Resource, namespace: string, context: ActionContext): Promise<string | undefined> {
    for (const verb of COPY_VERBS) {
      if (!(await isAllowed(this.kube, { verb, resource, namespace }, context))) return verb;
    }
    return undefined;
  }

  async #collectIn(config: RolloutConfig, place: ObjectRef, context: ActionContext): Promise<void> {
    const { resource, namespace } = place;
    const { signal } = context;
    const listed = await this.kube.list(resource, { namespace, labelSelector: SNAPSHOT_LABEL, as: 'metadata', signal });
    const names = new Set(listed.flatMap((object) => marksOf(object)?.origin ?? []));
    for (const name of names) this.collect(config, { ...place, name }, context);
  }

  /** Resolves when nothing is left to be collected: for tests. */
  idle(): Promise<void> {
    return this.#collector.idle();
  }

  dispose(): void {
    this.#collector.dispose();
  }
}
