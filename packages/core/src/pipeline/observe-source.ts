import { concat, ignoreElements, Observable, retry, tap, throwError, timer } from 'rxjs';
import { toTriggerError, TriggerError } from '../contract/errors.js';
import { Inventory, type ObservedSource } from './inventory.js';
import type { Observation } from './observation.js';
import type { RuleReport, SourceReport } from './report.js';
import { openSource } from './open-source.js';
import { fullJitter } from './wait.js';

const REOPEN = { initialDelayMs: 1000, maxDelayMs: 60_000 };

/**
 * Opens a source and keeps it open: whatever it throws, errors with or ends by is reported and followed by another open, with
 * backoff that starts anew once the source has held for a minute. On the first sight of a source its states become the baseline;
 * after that an unknown key was created, and a known one that is missing at `synced` was deleted. Never errors or completes by itself.
 */
export function observeSource(observed: ObservedSource): Observable<Observation | RuleReport> {
  const { source, context } = observed;
  return new Observable((subscriber) => {
    const say = (state: SourceReport['state'], error?: TriggerError) =>
      subscriber.next({ type: 'source', source: source.name, state, ...(error === undefined ? {} : { error }) });
    let failures = 0;
    let syncedAtMs: number | undefined;
    const once = new Observable<Observation | RuleReport>((heard) => {
      say('opening');
      syncedAtMs = undefined;
      const inventory = new Inventory(observed, (said) => heard.next(said));
      const accept = tap((event: unknown) => {
        if (isSynced(event)) syncedAtMs ??= context.scheduler.now();
        inventory.accept(event);
      });
      const ended = throwError(
        () => new TriggerError('KT_SOURCE_ENDED', 'the source completed although its rule still runs'),
      );
      return concat(released(observed), ended).pipe(accept, ignoreElements()).subscribe(heard);
    });
    const reopen = (thrown: unknown) => {
      const held = syncedAtMs !== undefined && context.scheduler.now() - syncedAtMs >= REOPEN.maxDelayMs;
      failures = held ? 1 : failures + 1;
      say('degraded', toTriggerError(thrown));
      return timer(fullJitter(failures, REOPEN, context.random), context.scheduler);
    };
    return once.pipe(retry({ delay: reopen })).subscribe(subscriber);
  });
}

function isSynced(event: unknown): boolean {
  return (event as { change?: unknown } | null | undefined)?.change === 'synced';
}

/** The plugin's stream, of which a failing teardown is reported: thrown on, it would reach whoever stops the rule. */
function released({ source, instance, context, report }: ObservedSource): Observable<unknown> {
  const onFault = (thrown: unknown) => report({ type: 'fault', where: source.name, error: toTriggerError(thrown) });
  return new Observable((subscriber) => {
    const inner = openSource({ source: instance, config: source.config, context, onFault }).subscribe({
      next: (event) => subscriber.next(event),
      error: (thrown: unknown) => subscriber.error(thrown),
      complete: () => subscriber.complete(),
    });
    return () => {
      try {
        inner.unsubscribe();
      } catch (thrown) {
        onFault(thrown);
      }
    };
  });
}
