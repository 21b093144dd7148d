import { createHash } from 'node:crypto';

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];

interface FieldKind {
  readonly name: string;
  readonly min: number;
  readonly max: number;
  /** Names of values, the first one for `min`. */
  readonly names?: readonly string[];
  /** What `H` may become; where it differs, so that it comes in every month or means one day once. */
  readonly hashMax?: number;
}

const SECOND: FieldKind = { name: 'second', min: 0, max: 59 };
const FIELDS: readonly FieldKind[] = [
  { name: 'minute', min: 0, max: 59 },
  { name: 'hour', min: 0, max: 23 },
  { name: 'day of month', min: 1, max: 31, hashMax: 28 },
  { name: 'month', min: 1, max: 12, names: MONTHS },
  { name: 'day of week', min: 0, max: 7, names: DAYS, hashMax: 6 },
];

const MACROS: Readonly<Record<string, string>> = {
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
  '@monthly': '0 0 1 * *',
  '@weekly': '0 0 * * 0',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@hourly': '0 * * * *',
};

const MAX_LENGTH = 256;

/** What is wrong with an expression, as a clause that names the value and the fix. */
export class ScheduleSyntaxError extends Error {
  override readonly name = 'ScheduleSyntaxError';
}

export interface CronFields {
  /** Six fields with nothing in them but `*`, numbers in lists, `L`, `5L` and `5#2`: what every cron library reads alike. */
  readonly normal: string;
  /** False when the hours are `*`, begin with it or are all 24: such a schedule follows the time that passes, not the time of day. */
  readonly isTimeOfDay: boolean;
}

/**
 * Reads a cron expression of 5 fields (minute, hour, day of month, month, day of week) or 6 (seconds first), or a macro such as `@daily`.
 * `hashSeed` decides what `H` stands for: equal seeds, equal values, in every process and version. Throws `ScheduleSyntaxError`.
 */
export function readCron(expression: string, hashSeed: string): CronFields {
  const parts = partsOf(expression);
  const kinds = [SECOND, ...FIELDS];
  const fields = parts.map((text, i) => {
    const kind = kinds[i];
    if (kind === undefined) throw new RangeError(`no field ${i}`);
    return normalField(text, kind, hashSeed);
  });
  const hours = fields[2] ?? '';
  const isTimeOfDay = !(parts[2] ?? '').startsWith('*') && hours.split(',').length < 24;
  return { normal: fields.join(' '), isTimeOfDay };
}

function partsOf(expression: string): string[] {
  const text = expression.trim();
  if (text === '') throw new ScheduleSyntaxError('is empty; write five fields, e.g. "30 3 * * 1-5"');
  if (text.length > MAX_LENGTH) throw new ScheduleSyntaxError(`is longer than ${MAX_LENGTH} characters`);
  if (/^(CRON_)?TZ=/.test(text))
    throw new ScheduleSyntaxError(`"${text}" names a zone; write it into timeZone instead`);
  if (text.startsWith('@')) return ['0', ...macro(text).split(' ')];
  const parts = text.split(/\s+/);
  if (parts.length === 5) return ['0', ...parts];
  if (parts.length === 6) return parts;
  const fields = parts.length === 1 ? 'field' : 'fields';
  throw new ScheduleSyntaxError(
    `"${text}" has ${parts.length} ${fields}; write 5 (minute hour day-of-month month day-of-week) or 6 (second first)`,
  );
}

function macro(text: string): string {
  const found = MACROS[text.toLowerCase()];
  if (found !== undefined) return found;
  const hint = text.toLowerCase().startsWith('@every')
    ? 'use every: instead'
    : `write ${Object.keys(MACROS).join(', ')}`;
  throw new ScheduleSyntaxError(`"${text}" is no macro; ${hint}, or five fields`);
}

function normalField(text: string, kind: FieldKind, hashSeed: string): string {
  const isDay = kind.name.startsWith('day');
  if (text === '*' || (text === '?' && isDay)) return '*';
  const items = text.split(',').map((item) => itemOf(item, kind, hashSeed));
  const numbers = items.flatMap((item) => (typeof item === 'string' ? [] : item));
  const words = items.filter((item) => typeof item === 'string');
  const sorted = [...new Set(kind.max === 7 ? numbers.map((n) => n % 7) : numbers)].toSorted((a, b) => a - b);
  if (words.some((word) => word.includes('#')) && items.length > 1)
    throw fault(kind, text, 'the n-th weekday stands alone; write one schedule for each');
  return [...sorted.map(String), ...new Set(words)].join(',');
}

