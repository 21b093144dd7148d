import type { Delivery, RuleIdentity } from '@kube-trigger/core';
import { undoneMark } from '../annotations.js';
import type { Progress } from '../index/progress.js';
import type { Workload } from '../index/workload.js';
import type { Reading } from '../snapshot/pointing.js';
import { adoptedBecause, BEING_DELETED, isThere, restsBecause } from '../targets/decide.js';
import { type Lane, NOTHING_KNOWN } from '../targets/lanes.js';
import type { Found, Target } from '../targets/target.js';

/** How far a target is with one delivery. */
export type Standing =
  /** Nothing is to be done to it, and nobody waits for it. */
  | { readonly at: 'rest'; readonly because: string }
  /** It has the new state, by this rule or (`adopted`) by somebody else, since then; undefined: `progress` does not matter. */
  | {
      readonly at: 'given';
      readonly adopted?: string;
      readonly sinceMs: number;
      readonly progress: Progress | undefined;
    }
  /** It had the new state, and was rolled back because that failed. */
  | { readonly at: 'undone' }
  | { readonly at: 'due'; readonly lastRolledAtMs: number };

export interface Question {
  readonly carrier: Found;
  readonly lane: Lane | undefined;
  readonly found: string | undefined;
  readonly annotation: string;
  readonly delivery: Delivery;
  readonly rule: RuleIdentity;
  /** All that stand for this change. */
  readonly revisions: ReadonlySet<string>;
  /** Of the object that changed; undefined where no snapshot is to stand for it. */
  readonly reading?: Reading | undefined;
}

const SENT: Progress = { state: 'under way', because: 'its controller has not seen the change yet' };

export function standingOf(target: Target, question: Question): Standing {
  const { carrier, delivery, rule, annotation, revisions, found } = question;
  const lane = question.lane?.uid === carrier.workload.uid ? question.lane : NOTHING_KNOWN;
  const resting = restsBecause(target);
  const { reading } = question;
  const isLive = reading?.isLive ?? true;
  // Pods that read a snapshot read that, whoever starts them.
  if (resting !== undefined && (isLive || resting === BEING_DELETED)) return { at: 'rest', because: resting };
  const mark = undoneMark(annotation);
  const { annotations, writtenAtMs } = carrier.workload;
  if (annotations[mark] !== undefined && revisions.has(annotations[mark]) && lane.doubt === undefined)
    return { at: 'undone' };
  const sent = lane.revisions.get(rule.uid);
  const isSeen = sent?.generation === undefined || (carrier.workload.generation ?? 0) >= sent.generation;
  const has = isThere(found, lane, { delivery, rule, revisions });
  // An equal revision may be that of another object's change: where the references point is what counts.
  if (reading === undefined ? has : reading.isPointed || (has && !isSeen)) {
    const sinceMs = writtenAtMs[annotation] ?? sent?.atMs ?? delivery.event.observedAtMs;
    return { at: 'given', sinceMs, progress: isSeen ? awaited(target.workload) : SENT };
  }
  const adopted = !isLive ? undefined : adoptedBecause(target, lane, { event: delivery.event, rule });
  if (adopted !== undefined) {
    return { at: 'given', adopted, sinceMs: delivery.event.observedAtMs, progress: awaited(target.workload) };
  }
  return { at: 'due', lastRolledAtMs: Math.max(writtenAtMs[annotation] ?? 0, writtenAtMs[mark] ?? 0, sent?.atMs ?? 0) };
}

/** Undefined where its controller does not replace the pods by itself: then nobody knows when it will. */
function awaited({ paused, onDelete, progress }: Workload): Progress | undefined {
  return paused || onDelete ? undefined : progress;
}
