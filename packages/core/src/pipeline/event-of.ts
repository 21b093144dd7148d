import { hash } from 'node:crypto';
import { ABSENT, changedParts, type CheckpointEntry, isPresent } from '../checkpoint/entry.js';
import type { TriggerEvent } from '../contract/events.js';
import type { Observation } from './observation.js';

export interface EventFacts {
  readonly ruleUid: string;
  readonly sequence: number;
  readonly waitingSinceMs: number;
}

/** What changed from the last settled (and any begun) state of the key to the observed one. */
export function eventOf(
  observation: Observation,
  before: CheckpointEntry | undefined,
  facts: EventFacts,
): TriggerEvent {
  const { sourceId, key, revision, data, source, occurrence, observedAtMs, manual } = observation;
  const changedKeys = occurrence === undefined ? changedSince(before, observation) : undefined;
  const { ruleUid, sequence } = facts;
  const id = hash('sha256', `${ruleUid}\n${sourceId}\n${key}\n${sequence}\n${revision}`, 'base64url').slice(0, 22);
  return {
    id,
    source: source.name,
    key,
    revision,
    change: occurrence !== undefined ? 'occurred' : changeOf(revision, before),
    observedAtMs,
    waitingSinceMs: facts.waitingSinceMs,
    ...(changedKeys === undefined ? {} : { changedKeys }),
    ...(data === undefined ? {} : { data }),
    ...(manual === undefined ? {} : { manual }),
  };
}

function changeOf(revision: string, before: CheckpointEntry | undefined): 'created' | 'updated' | 'deleted' {
  if (revision === ABSENT) return 'deleted';
  return before !== undefined && isPresent(before) ? 'updated' : 'created';
}

/** Undefined where nothing is known to compare: the source has no parts, or the checkpoint could not hold them. */
function changedSince(before: CheckpointEntry | undefined, { parts, revision }: Observation): string[] | undefined {
  if (parts === undefined && revision !== ABSENT) return undefined;
  const existed = before?.settled !== undefined && before.settled !== ABSENT;
  if (existed && before.parts === undefined) return undefined;
  const fromSettled = changedParts(before?.parts, parts) ?? [];
  if (before?.begun?.parts === undefined) return fromSettled;
  return [...new Set([...fromSettled, ...(changedParts(before.begun.parts, parts) ?? [])])].toSorted();
}
