import { ABSENT } from '../checkpoint/entry.js';
import { keyOfRecord, recordName, type RuleCheckpoint } from '../checkpoint/rule-checkpoint.js';
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

type Said = Pick<Observation, 'key' | 'revision' | 'parts' | 'mark' | 'data' | 'occurrence' | 'record'>;

/** What one subscription to a source has said so far, held against the checkpoint. */
export class Inventory {
  /** Records of keys that were known when the subscription began and that it has not named yet; undefined from `synced` on. */
  #unseen: Set<string> | undefined;
  #sees = false;
  readonly #isFirst: boolean;

  /** `tell` is given what the rule is to hear, in order; after the end of the subscription it is to do nothing. */
  constructor(
    private readonly observed: ObservedSource,
    private readonly tell: (said: Observation | RuleReport) => void,
  ) {
    const { checkpoint, source, underWay } = observed;
    this.#isFirst = !checkpoint.isKnown(source.id);
    this.#unseen = new Set(checkpoint.knownRecords(source.id));
    for (const key of underWay()) this.#unseen.add(recordName(source.id, key));
  }

  accept(said: unknown): void {
    const { source } = this.observed;
    const event = checkSourceEvent(said, source.plugin.semantics);
    if (event instanceof TriggerError) return this.#refuse(said, event);
    switch (event.change) {
      case 'present':
        return this.#state(stateOf(event));
      case 'absent':
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
    if (change === 'present' && typeof key === 'string') this.#unseen?.delete(recordName(source.id, key));
    this.tell({ type: 'fault', where: source.name, error });
  }

  #state(said: Said): void {
    const { source, checkpoint, onFirstSeen } = this.observed;
    const state = this.#observation(said);
    this.#unseen?.delete(state.record);
    // Only while everything is listed: a write that changes nothing that counts is no reason to write the checkpoint each time.
    if (this.#unseen !== undefined) checkpoint.remark(state);
    const isNew = checkpoint.entryOf(state) === undefined;
    const isFirstSight = (this.#isFirst && this.#unseen !== undefined) || checkpoint.isUnreadable(source.id, said.key);
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
    // Whatever existed, or waits for a delivery, and was not named was deleted meanwhile.
    const deleted = this.#unseen ?? [];
    this.#unseen = undefined;
    this.#sees = true;
    const report = this.#report('synced');
    if (source.plugin.semantics === 'edge') return this.tell(report);
    // A rule counts as synced once a restart would find its baseline: from then on no change is lost.
    const baseline = checkpoint.completeBaseline(source.id);
    for (const record of deleted) {
      this.tell(this.#observation({ key: keyOfRecord(source.id, record), revision: ABSENT, record }));
    }
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

  #observation(said: Said): Observation & { readonly record: string } {
    const { source, instance, context } = this.observed;
    const { record = recordName(source.id, said.key) } = said;
    return { sourceId: source.id, source, instance, observedAtMs: context.scheduler.now(), ...said, record };
  }

  #report(state: SourceReport['state']): SourceReport {
    return { type: 'source', source: this.observed.source.name, state };
  }
}

function stateOf({ key, revision, parts, mark, data }: PresentEvent): Said {
  return { key, revision, parts, mark, data };
}
