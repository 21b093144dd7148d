import type { OccurredEvent, Outcome, SourceContext } from '@kube-trigger/core';
import { configOf, RecordingLogger } from '@kube-trigger/testing/contracts';
import type { SchedulerLike, Subscription } from 'rxjs';
import timer, { TimerSource } from '../../src/index.js';

/** What outlives processes: the last settled revision by key, and what was acted on. */
export class Outside {
  readonly settled = new Map<string, string>();
  readonly acted: string[] = [];
}

export interface Running {
  readonly scheduler: SchedulerLike;
  readonly outside?: Outside;
  readonly rule?: { readonly namespace: string; readonly name: string };
  /** False: occurrences are taken and not answered until `answer`. */
  readonly answers?: boolean;
}

/** A process that runs one timer and treats what it says as the host does: asks the gate, acts, records, acknowledges. */
export class Process {
  readonly logger = new RecordingLogger();
  readonly outside: Outside;
  readonly waiting: OccurredEvent[] = [];
  error: unknown;
  isSynced = false;
  readonly #subscription: Subscription;
  readonly #source = new TimerSource();
  readonly #config;
  #answers: boolean;
  #isAnswering = false;

  constructor(config: object, running: Running) {
    const { scheduler, rule = { namespace: 'shop', name: 'nightly' }, answers = true } = running;
    this.outside = running.outside ?? new Outside();
    this.#answers = answers;
    const context: SourceContext = {
      rule: { ...rule, uid: 'uid-1' },
      scheduler,
      logger: this.logger,
      random: () => 0.5,
      settledRevision: (key) => this.outside.settled.get(key),
      recall: () => undefined,
      signal: new AbortController().signal,
    };
    this.#config = configOf(timer, config) as Parameters<TimerSource['open']>[0];
    this.#subscription = this.#source.open(this.#config, context).subscribe({
      next: (event) => {
        if (event.change === 'occurred') this.#take(event);
        this.isSynced ||= event.change === 'synced';
      },
      error: (error: unknown) => (this.error = error),
    });
  }

  /** What was acted on, by all processes so far. */
  get acted(): readonly string[] {
    return this.outside.acted;
  }

  /** Settles what waits, the oldest first; what comes meanwhile waits, too, unless all is answered. */
  answer(): void {
    if (this.#isAnswering) return;
    this.#isAnswering = true;
    for (let left = this.waiting.length; this.#answers ? this.waiting.length > 0 : left > 0; left -= 1) {
      const event = this.waiting.shift();
      if (event !== undefined) this.#settle(event);
    }
    this.#isAnswering = false;
  }

  answerFromNowOn(): void {
    this.#answers = true;
    this.answer();
  }

  kill(): void {
    this.#subscription.unsubscribe();
  }

  #take(event: OccurredEvent): void {
    this.waiting.push(event);
    if (this.#answers) this.answer();
  }

  #settle(event: OccurredEvent): void {
    const { key, revision } = event;
    const outcome: Outcome = this.#isDropped(event) ? 'dropped' : 'done';
    if (outcome === 'done') this.outside.acted.push(revision);
    this.outside.settled.set(key, revision);
    event.settled?.(outcome);
  }

  #isDropped({ key, revision }: OccurredEvent): boolean {
    const times = { observedAtMs: 0, waitingSinceMs: 0 };
    const event = { id: 'i', source: 'timer[0]', key, revision, change: 'occurred', ...times } as const;
    return 'drop' in this.#source.decide(this.#config, event);
  }
}
