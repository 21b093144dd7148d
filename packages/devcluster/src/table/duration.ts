const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const YEAR = 365 * DAY;

function two(ms: number, big: readonly [number, string], small: readonly [number, string]): string {
  const rest = Math.floor((ms % big[0]) / small[0]);
  return `${Math.floor(ms / big[0])}${big[1]}${rest === 0 ? '' : `${rest}${small[1]}`}`;
}

/** An age as Kubernetes prints it: `45s`, `5m30s`, `3h20m`, `2d4h`, `90d`, `2y10d`. Milliseconds in; negative counts as zero. */
export function humanDuration(ms: number): string {
  const age = Math.max(0, ms);
  if (age < 2 * MINUTE) return `${Math.floor(age / SECOND)}s`;
  if (age < 10 * MINUTE) return two(age, [MINUTE, 'm'], [SECOND, 's']);
  if (age < 3 * HOUR) return `${Math.floor(age / MINUTE)}m`;
  if (age < 8 * HOUR) return two(age, [HOUR, 'h'], [MINUTE, 'm']);
  if (age < 2 * DAY) return `${Math.floor(age / HOUR)}h`;
  if (age < 8 * DAY) return two(age, [DAY, 'd'], [HOUR, 'h']);
  if (age < 2 * YEAR) return `${Math.floor(age / DAY)}d`;
  if (age < 8 * YEAR) return two(age, [YEAR, 'y'], [DAY, 'd']);
  return `${Math.floor(age / YEAR)}y`;
}