/** The values of one item of a list; `L`, `5L` and `5#2` as they are. */
function itemOf(item: string, kind: FieldKind, hashSeed: string): number[] | string {
  if (item === '') throw fault(kind, item, 'nothing stands there; remove the comma');
  const word = wordOf(item, kind);
  if (word !== undefined) return word;
  const [base = '', stepText, ...more] = item.split('/');
  if (more.length > 0) throw fault(kind, item, 'it has two steps; write one, e.g. */15');
  const step = stepText === undefined ? undefined : stepOf(stepText, item, kind);
  if (base.startsWith('H')) return hashed(base, { item, kind, step, hashSeed });
  const [from, to] = rangeOf(base, { item, kind, step });
  refuseIdleStep(step, { item, kind, from, to });
  return valuesFrom(from, to, step ?? 1);
}

/** The last day of the month, the last and the n-th of a weekday. */
function wordOf(item: string, kind: FieldKind): string | undefined {
  if (kind.name === 'day of month') return item.toUpperCase() === 'L' ? 'L' : undefined;
  if (kind.name !== 'day of week') return undefined;
  const [, day = '', last, nth] = /^([a-z]+|\d+)(?:(L)|#(\d+))$/i.exec(item) ?? [];
  if (last === undefined && nth === undefined) return undefined;
  if (day.toUpperCase() === 'L') return undefined;
  const value = valueOf(day, item, kind) % 7;
  if (nth !== undefined && !/^[1-5]$/.test(nth)) throw fault(kind, item, 'a month has that weekday 4 or 5 times');
  return last === undefined ? `${value}#${nth}` : `${value}L`;
}

interface Item {
  readonly item: string;
  readonly kind: FieldKind;
}

function rangeOf(base: string, { item, kind, step }: Item & { step: number | undefined }): [number, number] {
  if (base === '*') return [kind.min, kind.max === 7 ? 6 : kind.max];
  const [fromText = '', toText, ...more] = base.split('-');
  if (more.length > 0) throw fault(kind, item, 'it is no range; write e.g. 1-5');
  const from = valueOf(fromText, item, kind);
  if (toText === undefined) return [from, step === undefined ? from : kind.max === 7 ? 6 : kind.max];
  const to = valueOf(toText, item, kind);
  if (to < from)
    throw fault(
      kind,
      item,
      `it runs backwards; write ${fromText}-${kind.max === 7 ? 6 : kind.max},${kind.min}-${toText}`,
    );
  return [from, to];
}

function valueOf(text: string, item: string, kind: FieldKind): number {
  const named = kind.names?.indexOf(text.toLowerCase()) ?? -1;
  const value = named >= 0 ? named + kind.min : /^\d{1,4}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= kind.min && value <= kind.max) return value;
  const names = kind.names === undefined ? '' : ` or ${kind.names[0]} to ${kind.names.at(-1)}`;
  throw fault(kind, item, `write ${kind.min} to ${kind.max}${names}`);
}

function stepOf(text: string, item: string, kind: FieldKind): number {
  const step = /^\d{1,4}$/.test(text) ? Number(text) : 0;
  if (step < 1) throw fault(kind, item, 'the step must be a whole number from 1');
  return step;
}

/** A step that leads out of its range leaves one value: whoever wrote it meant something else. */
function refuseIdleStep(step: number | undefined, { item, kind, from, to }: Item & { from: number; to: number }): void {
  if (step === undefined || step === 1 || step <= to - from) return;
  const fix = to === from ? `write ${from}` : `write ${from}, or a step of at most ${to - from}`;
  throw fault(kind, item, `a step of ${step} never gets past ${from} in ${from}-${to}; ${fix}`);
}

/** `H`, `H(8-17)`, `H/15` and `H(0-29)/10`, as in Jenkins: a value that is as good as random, and always the same. */
function hashed(base: string, on: Item & { step: number | undefined; hashSeed: string }): number[] {
  const { item, kind, step, hashSeed } = on;
  const [matched, min, max] = /^H(?:\((\d{1,4})-(\d{1,4})\))?$/.exec(base) ?? [];
  if (matched === undefined) throw fault(kind, item, `write H, H(${kind.min}-${kind.max}) or H/n`);
  const from = min === undefined ? kind.min : valueOf(min, item, kind);
  const to = max === undefined ? (kind.hashMax ?? kind.max) : valueOf(max, item, kind);
  if (to < from) throw fault(kind, item, `it runs backwards; write H(${to}-${from})`);
  refuseIdleStep(step, { item, kind, from, to });
  const hash = createHash('sha256').update(`${hashSeed}\n${kind.name}`).digest().readUInt32BE(0);
  if (step !== undefined) return valuesFrom(from + (hash % step), to, step);
  return [from + (hash % (to - from + 1))];
}

function valuesFrom(from: number, to: number, step: number): number[] {
  const values: number[] = [];
  for (let value = from; value <= to; value += step) values.push(value);
  return values;
}

function fault(kind: FieldKind, item: string, why: string): ScheduleSyntaxError {
  return new ScheduleSyntaxError(`"${item}" in the field ${kind.name}: ${why}`);
}
