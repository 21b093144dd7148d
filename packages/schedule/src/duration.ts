const UNIT_MS: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1000 };
const LONGEST_MS = 366 * 86_400_000;

export type Duration =
  | { readonly ms: number; readonly issue?: undefined }
  | { readonly issue: string; readonly ms?: undefined };

/** Reads `90s`, `15m`, `1h30m`: hours, minutes and seconds, whole numbers, each unit once and in that order; 1 s to 366 days. */
export function readDuration(text: string): Duration {
  const [matched, ...amounts] = /^(?:(\d{1,8})h)?(?:(\d{1,8})m)?(?:(\d{1,8})s)?$/.exec(text) ?? [];
  if (matched === undefined || matched === '') return { issue: `"${text}" is no duration; ${fixFor(text)}` };
  const ms = ['h', 'm', 's'].reduce((sum, unit, i) => sum + Number(amounts[i] ?? 0) * (UNIT_MS[unit] ?? 0), 0);
  if (ms < 1000) return { issue: `"${text}" is no time at all; write at least 1s` };
  if (ms > LONGEST_MS) return { issue: `"${text}" is longer than 366 days; write at most 8784h` };
  return { ms };
}

function fixFor(text: string): string {
  if (/^\d+$/.test(text)) return `write its unit: ${text}s, ${text}m or ${text}h`;
  if (/^\d+d$/.test(text)) return `write hours (24h), or a schedule if days are meant that have 23 or 25 of them`;
  if (text.startsWith('-')) return 'it cannot be negative; write e.g. 90s';
  if (/ms|\./.test(text)) return 'write whole seconds, e.g. 1s';
  return 'write hours, minutes and seconds, e.g. 90s or 1h30m';
}
