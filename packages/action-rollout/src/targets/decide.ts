import { type Delivery, type RuleIdentity, TriggerError, type TriggerEvent } from '@kube-trigger/core';
import { OUR_PREFIX } from '../annotations.js';
import { describeTarget } from '../errors.js';
import type { Workload } from '../index/workload.js';
import type { Known } from '../index/workload-view.js';
import { isPointer } from '../snapshot/names.js';
import type { Lane } from './lanes.js';
import type { Target } from './target.js';

export const HAS_REVISION = 'has this revision already';
export const BEING_DELETED = 'is being deleted';

/** The API server writes its own clock's time, this process has its own. */
const CLOCKS_MS = 5_000;
/** After so many removals in a row it is refused to go on. */
const REMOVALS = 3;

/** Why a target needs nothing, whatever its revision. */
export function restsBecause({ workload, holder }: Target): string | undefined {
  if (workload.deleting || holder.workload.deleting) return BEING_DELETED;
  if (workload.empty) return 'has no replicas: pods that start later read the new state';
  return undefined;
}

/**
 * Why the pods of a target read the new state without us: somebody else has them replaced since the change. Only what this process saw
 * happen after it saw the change counts; in doubt there is one rollout too many.
 */
export function adoptedBecause(
  { holder }: Target,
  lane: Lane,
  { event, rule }: { readonly event: TriggerEvent; readonly rule: RuleIdentity },
): string | undefined {
  const { observedAtMs: since } = event;
  const { changedAtMs, workload } = holder;
  if (!mayBeCarried(workload, event)) return undefined;
  const { rolled } = lane;
  if (rolled !== undefined && rolled.by !== rule.uid && rolled.atMs >= since) {
    return `adopted: TriggerRule ${rolled.rule} rolled it after this change`;
  }
  if (changedAtMs === undefined || changedAtMs <= since || !writtenAfter(workload, since)) return undefined;
  const { writer } = workload;
  return `adopted: ${writer === undefined ? 'it was made' : `${writer.manager} changed its pod template`} after this change`;
}

/** Why the pods of a target read the new state already: this rule has them replaced since the change, for another one. */
export function carriedBecause(
  { holder }: Target,
  { rolled }: Lane,
  { event, rule }: { readonly event: TriggerEvent; readonly rule: RuleIdentity },
): string | undefined {
  if (!mayBeCarried(holder.workload, event)) return undefined;
  // Not in the same millisecond: which of the two came first is not known.
  const isLater = rolled?.by === rule.uid && rolled.atMs > event.observedAtMs;
  return isLater ? 'was rolled by this rule after this change, for another one' : undefined;
}

/** An occurrence (a schedule) asks for a rollout, not for a state. */
function mayBeCarried({ paused, onDelete }: Workload, { change }: TriggerEvent): boolean {
  return change !== 'occurred' && !paused && !onDelete;
}

/** Whether an object was made after a moment: seen by this process, and by the API server's own time. */
export function seenAfter({ changedAtMs, workload }: Known, since: number): boolean {
  return changedAtMs !== undefined && changedAtMs > since && workload.createdAtMs >= since - CLOCKS_MS;
}

/** A watch may say late what happened early: the API server's own time must not contradict. */
function writtenAfter({ writer, createdAtMs }: Workload, since: number): boolean {
  return (writer?.atMs ?? createdAtMs) >= since - CLOCKS_MS;
}

/** Rejects when somebody else has taken one of our annotations away again and again. Every other time, so that a retry can tell whether it is over. */
export function refuseContested({ holder }: Target, lane: Lane, annotations: readonly (string | undefined)[]): void {
  const contested = annotations
    .flatMap((annotation = '') => ({ annotation, times: 0, by: '', ...holder.removals[annotation] }))
    .reduce((worst, each) => (each.times > worst.times ? each : worst));
  const { annotation, times, by } = contested;
  if (times < REMOVALS || lane.contested === times) return;
  lane.contested = times;
  const target = describeTarget(holder.ref);
  const what = isPointer(annotation) ? `the snapshot of ${annotation.slice(OUR_PREFIX.length)}` : annotation;
  throw new TriggerError(
    'KT_ROLLOUT_CONTESTED',
    `${by} removed ${what} from the pod template of ${target} after each of the last ${times} rollouts, and each removal rolled it again`,
    { retry: 'never', fix: `Let ${by} ${isPointer(annotation) ? OF_POINTERS : OF_ANNOTATIONS}. Then retry the rule` },
  );
}

const OF_ANNOTATIONS =
  'ignore annotations of the pod template that begin with trigger.app.example.com/, or use strategy: restartedAt';
const OF_POINTERS =
  'ignore what the field manager kube-trigger writes to the pod template, or leave out configSnapshot';

export interface Asked {
  readonly delivery: Delivery;
  readonly rule: RuleIdentity;
  /** All that stand for this change. */
  readonly revisions: ReadonlySet<string>;
}

/**
 * Known without asking the API server. An equal revision on the target says that it got this change only where this delivery was begun before:
 * a state that a filter dropped may have been undone, and pods may have read it meanwhile.
 */
export function isThere(found: string | undefined, lane: Lane, { delivery, rule, revisions }: Asked): boolean {
  if (lane.doubt !== undefined) return false;
  const { event, id, redelivered } = delivery;
  const last = lane.revisions.get(rule.uid);
  if (last?.id === id) return true;
  const sentSince = last !== undefined && revisions.has(last.revision) && last.atMs >= event.observedAtMs;
  return sentSince || (redelivered && found !== undefined && revisions.has(found));
}
