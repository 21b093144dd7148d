import { isObservable, type Observable, Subscription, timer } from 'rxjs';
import { toTriggerError, type TriggerError } from '../contract/errors.js';
import type { CheckedUntil } from '../contract/plugin.js';
import { attempt, type Cancellation } from './attempt.js';
import { LazyContext } from './attempt-action.js';
import type { ActionRunner, RunnableAction } from './run-actions.js';
import { fullJitter } from './wait.js';

const AGAIN = { initialDelayMs: 1000, maxDelayMs: 30_000 };

export interface CheckOptions {
  readonly runner: ActionRunner;
  /** Ends the question that is being answered. */
  readonly stopped: AbortSignal;
  /** Called when a failing check recovers, so that deliveries in backoff need not wait longer. */
  readonly onRecovered: () => void;
}

/**
 * Asks an action that can tell (`check`) whether it could work, until it says yes, and again when it said how long that holds; reports
 * each answer that differs from the one before. Nothing is heard of it after `stop`.
 */
export class ActionCheck {
  #failures = 0;
  #said: { readonly error: TriggerError | undefined } | undefined;
  /** What the next question waits for. */
  #waiting = Subscription.EMPTY;

  constructor(
    private readonly action: RunnableAction,
    private readonly options: CheckOptions,
  ) {}

  start(): void {
    if (this.action.instance.check !== undefined) void this.#ask();
  }

  /** `stopped` is aborted by then. */
  stop(): void {
    this.#waiting.unsubscribe();
  }

  async #ask(): Promise<void> {
    const { stopped } = this.options;
    try {
      const until = untilOf(await this.#answer());
      if (!stopped.aborted) this.#succeeded(until);
    } catch (thrown) {
      if (!stopped.aborted) this.#failed(toTriggerError(thrown));
    }
  }

  #answer(): Promise<void | CheckedUntil> {
    const { compiled, instance } = this.action;
    const { runner, stopped } = this.options;
    const call = (cancellation: Cancellation) =>
      instance.check?.(compiled.config, new LazyContext(runner, this.action, cancellation));
    return attempt(call, { timeoutMs: compiled.timeoutMs, scheduler: runner.scheduler, stopped });
  }

  #succeeded(until: Observable<unknown> | undefined): void {
    const { onRecovered, stopped } = this.options;
    if (this.#failures > 0) onRecovered();
    this.#failures = 0;
    this.#say(undefined);
    // Whoever heard it may have stopped the rule.
    if (until !== undefined && !stopped.aborted) this.#askAfter(until);
  }

  #failed(error: TriggerError): void {
    this.#failures += 1;
    this.#say(error);
    if (!this.options.stopped.aborted) this.#askIn(fullJitter(this.#failures, AGAIN, this.options.runner.random));
  }

  /** What fails or ends says nothing: the answer stands. */
  #askAfter(until: Observable<unknown>): void {
    let hasMoved = false;
    const moved = () => {
      if (hasMoved) return;
      hasMoved = true;
      this.#waiting.unsubscribe();
      this.#askIn(AGAIN.initialDelayMs);
    };
    const waiting = until.subscribe({ next: moved, error: () => undefined });
    // The first value may come before `subscribe` returns.
    if (hasMoved) waiting.unsubscribe();
    else this.#waiting = waiting;
  }

  #askIn(ms: number): void {
    this.#waiting = timer(ms, this.options.runner.scheduler).subscribe(() => void this.#ask());
  }

  #say(error: TriggerError | undefined): void {
    if (this.#said !== undefined && isSameAnswer(this.#said.error, error)) return;
    this.#said = { error };
    const { name: action } = this.action.compiled;
    this.options.runner.report({ type: 'check', action, ...(error === undefined ? {} : { error }) });
  }
}

/** A plugin's word, whatever it resolved with. */
function untilOf(checked: void | CheckedUntil): Observable<unknown> | undefined {
  const until = typeof checked === 'object' && checked !== null ? checked.until : undefined;
  return isObservable(until) ? until : undefined;
}

function isSameAnswer(one: TriggerError | undefined, other: TriggerError | undefined): boolean {
  return one?.code === other?.code && one?.message === other?.message;
}
