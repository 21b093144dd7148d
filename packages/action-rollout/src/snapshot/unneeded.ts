import { BEING_DELETED, restsBecause } from '../targets/decide.js';
import type { Lane } from '../targets/lanes.js';
import type { Target } from '../targets/target.js';
import type { Member } from './company.js';
import { arePointed, standsFor } from './origins.js';

/** The target is rolled, or left alone, as it would be without `configSnapshot`. */
export const AS_EVER = Symbol('as ever');

interface Asked {
  readonly member: Member;
  readonly lane: Lane;
  /** Why pods that read the object itself have it already. */
  readonly adopted: () => string | undefined;
}

/**
 * Why a target that reads the object needs nothing. Pods that read it by its own name see what it has now, so those may start without us; pods
 * that read a snapshot see that, whoever starts them.
 */
export async function unneededBecause(
  target: Target,
  { member, lane, adopted }: Asked,
): Promise<string | undefined | typeof AS_EVER> {
  const { pointing, carriedBy } = member;
  const { object } = pointing;
  const { deleting, template } = target.holder.workload;
  if (target.workload.deleting || deleting) return BEING_DELETED;
  const readAs = template?.readAs ?? new Map<string, ReadonlySet<string>>();
  const standing = standsFor(readAs, object);
  const because = standing === undefined ? (restsBecause(target) ?? adopted()) : undefined;
  if (because !== undefined) return because;
  const snapshot = await pointing.snapshot();
  if (snapshot === undefined) {
    return standing === undefined ? AS_EVER : `keeps ${standing}: there is no ${object.replace('/', ' ')} any more`;
  }
  if (carriedBy !== undefined) return `${readsAs(object, snapshot)} since the patch for ${carriedBy.replace('/', ' ')}`;
  // The index lags behind our own patches: it is believed only where this process sent none.
  const isKnown = lane.revisions.size === 0 && lane.doubt === undefined;
  return isKnown && arePointed(readAs, new Map([[object, snapshot]])) ? alreadyReads(object, snapshot) : undefined;
}

export function readsAs(object: string, snapshot: string): string {
  return `reads ${object.replace('/', ' ')} as ${snapshot}`;
}

export function alreadyReads(object: string, snapshot: string): string {
  return `${readsAs(object, snapshot)} already`;
}
