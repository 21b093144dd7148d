import { Subscription, timer } from 'rxjs';
import { toTriggerError, TriggerError } from '../contract/errors.js';
import { Inventory, type ObservedSource } from './inventory.js';
import type { Observation } from './observation.js';
import type { RuleReport, SourceReport } from './report.js';
import { openSource } from './open-source.js';
import { fullJitter } from './wait.js';

const REOPEN = { initialDelayMs: 1000, maxDelayMs: 60_000 };

/** One subscription to the source. */
interface Opened {
  /** Undefined until `subscribe` has returned. */
  events: Subscription | undefined;
  /** What it says does not count any more. */
  isOver: boolean;
}

/**
 * Opens a source and keeps it open: whatever it throws, errors with or ends by is reported and followed by another open, with
 * backoff that starts anew once the source has held for a minute. On the first sight of a source its states become the baseline;
 * after that an unknown key was created, and a known one that is missing at `synced` was deleted. Goes on until `stop`, which may come
 * out of `tell`; `tell` must not throw. Written out, since a chain of operators is 8 KB of memory for each source of each rule.
 */
export class SourceObserver {
  #failures = 0;
  #syncedAtMs: number | undefined;
  #opened: Opened | undefined;
  /** For the next open. */
  #waiting = Subscription.EMPTY;
  #stopped = false;

  constructor(
    private readonly observed: ObservedSource,
    private readonly tell: (said: Observation | RuleReport) => void,
  ) {}

  start(): void {
    if (!this.#stopped) this.#open();
  }

  stop(): void {
    this.#stopped = true;
    this.#waiting.unsubscribe();
    this.#end(this.#opened);
  }

  #open(): void {
    this.#say('opening');
    if (this.#stopped) return;
    this.#syncedAtMs = undefined;
    const { source, instance, context } = this.observed;
    const opened: Opened = (this.#opened = { events: undefined, isOver: false });
    const inventory = new Inventory(this.observed, (said) => {
      if (!opened.isOver) this.tell(said);
    });
    const opening = { source: instance, config: source.config, context, onFault: this.#onFault };
    const events = openSource(opening).subscribe({
      next: (event) => {
        if (!opened.isOver) this.#accept(event, { inventory, opened });
      },
      error: (thrown: unknown) => this.#failed(opened, thrown),
      complete: () => this.#failed(opened, ended()),
    });
    opened.events = events;
    // It may have ended, or the rule, before `subscribe` returned.
    if (opened.isOver) this.#release(events);
  }

  #accept(event: unknown, { inventory, opened }: { inventory: Inventory; opened: Opened }): void {
    try {
      if (isSynced(event)) this.#syncedAtMs ??= this.observed.context.scheduler.now();
      inventory.accept(event);
    } catch (thrown) {
      this.#failed(opened, thrown);
    }
  }

  #failed(opened: Opened, thrown: unknown): void {
    if (opened.isOver) return;
    const { scheduler, random } = this.observed.context;
    const held = this.#syncedAtMs !== undefined && scheduler.now() - this.#syncedAtMs >= REOPEN.maxDelayMs;
    this.#failures = held ? 1 : this.#failures + 1;
    this.#say('degraded', toTriggerError(thrown));
    this.#end(opened);
    if (this.#stopped) return;
    this.#waiting = timer(fullJitter(this.#failures, REOPEN, random), scheduler).subscribe(() => this.#open());
  }

  #end(opened: Opened | undefined): void {
    if (opened === undefined || opened.isOver) return;
    opened.isOver = true;
    if (opened.events !== undefined) this.#release(opened.events);
  }

  #say(state: SourceReport['state'], error?: TriggerError): void {
    const { name: source } = this.observed.source;
    this.tell({ type: 'source', source, state, ...(error === undefined ? {} : { error }) });
  }

  /** A failing teardown is reported: thrown on, it would reach whoever stops the rule. */
  #release(events: Subscription): void {
    try {
      events.unsubscribe();
    } catch (thrown) {
      this.#onFault(thrown);
    }
  }

  readonly #onFault = (thrown: unknown): void => {
    const { report, source } = this.observed;
    report({ type: 'fault', where: source.name, error: toTriggerError(thrown) });
  };
}

function isSynced(event: unknown): boolean {
  return (event as { change?: unknown } | null | undefined)?.change === 'synced';
}

function ended(): TriggerError {
  return new TriggerError('KT_SOURCE_ENDED', 'the source completed although its rule still runs');
}
