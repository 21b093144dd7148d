import { ScheduleSyntaxError } from './cron-fields.js';
import { cronSchedule } from './schedule.js';

/** So many make every value of a field come up. */
const SEEDS = Array.from({ length: 64 }, (_, i) => `${i}`);

/**
 * What is wrong with a cron expression, as a clause that names the value and the fix; undefined when it is good. One with `H` must be good
 * whatever its seed is: the 31st of `H` would come for some rules and for others not.
 */
export function cronIssue(expression: string): string | undefined {
  try {
    for (const hashSeed of expression.includes('H') ? SEEDS : ['']) cronSchedule(expression, { hashSeed });
    return undefined;
  } catch (error) {
    if (error instanceof ScheduleSyntaxError) return error.message;
    throw error;
  }
}
