import { ABSENT } from '../checkpoint/entry.js';
import { recordName, type RuleCheckpoint } from '../checkpoint/rule-checkpoint.js';
import type { SourceContext } from '../contract/context.js';
import { toTriggerError, TriggerError } from '../contract/errors.js';
import type { OccurredEvent, PresentEvent } from '../contract/events.js';
import type { Source } from '../contract/plugin.js';
import type { CompiledSource } from '../rule/compiled-rule.js';
import { checkSourceEvent } from './check-source-event.js';
import type { Observation } from './observation.js';
import type { RuleReport, SourceReport } from './report.js';

export interface ObservedSource {
  readonly source: CompiledSource;
  readonly instance: Source;
  readonly context: Omit<SourceContext, 'signal'>;
  readonly checkpoint: RuleCheckpoint;
  readonly onFirstSeen: 'baseline' | 'run';
  /** Keys of the source whose states wait for a delivery. */
  readonly underWay: () => Iterable<string>;
  readonly report: (report: RuleReport) => void;
}

/** What one subscription to a source has said so far, held against the checkpoint. */
export class Inventory {
  /** Keys present so far, until `synced`. */
  #seen: Set<string> | undefined = new Set();
  #sees = false;
  readonly #isFirst: boolean;

  /** `tell` is given what the rule is to hear, in order; after the end of the subscription it is to do nothing. */
  constructor(
    private readonly observed: ObservedSource,
    private readonly tell: (said: Observation | RuleReport) => void,
  ) {
    this.#isFirst = !observed.checkpoint.isKnown(observed.source.id);
  }

  accept(said: unknown): void {
    const { source } = this.observed;
    const event = checkSourceEvent(said, source.plugin.semantics);
    if (event instanceof TriggerError) return this.#refuse(said, event);
    switch (event.change) {
      case 'present':
        this.#seen?.add(event.key);
        return this.#state(stateOf(event));
      case 'absent':
        this.#seen?.delete(event.key);
        return this.#state({ key: event.key, revision: ABSENT });
      case 'occurred':
        return this.#occurrence(event);
      case 'synced':
        return this.#synced();
      case 'degraded':
        this.#sees = false;
        return this.tell({ ...this.#report('degraded'), error: toTriggerError(event.error) });
    }
  }

  /** A key that a bad event names exists all the same: it must not count as deleted. */
  #refuse(said: unknown, error: TriggerError): void {
    const { source } = this.observed;
    const { change, key } = (typeof said === 'object' && said !== null ? said : {}) as Record<string, unknown>;
    if (change === 'present' && typeof key === 'string') this.#seen?.add(key);
    this.tell({ type: 'fault', where: source.name, error });
  }

  #state(said: Pick<Observation, 'key' | 'revision' | 'parts' | 'mark' | 'data'>): void {
    const { source, checkpoint, onFirstSeen } = this.observed;
    const state = this.#observation(said);
    // Only while everything is listed: a write that changes nothing that counts is no reason to write the checkpoint each time.
    if (this.#seen !== undefined) checkpoint.remark(state);
    const isNew = checkpoint.entryOf(state) === undefined;
    const isFirstSight = (this.#isFirst && this.#seen !== undefined) || checkpoint.isUnreadable(source.id, said.key);
    if (isNew && isFirstSight && onFirstSeen === 'baseline') {
      if (said.revision !== ABSENT) checkpoint.baseline(state);
      return;
    }
    // Settled states go on too: one may replace a change that waits in the mailbox and is hereby undone.
    this.tell(state);
  }

  #occurrence({ key, revision, data, settled }: OccurredEvent): void {
    this.tell(this.#observation({ key, revision, data, occurrence: { settled } }));
  }

  #synced(): void {
    const { source, checkpoint } = this.observed;
    const seen = this.#seen;
    this.#seen = undefined;
    this.#sees = true;
    const report = this.#report('synced');
    if (source.plugin.semantics === 'edge') return this.tell(report);
    const missing = seen === undefined ? [] : this.#missing(seen);
    // A rule counts as synced once a restart would find its baseline: from then on no change is lost.
    const baseline = checkpoint.completeBaseline(source.id);
    for (const deleted of missing) this.tell(deleted);
    if (checkpoint.isBaselineStored(source.id)) return this.tell(report);
    void this.#afterwards(baseline, report);
  }

  async #afterwards(baseline: Promise<void>, report: SourceReport): Promise<void> {
    try {
      await baseline;
    } catch {
      return; // failing writes are reported by the journal
    }
    if (this.#sees) this.tell(report);
  }

  /** Keys that existed, or wait for a delivery, and were not named: deleted meanwhile. */
  #missing(seen: ReadonlySet<string>): Observation[] {
    const { source, checkpoint, underWay } = this.observed;
    const known = [...checkpoint.presentKeys(source.id), ...checkpoint.begunKeys(source.id), ...underWay()];
    return [...new Set(known)]
      .filter((key) => !seen.has(key))
      .map((key) => this.#observation({ key, revision: ABSENT }));
  }

  #observation(said: Pick<Observation, 'key' | 'revision' | 'parts' | 'mark' | 'data' | 'occurrence'>): Observation {
    const { source, instance, context } = this.observed;
    const record = recordName(source.id, said.key);
    return { sourceId: source.id, record, source, instance, observedAtMs: context.scheduler.now(), ...said };
  }

  #report(state: SourceReport['state']): SourceReport {
    return { type: 'source', source: this.observed.source.name, state };
  }
}

function stateOf({
  key,
  revision,
  parts,
  mark,
  data,
}: PresentEvent): Pick<Observation, 'key' | 'revision' | 'parts' | 'mark' | 'data'> {
  return { key, revision, parts, mark, data };
}
