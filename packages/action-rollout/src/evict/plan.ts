import type { Pod } from './pod.js';

/** One pod of a workload, as it is now. */
export interface Member extends Pick<Pod, 'uid' | 'state' | 'because' | 'createdAtMs'> {
  readonly name: string;
  /** It may have read the former state, and is to be replaced. */
  readonly old: boolean;
}

export interface Situation {
  readonly members: readonly Member[];
  readonly wanted: number;
  readonly maxUnavailable: number;
  /** Which pod goes first: of a StatefulSet the highest ordinal, of others the oldest. */
  readonly ordinals: boolean;
}

export interface Plan {
  /** In the order in which they are to be evicted. */
  readonly candidates: readonly Member[];
  /** So many of them may go now. */
  readonly room: number;
  readonly ready: number;
  /** Whose turn to become ready it is; undefined where a pod is missing, or none is waited for. */
  readonly slowest: Member | undefined;
  /** No old one is left, and all that are wanted are ready. */
  readonly complete: boolean;
}

/**
 * Which pods may go now. What is gone or starting counts against `maxUnavailable`; an old pod that is not ready serves nobody, so that it goes
 * first and takes no one's place, but also never more than so many at a time.
 */
export function planFor({ members, wanted, maxUnavailable, ordinals }: Situation): Plan {
  const there = members.filter(({ state }) => state === 'ready' || state === 'unready');
  const ready = there.filter(({ state }) => state === 'ready').length;
  const old = there.filter((member) => member.old);
  const broken = old.filter(({ state }) => state === 'unready');
  const unavailable = Math.max(0, wanted - ready);
  const beingReplaced = Math.max(0, unavailable - broken.length);
  const room = maxUnavailable - beingReplaced;
  const spare = Math.max(0, maxUnavailable - unavailable);
  const order = ordinals ? byOrdinal : byAge;
  const candidates = [
    ...broken.toSorted(order),
    ...old
      .filter(({ state }) => state === 'ready')
      .toSorted(order)
      .slice(0, spare),
  ];
  const starting = there.filter((member) => !member.old && member.state === 'unready');
  return {
    candidates,
    room: Math.max(0, Math.min(room, candidates.length)),
    ready,
    slowest: starting.toSorted(byAge)[0],
    complete: old.length === 0 && unavailable === 0,
  };
}

function byAge(a: Member, b: Member): number {
  return a.createdAtMs - b.createdAtMs || (a.name < b.name ? -1 : 1);
}

function byOrdinal(a: Member, b: Member): number {
  return ordinalOf(b) - ordinalOf(a) || byAge(a, b);
}

function ordinalOf({ name }: Member): number {
  return Number(/-(\d+)$/.exec(name)?.[1] ?? -1);
}
