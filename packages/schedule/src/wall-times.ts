import { type CronExpression, CronExpressionParser } from 'cron-parser';
import { ScheduleSyntaxError } from './cron-fields.js';

/**
 * The times on the clock that a cron expression names, as if there were no time zones: "wall milliseconds" count like milliseconds
 * since the epoch, but of the local date and time.
 */
export class WallTimes {
  readonly #cron: CronExpression;

  /** Takes normal fields (see `readCron`). Throws `ScheduleSyntaxError` when no day ever fits them. */
  constructor(normal: string, expression: string) {
    // Of cron-parser only the calendar is used, in UTC: its handling of clock changes differs by where one starts counting.
    try {
      this.#cron = CronExpressionParser.parse(normal, { tz: 'UTC' });
      this.from(0);
    } catch (error) {
      throw new ScheduleSyntaxError(
        `"${expression.trim()}" names a day that never comes; correct the day or the month`,
        {
          cause: error,
        },
      );
    }
  }

  /** The first one at or after `wallMs` (a whole second). */
  from(wallMs: number): number {
    this.#cron.reset(new Date(wallMs - 1000));
    return this.#cron.next().getTime();
  }
}
