/** The digest by part of one state, e.g. by data key. */
export type Parts = Readonly<Record<string, string>>;

/** The revision of a key that does not exist. */
export const ABSENT = '';

/**
 * What a rule remembers of one key. `settled` answers "is there anything to do?", `begun` "may a target have seen something
 * else?", `acted` "which state do the targets have?".
 */
export interface CheckpointEntry {
  /** The last revision that was dealt with (acted on, dropped by a filter, or baselined); `ABSENT` for a settled deletion. */
  readonly settled?: string;
  readonly parts?: Parts;
  /** By which the source knows the settled version again. */
  readonly mark?: string;
  /** The key is gone and its deletion asked for no action; `settled` still names its last state, so an equal re-creation is nothing. */
  readonly gone?: boolean;
  /** A delivery that began and is not settled: some targets may have it already. */
  readonly begun?: Begun;
  /** The revision that actions last saw, where it differs from `settled` (because a filter dropped the later one). */
  readonly acted?: string;
  /** Numbers the rule's deliveries, growing with time; makes event ids unique when a state comes back. 0 before the first one. */
  readonly sequence: number;
  /** Set when the settled revision was given up: its dead letter. It stays while that is delivered again. */
  readonly failed?: string;
}

/** Whether the key exists, as far as this entry knows. */
export function isPresent(entry: CheckpointEntry): boolean {
  return entry.gone !== true && entry.settled !== undefined && entry.settled !== ABSENT;
}

/** Whether a state that was given up is delivered again. */
export function isRetried({ failed, begun, settled }: CheckpointEntry): boolean {
  return failed !== undefined && begun !== undefined && begun.revision === settled;
}

export interface Begun {
  readonly revision: string;
  readonly parts?: Parts;
}

/** Parts of more than this many bytes are not persisted; after a restart such a change has no `changedKeys`. */
const MAX_PARTS_BYTES = 4096;

type Stored = readonly [
  settled: string | null,
  sequence: number,
  parts?: Parts | null,
  begun?: readonly [string, (Parts | null)?] | null,
  rest?: { readonly gone?: true; readonly acted?: string; readonly failed?: string; readonly mark?: string },
];

/** One compact JSON array; trailing empty places are left out. */
export function encodeEntry(entry: CheckpointEntry): string {
  const { settled = null, sequence, acted, failed, mark } = entry;
  const begun = entry.begun === undefined ? null : [entry.begun.revision, boundedParts(entry.begun.parts)];
  const stored: unknown[] = [settled, sequence, boundedParts(entry.parts), begun];
  const gone = entry.gone === true ? true : undefined;
  // JSON leaves out what is undefined.
  if ((gone ?? acted ?? failed ?? mark) !== undefined) stored.push({ gone, acted, failed, mark });
  while (stored.at(-1) === null) stored.pop();
  return JSON.stringify(stored);
}

/** Undefined for anything that this version cannot read: the key then starts from a new baseline. */
export function decodeEntry(text: string): CheckpointEntry | undefined {
  let stored: unknown;
  try {
    stored = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isStored(stored)) return undefined;
  const [settled, sequence, parts, begun, rest] = stored;
  return {
    sequence,
    ...(settled === null ? {} : { settled }),
    ...(parts ? { parts } : {}),
    ...(begun ? { begun: { revision: begun[0], ...(begun[1] ? { parts: begun[1] } : {}) } } : {}),
    ...(rest?.gone === undefined ? {} : { gone: rest.gone }),
    ...(rest?.acted === undefined ? {} : { acted: rest.acted }),
    ...(rest?.failed === undefined ? {} : { failed: rest.failed }),
    ...(rest?.mark === undefined ? {} : { mark: rest.mark }),
  };
}

function isStored(value: unknown): value is Stored {
  if (!Array.isArray(value)) return false;
  const [settled, sequence, parts, begun, rest] = value as unknown[];
  return (
    (typeof settled === 'string' || (settled === null && isSet(begun))) &&
    Number.isSafeInteger(sequence) &&
    (!isSet(parts) || isParts(parts)) &&
    (!isSet(begun) || isBegun(begun)) &&
    (!isSet(rest) || isRest(rest))
  );
}

function isSet(value: unknown): value is object {
  return value !== undefined && value !== null;
}

function isParts(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  return Object.values(value).every((digest) => typeof digest === 'string');
}

function isBegun(value: unknown): boolean {
  if (!Array.isArray(value)) return false;
  const [revision, parts] = value as unknown[];
  return typeof revision === 'string' && (!isSet(parts) || isParts(parts));
}

function isRest(value: object): boolean {
  const { gone, acted, failed, mark } = value as Record<string, unknown>;
  const texts = [acted, failed, mark].every((text) => text === undefined || typeof text === 'string');
  return texts && (gone === undefined || gone === true);
}

function boundedParts(parts: Parts | undefined): Parts | null {
  if (parts === undefined) return null;
  return JSON.stringify(parts).length > MAX_PARTS_BYTES ? null : parts;
}

/** Sorted names of the parts that differ; undefined when one side has none to compare. */
export function changedParts(before: Parts | undefined, after: Parts | undefined): string[] | undefined {
  if (before === undefined && after === undefined) return undefined;
  if (before === undefined || after === undefined) return Object.keys(before ?? after ?? {}).toSorted();
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...names].filter((name) => before[name] !== after[name]).toSorted();
}
