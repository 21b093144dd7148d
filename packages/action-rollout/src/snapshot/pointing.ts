import type { RuleIdentity, TriggerEvent } from '@kube-trigger/core';
import { type ObjectRef, WELL_KNOWN } from '@kube-trigger/kube';
import type { Found, Target } from '../targets/target.js';
import type { Copier, Held, Order } from './copier.js';
import { type OriginKind, pointerAnnotation } from './names.js';
import { arePointed, standsFor } from './origins.js';
import { ownersOf } from './owners.js';

const COPYABLE = /^(ConfigMap|Secret)\/([^/]+)\/([^/]+)$/;

/** The ConfigMap or Secret that an event is about; undefined where it is about something else. */
export function originIn({ key }: TriggerEvent): ObjectRef | undefined {
  const [, kind, namespace, name] = COPYABLE.exec(key) ?? [];
  if (kind === undefined || name === undefined) return undefined;
  return { resource: WELL_KNOWN[kind as OriginKind], namespace, name };
}

/** How a workload's pods read the object that changed. */
export interface Reading {
  /** By its own name, so that pods which start now read what it has now. */
  readonly isLive: boolean;
  /** As the snapshot of this delivery. */
  readonly isPointed: boolean;
}

export interface PointingParts {
  readonly copier: Copier;
  readonly origin: ObjectRef;
  readonly rule: RuleIdentity;
  /** All that the event is for. */
  readonly targets: readonly Target[];
  readonly order: Pick<Order, 'cause' | 'nowMs' | 'signal'>;
}

/** One delivery's changed object: which of its targets read it, and the one snapshot that they are pointed to. */
export class Pointing {
  readonly origin: ObjectRef;
  /** `ConfigMap/app-config`. */
  readonly object: string;
  /** What keeps on a pod template which snapshot it reads. */
  readonly annotation: string;
  #copied: Promise<Held | undefined> | undefined;
  #name: string | undefined;

  constructor(private readonly parts: PointingParts) {
    const { origin } = parts;
    this.origin = origin;
    this.object = `${origin.resource.kind}/${origin.name}`;
    this.annotation = pointerAnnotation(origin.resource.kind as OriginKind, origin.name);
  }

  /** Whether pods of this template read it in a way that a snapshot can stand for. */
  isReadBy({ ref, workload }: Found): boolean {
    return ref.namespace === this.origin.namespace && workload.template?.readAs.has(this.object) === true;
  }

  /** Made when it is first asked for. Undefined when there is nothing to copy any more. */
  snapshot(): Promise<string | undefined> {
    this.#copied ??= this.#copy();
    return this.#copied.then((held) => (this.#name = held?.name));
  }

  /** Makes it for those who have to know it without asking: rejects as whoever asks. Nobody's, if nobody reads the object. */
  async known(): Promise<void> {
    if (this.parts.targets.some(({ holder }) => this.isReadBy(holder))) await this.snapshot();
  }

  /** How a workload reads the object, once the snapshot is known. Undefined where that makes no difference. */
  readingOf(found: Found): Reading | undefined {
    const { template } = found.workload;
    if (template === undefined || !this.isReadBy(found)) return undefined;
    const standing = standsFor(template.readAs, this.object);
    if (this.#name !== undefined) {
      return {
        isLive: standing === undefined,
        isPointed: arePointed(template.readAs, new Map([[this.object, this.#name]])),
      };
    }
    // There is nothing to point to any more: what it reads is all there is.
    return standing === undefined ? undefined : { isLive: false, isPointed: true };
  }

  /** Whoever is not pointed to it by now is not going to be: it may be collected like others. */
  async release(): Promise<void> {
    const held = await this.#copied?.catch(() => undefined);
    held?.release();
  }

  #copy(): Promise<Held | undefined> {
    const { copier, origin, rule, targets, order } = this.parts;
    const readers = targets.filter(({ holder }) => this.isReadBy(holder));
    return copier.copy({ ...order, origin, owners: ownersOf(readers, rule, origin.namespace ?? '') });
  }
}
