import { type ConfigIssue, StringEnum } from '@kube-trigger/core';
import { cronIssue, readDuration, timeZoneIssue } from '@kube-trigger/schedule';
import { type Static, Type } from 'typebox';

/** Instants that are caught up with at most. */
export const MAX_MISSED = 100;
/** With `missed: none`, what a restart, another leader or a busy moment may take. */
export const ON_TIME_SECONDS = 60;

export const TimerConfig = Type.Object(
  {
    schedule: Type.Optional(
      Type.String({
        description:
          'A cron expression: minute, hour, day of month, month, day of week; with six fields, seconds first. Exactly one of schedule and every.',
        examples: ['30 3 * * 1-5', '*/10 * * * * *', 'H 4 * * *', '@daily'],
      }),
    ),
    every: Type.Optional(
      Type.String({
        description:
          'An interval in hours, minutes and seconds, e.g. 90s or 1h30m. Counted from 1970-01-01T00:00:00Z, so that restarts shift nothing.',
        examples: ['90s', '1h30m'],
      }),
    ),
    timeZone: Type.Optional(
      Type.String({
        description: 'Whose clocks the schedule means: a name of the IANA database. Default: UTC.',
        examples: ['Europe/Berlin'],
      }),
    ),
    missed: StringEnum(['none', 'latest', 'all'], {
      default: 'latest',
      description: `What becomes of instants that passed while nothing could be fired: none (later than ${ON_TIME_SECONDS} s is too late), only the latest, or all of them, the last ${MAX_MISSED} at most.`,
    }),
    startingDeadlineSeconds: Type.Optional(
      Type.Integer({
        minimum: 10,
        maximum: 31_622_400,
        description: 'A missed instant older than this is left out. Default: none is too old. Not with missed: none.',
      }),
    ),
    jitterSeconds: Type.Integer({
      default: 0,
      minimum: 0,
      maximum: 86_400,
      description:
        'Fires up to so much later, the same for all replicas; never as late as the instant after it. Spreads many rules with one schedule.',
    }),
    suspend: Type.Boolean({
      default: false,
      description: 'While true nothing is fired, and what passes meanwhile is not caught up with.',
    }),
  },
  {
    additionalProperties: false,
    exactlyOneOf: ['schedule', 'every'],
    description: 'Fires at the times of a schedule.',
  },
);
export type TimerConfig = Static<typeof TimerConfig>;

/** What the schema cannot say: the grammar of both, the zone. */
export function validateTimer(config: TimerConfig): ConfigIssue[] {
  const { schedule, every, timeZone, missed, startingDeadlineSeconds } = config;
  return [
    ...issue('schedule', schedule === undefined ? undefined : cronIssue(schedule)),
    ...issue('every', every === undefined ? undefined : readDuration(every).issue),
    ...issue('timeZone', timeZone === undefined ? undefined : timeZoneIssue(timeZone)),
    ...issue(
      'timeZone',
      timeZone !== undefined && every !== undefined
        ? `"${timeZone}" means nothing to every; remove it, or use schedule`
        : undefined,
    ),
    ...issue(
      'startingDeadlineSeconds',
      missed === 'none' && startingDeadlineSeconds !== undefined
        ? 'means nothing to missed: none; remove it, or use missed: latest'
        : undefined,
    ),
  ];
}

function issue(path: string, message: string | undefined): ConfigIssue[] {
  return message === undefined ? [] : [{ path, message }];
}
