import { ScheduleSyntaxError } from './cron-fields.js';
import { cronSchedule } from './schedule.js';

/** What is wrong with a cron expression, as a clause that names the value and the fix; undefined when it is good. */
export function cronIssue(expression: string): string | undefined {
  try {
    cronSchedule(expression);
    return undefined;
  } catch (error) {
    if (error instanceof ScheduleSyntaxError) return error.message;
    throw error;
  }
}
