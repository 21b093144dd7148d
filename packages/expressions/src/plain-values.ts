/** How much there is to walk over and to read in the values of an evaluation. */
export class Sizing {
  /** Entries of the longest list or map. */
  longest = 0;
  /** Characters of all texts together. */
  characters = 0;
}

/**
 * A value of JSON as CEL has it: whole numbers are ints, and maps are Maps, since a field of a plain object may be called `constructor`, by
 * which cel-js tells types apart.
 */
export function plain(value: unknown, size: Sizing): unknown {
  if (typeof value === 'string') {
    size.characters += value.length;
    return value;
  }
  if (typeof value === 'number') return Number.isSafeInteger(value) ? BigInt(value) : value;
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) {
    size.longest = Math.max(size.longest, value.length);
    return value.map((item) => plain(item, size));
  }
  const entries = Object.entries(value);
  size.longest = Math.max(size.longest, entries.length);
  return new Map(entries.map(([key, inner]) => [plain(key, size), plain(inner, size)]));
}
