import {
  PASS,
  type Source,
  type SourceContext,
  type SourceEvent,
  type TriggerEvent,
  type Verdict,
} from '@kube-trigger/core';
import { cronSchedule, everySchedule, readDuration, type Schedule } from '@kube-trigger/schedule';
import { Observable } from 'rxjs';
import { injectable } from 'tsyringe';
import { ON_TIME_SECONDS, type TimerConfig } from './config.js';
import type { Pace } from './pace.js';
import { isBeginning } from './revision.js';
import { Ticker, type TimerEventData } from './ticker.js';

/**
 * Fires at the instants of a schedule. The revision is the instant, so that whoever fires it again (a restart, another leader) fires the
 * same one. Never errors or completes by itself.
 */
@injectable()
export class TimerSource implements Source<TimerConfig, TimerEventData> {
  open(config: TimerConfig, context: SourceContext): Observable<SourceEvent<TimerEventData>> {
    return new Observable((subscriber) => {
      const ticker = config.suspend
        ? undefined
        : new Ticker(keyOf(config, context), paceOf(config, context), { context, subscriber });
      subscriber.next({ change: 'synced' });
      if (subscriber.closed) return undefined;
      ticker?.start();
      return () => ticker?.stop();
    });
  }

  decide(_config: TimerConfig, { revision }: TriggerEvent<TimerEventData>): Verdict {
    if (!isBeginning(revision)) return PASS;
    return { drop: `the timer is new, it fires from now on (${revision})` };
  }
}

/** `Timer/shop/nightly/30_3_*_*_1-5`, `Timer/shop/nightly/every-90s`. */
function keyOf({ schedule, every }: TimerConfig, { rule }: SourceContext): string {
  const id = schedule === undefined ? `every-${every ?? ''}` : schedule.trim().replaceAll(/\s+/g, '_');
  return `Timer/${rule.namespace}/${rule.name}/${id}`;
}

function paceOf(config: TimerConfig, { rule }: SourceContext): Pace {
  const { missed, startingDeadlineSeconds, jitterSeconds } = config;
  const deadlineSeconds = missed === 'none' ? ON_TIME_SECONDS : (startingDeadlineSeconds ?? Infinity);
  const ruleName = `${rule.namespace}/${rule.name}`;
  return {
    schedule: scheduleOf(config, ruleName),
    missed,
    deadlineMs: deadlineSeconds * 1000,
    jitterMs: jitterSeconds * 1000,
    jitterSeed: ruleName,
  };
}

function scheduleOf({ schedule, every, timeZone }: TimerConfig, hashSeed: string): Schedule {
  if (schedule !== undefined) return cronSchedule(schedule, { timeZone, hashSeed });
  return everySchedule(readDuration(every ?? '').ms ?? Number.NaN);
}
