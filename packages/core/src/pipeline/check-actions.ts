import {
  defer,
  EMPTY,
  expand,
  from,
  fromEvent,
  map,
  merge,
  mergeMap,
  type Observable,
  of,
  takeUntil,
  tap,
  timer,
} from 'rxjs';
import { toTriggerError } from '../contract/errors.js';
import type { RuleReport } from './report.js';
import { type ActionRunner, orAborted } from './run-actions.js';
import { fullJitter } from './wait.js';

const AGAIN = { initialDelayMs: 1000, maxDelayMs: 30_000 };

/**
 * Asks every action that can tell (`check`) whether it could work, until it says yes; reports each answer once per change.
 * `onRecovered` is called when a failing check recovers, so that deliveries in backoff need not wait longer.
 */
export function checkActions(
  runner: ActionRunner,
  stopped: AbortSignal,
  onRecovered: () => void,
): Observable<RuleReport> {
  const checks = runner.actions.map(({ compiled, instance }) => {
    if (instance.check === undefined) return EMPTY;
    const context = { ...runner, logger: runner.logger.child({ action: compiled.name }), signal: stopped };
    const ask = defer(() => {
      const signal = AbortSignal.any([stopped, AbortSignal.timeout(compiled.timeoutMs)]);
      const answer = orAborted(
        () => Promise.resolve(instance.check?.(compiled.config, { ...context, signal })),
        signal,
      );
      return from(answer.then(() => undefined, toTriggerError));
    });
    return ask.pipe(
      map((error) => ({ error, failures: error === undefined ? 0 : 1 })),
      expand(({ error, failures }) =>
        error === undefined
          ? EMPTY
          : timer(fullJitter(failures, AGAIN, runner.random), runner.scheduler).pipe(
              mergeMap(() => ask),
              tap((answer) => answer === undefined && onRecovered()),
              map((answer) => ({ error: answer, failures: failures + 1 })),
            ),
      ),
      map(({ error }): RuleReport => ({
        type: 'check',
        action: compiled.name,
        ...(error === undefined ? {} : { error }),
      })),
    );
  });
  const end = stopped.aborted ? of(0) : fromEvent(stopped, 'abort');
  return merge(...checks).pipe(takeUntil(end));
}
