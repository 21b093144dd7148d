const DAY_MS = 86_400_000;

/** The clocks of a zone are changed at `atMs`; the offsets are local time minus UTC, in milliseconds. */
export interface Transition {
  readonly atMs: number;
  readonly beforeMs: number;
  readonly afterMs: number;
}

/** What is wrong with the name of a zone, with the fix; undefined when Node's time zone data (IANA, through ICU) know it. */
export function timeZoneIssue(name: string): string | undefined {
  try {
    return void Intl.DateTimeFormat('en-US', { timeZone: name });
  } catch {
    const city = name.toLowerCase().replaceAll(/[\s_]+/g, '_');
    const meant = Intl.supportedValuesOf('timeZone').find((zone) => zone.toLowerCase().endsWith(`/${city}`));
    const fix =
      meant === undefined ? 'write a name of the IANA database, e.g. Europe/Berlin' : `did you mean "${meant}"?`;
    return `"${name}" is no time zone; ${fix}`;
  }
}

/** Offsets and clock changes of one zone, asked of `Intl` once per year and kept. */
export class TimeZone {
  static readonly #zones = new Map<string, TimeZone>();
  readonly #format: Intl.DateTimeFormat;
  readonly #years = new Map<number, readonly Transition[]>();

  private constructor(name: string) {
    this.#format = new Intl.DateTimeFormat('en-US', {
      timeZone: name,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
  }

  /** Throws a RangeError for an unknown name. */
  static of(name: string): TimeZone {
    const known = this.#zones.get(name);
    if (known !== undefined) return known;
    const zone = new TimeZone(name);
    this.#zones.set(name, zone);
    return zone;
  }

  /** Local time minus UTC at an instant. */
  offsetAt(atMs: number): number {
    const wholeMs = Math.floor(atMs / 1000) * 1000;
    const part: Partial<Record<Intl.DateTimeFormatPartTypes, number>> = {};
    for (const { type, value } of this.#format.formatToParts(wholeMs)) part[type] = Number(value);
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = part;
    return Date.UTC(year, month - 1, day, hour, minute, second) - wholeMs;
  }

  /** The first clock change with `afterMs < atMs <= untilMs`. */
  transition(afterMs: number, untilMs: number): Transition | undefined {
    for (let year = yearOf(afterMs); year <= yearOf(untilMs); year += 1) {
      const found = this.#in(year).find(({ atMs }) => atMs > afterMs && atMs <= untilMs);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  #in(year: number): readonly Transition[] {
    const known = this.#years.get(year);
    if (known !== undefined) return known;
    const found = this.#search(Date.UTC(year, 0, 1), Date.UTC(year + 1, 0, 1));
    this.#years.set(year, found);
    return found;
  }

  /** Clocks are not changed twice within a day, so looking once a day finds every change. */
  #search(startMs: number, endMs: number): Transition[] {
    const found: Transition[] = [];
    let beforeMs = this.offsetAt(startMs);
    for (let dayMs = startMs; dayMs < endMs; dayMs += DAY_MS) {
      const afterMs = this.offsetAt(dayMs + DAY_MS);
      if (afterMs !== beforeMs) found.push({ atMs: this.#changeIn(dayMs, dayMs + DAY_MS), beforeMs, afterMs });
      beforeMs = afterMs;
    }
    return found;
  }

  /** The first second of the new offset. */
  #changeIn(startMs: number, endMs: number): number {
    const before = this.offsetAt(startMs);
    let [low, high] = [startMs / 1000, endMs / 1000];
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      if (this.offsetAt(middle * 1000) === before) low = middle;
      else high = middle;
    }
    return high * 1000;
  }
}

function yearOf(ms: number): number {
  return new Date(ms).getUTCFullYear();
}
