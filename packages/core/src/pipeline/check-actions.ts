import { defer, distinctUntilChanged, EMPTY, expand, from, fromEvent, map, merge, mergeMap } from 'rxjs';
import { type Observable, of, takeUntil, tap, timer } from 'rxjs';
import { toTriggerError, type TriggerError } from '../contract/errors.js';
import { attempt, type Cancellation } from './attempt.js';
import type { RuleReport } from './report.js';
import type { ActionRunner } from './run-actions.js';
import { fullJitter } from './wait.js';

const AGAIN = { initialDelayMs: 1000, maxDelayMs: 30_000 };

/**
 * Asks every action that can tell (`check`) whether it could work, until it says yes; reports each answer that differs from the one
 * before. `onRecovered` is called when a failing check recovers, so that deliveries in backoff need not wait longer.
 */
export function checkActions(
  runner: ActionRunner,
  stopped: AbortSignal,
  onRecovered: () => void,
): Observable<RuleReport> {
  const { rule, scheduler, random } = runner;
  const checks = runner.actions.map(({ compiled, instance, logger }) => {
    if (instance.check === undefined) return EMPTY;
    const ask = defer(() => {
      const call = ({ signal }: Cancellation) =>
        instance.check?.(compiled.config, { rule, scheduler, random, logger, signal });
      const answer = attempt(call, { timeoutMs: compiled.timeoutMs, scheduler, stopped });
      return from(answer.then(() => undefined, toTriggerError));
    });
    return ask.pipe(
      map((error) => ({ error, failures: 1 })),
      expand(({ error, failures }) =>
        error === undefined
          ? EMPTY
          : timer(fullJitter(failures, AGAIN, random), scheduler).pipe(
              mergeMap(() => ask),
              tap((answer) => answer === undefined && onRecovered()),
              map((answer) => ({ error: answer, failures: failures + 1 })),
            ),
      ),
      map(({ error }) => error),
      distinctUntilChanged(isSameAnswer),
      map((error): RuleReport => ({ type: 'check', action: compiled.name, ...(error === undefined ? {} : { error }) })),
    );
  });
  const end = stopped.aborted ? of(0) : fromEvent(stopped, 'abort');
  return merge(...checks).pipe(takeUntil(end));
}

function isSameAnswer(one: TriggerError | undefined, other: TriggerError | undefined): boolean {
  return one?.code === other?.code && one?.message === other?.message;
}
