/** So many past events, dead letters and keys under way a status shows. */
export const SHOWN = 10;
/** A status stays small however long an error is. */
const MAX_MESSAGE = 512;

export const RESULT = {
  done: 'Done',
  unchanged: 'Unchanged',
  failed: 'Failed',
  dropped: 'Dropped',
  skipped: 'Skipped',
} as const;

export function short(message: string): string {
  return message.length > MAX_MESSAGE ? `${message.slice(0, MAX_MESSAGE - 1)}…` : message;
}

/** To the second, as Kubernetes writes times; a time beyond what a date can hold (a filter that defers for ever) is the last one. */
export function timeText(ms: number): string {
  return new Date(Math.min(ms, LATEST_MS)).toISOString().replace(/\.\d+Z$/, 'Z');
}

/** The end of the year 9999: RFC 3339 has four digits. */
const LATEST_MS = 253_402_300_799_000;
