import { defer, EMPTY, mergeMap, Observable, of, type SchedulerLike, timer } from 'rxjs';
import { ABSENT } from '../checkpoint/entry.js';
import type { KeyState, RuleCheckpoint } from '../checkpoint/rule-checkpoint.js';
import type { SourceContext } from '../contract/context.js';
import { toTriggerError, TriggerError } from '../contract/errors.js';
import type { OccurredEvent, Outcome, SourceEvent } from '../contract/events.js';
import type { Source } from '../contract/plugin.js';
import type { CompiledSource } from '../rule/compiled-rule.js';
import type { SourceReport } from './report.js';
import { fullJitter } from './wait.js';

/** A state (or an occurrence) that may need a delivery. */
export interface Observation extends KeyState {
  readonly source: CompiledSource;
  readonly instance: Source;
  readonly data?: unknown;
  /** When the runtime was told, in milliseconds since the epoch. */
  readonly observedAtMs: number;
  /** Set for occurrences: they queue up in order, where states replace one another. */
  readonly occurrence?: { readonly settled?: (outcome: Outcome) => void };
}

export interface ObservedSource {
  readonly source: CompiledSource;
  readonly instance: Source;
  readonly context: SourceContext;
  readonly checkpoint: RuleCheckpoint;
  readonly onFirstSeen: 'baseline' | 'run';
}

const REOPEN = { initialDelayMs: 1000, maxDelayMs: 60_000 };

/**
 * Opens a source and keeps it open: whatever it throws, errors with or ends by is reported and followed by another open, with
 * backoff. On the first sight of a source its states become the baseline; after that an unknown key was
 * created, and a known one that is missing at `synced` was deleted. Never errors or completes by itself.
 */
export function observeSource(observed: ObservedSource): Observable<Observation | SourceReport> {
  const { source, context } = observed;
  return new Observable((subscriber) => {
    let failures = 0;
    const once = defer(() => {
      const inventory = new Inventory(observed);
      return observed.instance.open(source.config, context).pipe(
        mergeMap((event) => {
          const out = inventory.accept(event);
          if (event.change === 'synced') failures = 0;
          return out.length === 0 ? EMPTY : of(...out);
        }),
      );
    });
    const openAfter = (delayMs: number, scheduler: SchedulerLike) =>
      (delayMs === 0 ? of(0) : timer(delayMs, scheduler)).pipe(mergeMap(() => once));
    const open = (delayMs: number): void => {
      if (subscriber.closed) return;
      subscriber.next({ type: 'source', source: source.name, state: 'opening' });
      const reopen = (error: TriggerError) => {
        subscriber.next({ type: 'source', source: source.name, state: 'degraded', error });
        failures += 1;
        subscriber.remove(subscription);
        open(fullJitter(failures, REOPEN, context.random));
      };
      const subscription = openAfter(delayMs, context.scheduler).subscribe({
        next: (value) => subscriber.next(value),
        error: (thrown: unknown) => reopen(toTriggerError(thrown)),
        complete: () =>
          reopen(new TriggerError('KT_SOURCE_ENDED', 'the source completed although its rule still runs')),
      });
      subscriber.add(subscription);
    };
    open(0);
  });
}

/** What one subscription to a source has said so far, held against the checkpoint. */
class Inventory {
  /** Keys present so far, until `synced`. */
  #seen: Set<string> | undefined = new Set();
  readonly #baselining: boolean;

  constructor(private readonly observed: ObservedSource) {
    const { checkpoint, source, onFirstSeen } = observed;
    this.#baselining = !checkpoint.isKnown(source.id) && onFirstSeen === 'baseline';
  }

  accept(event: SourceEvent): readonly (Observation | SourceReport)[] {
    switch (event.change) {
      case 'present':
        this.#seen?.add(event.key);
        return this.#state({ key: event.key, revision: event.revision, parts: event.parts, data: event.data });
      case 'absent':
        this.#seen?.delete(event.key);
        return this.#state({ key: event.key, revision: ABSENT });
      case 'occurred':
        return this.#occurrence(event);
      case 'synced':
        return [...this.#synced(), this.#report('synced')];
      case 'degraded':
        return [{ ...this.#report('degraded'), error: event.error }];
    }
  }

  #state(said: { key: string; revision: string; parts?: KeyState['parts']; data?: unknown }): Observation[] {
    const { source, checkpoint } = this.observed;
    const state = this.#observation(said);
    if (this.#baselining && this.#seen !== undefined && checkpoint.get(source.id, said.key) === undefined) {
      checkpoint.baseline(state);
      return [];
    }
    // Settled states go on too: one may replace a change that waits in the mailbox and is hereby undone.
    return [state];
  }

  #occurrence(event: OccurredEvent): Observation[] {
    const { key, revision, data, settled } = event;
    return [this.#observation({ key, revision, data, occurrence: { settled } })];
  }

  #synced(): Observation[] {
    const { source, checkpoint } = this.observed;
    const seen = this.#seen;
    this.#seen = undefined;
    if (seen === undefined || source.plugin.semantics === 'edge') return [];
    if (!checkpoint.isKnown(source.id)) {
      // Failing writes are reported by the journal; until the mark is stored, a restart completes the baseline.
      checkpoint.completeBaseline(source.id).catch(() => undefined);
    }
    const missing = [...checkpoint.presentKeys(source.id), ...checkpoint.begunKeys(source.id)].filter(
      (key) => !seen.has(key),
    );
    return [...new Set(missing)].map((key) => this.#observation({ key, revision: ABSENT }));
  }

  #observation(said: Pick<Observation, 'key' | 'revision' | 'parts' | 'data' | 'occurrence'>): Observation {
    const { source, instance, context } = this.observed;
    return { sourceId: source.id, source, instance, observedAtMs: context.scheduler.now(), ...said };
  }

  #report(state: SourceReport['state']): SourceReport {
    return { type: 'source', source: this.observed.source.name, state };
  }
}
