import {
  catchError,
  defer,
  delay,
  distinctUntilChanged,
  EMPTY,
  expand,
  from,
  fromEvent,
  isObservable,
  map,
  merge,
} from 'rxjs';
import { mergeMap, NEVER, type Observable, of, take, takeUntil, timer } from 'rxjs';
import { toTriggerError, type TriggerError } from '../contract/errors.js';
import type { CheckedUntil } from '../contract/plugin.js';
import { attempt, type Cancellation } from './attempt.js';
import type { RuleReport } from './report.js';
import type { ActionRunner } from './run-actions.js';
import { fullJitter } from './wait.js';

const AGAIN = { initialDelayMs: 1000, maxDelayMs: 30_000 };

interface Answer {
  readonly error?: TriggerError;
  /** What a good answer rests on; undefined: it is the last one. */
  readonly until?: Observable<unknown> | undefined;
  /** In a row. */
  readonly failures: number;
}

/**
 * Asks every action that can tell (`check`) whether it could work, until it says yes, and again when it said how long that holds; reports
 * each answer that differs from the one before. `onRecovered` is called when a failing check recovers, so that deliveries in backoff need
 * not wait longer.
 */
export function checkActions(
  runner: ActionRunner,
  stopped: AbortSignal,
  onRecovered: () => void,
): Observable<RuleReport> {
  const { rule, scheduler, random } = runner;
  const checks = runner.actions.map(({ compiled, instance, logger }) => {
    if (instance.check === undefined) return EMPTY;
    const ask = (failures: number) =>
      defer(() => {
        const call = ({ signal }: Cancellation) =>
          instance.check?.(compiled.config, { rule, scheduler, random, logger, signal });
        const answer = attempt(call, { timeoutMs: compiled.timeoutMs, scheduler, stopped });
        return from(
          answer.then(
            (checked): Answer => ({ until: untilOf(checked), failures: 0 }),
            (thrown: unknown): Answer => ({ error: toTriggerError(thrown), failures: failures + 1 }),
          ),
        );
      });
    const next = ({ error, until, failures }: Answer): Observable<Answer> => {
      if (error === undefined)
        return moved(until).pipe(
          delay(AGAIN.initialDelayMs, scheduler),
          mergeMap(() => ask(0)),
        );
      return timer(fullJitter(failures, AGAIN, random), scheduler).pipe(
        mergeMap(() => ask(failures)),
        map((answer) => {
          if (answer.error === undefined) onRecovered();
          return answer;
        }),
      );
    };
    return ask(0).pipe(
      expand(next),
      map(({ error }) => error),
      distinctUntilChanged(isSameAnswer),
      map((error): RuleReport => ({ type: 'check', action: compiled.name, ...(error === undefined ? {} : { error }) })),
    );
  });
  const end = stopped.aborted ? of(0) : fromEvent(stopped, 'abort');
  return merge(...checks).pipe(takeUntil(end));
}

/** A plugin's word, whatever it resolved with. */
function untilOf(checked: void | CheckedUntil): Observable<unknown> | undefined {
  const until = typeof checked === 'object' && checked !== null ? checked.until : undefined;
  return isObservable(until) ? until : undefined;
}

/** Emits once at most; one that fails or ends says nothing. */
function moved(until: Observable<unknown> | undefined): Observable<unknown> {
  return until === undefined
    ? EMPTY
    : until.pipe(
        take(1),
        catchError(() => NEVER),
      );
}

function isSameAnswer(one: TriggerError | undefined, other: TriggerError | undefined): boolean {
  return one?.code === other?.code && one?.message === other?.message;
}
