import { createHash } from 'node:crypto';

/** The same value with all object keys sorted, and without what Go's encoder could add or omit at will: nulls and empty lists. */
export function canonical(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(canonical);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value)
    .filter(([, item]) => item !== null && item !== undefined && !(Array.isArray(item) && item.length === 0))
    .toSorted(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, item]) => [key, canonical(item)]));
}

/** Whether two JSON values mean the same to the API server. */
export function sameJson(a: unknown, b: unknown): boolean {
  return JSON.stringify(canonical(a)) === JSON.stringify(canonical(b));
}

// No vowels and no look-alikes, as in Kubernetes' own suffixes: no words by accident, safe in names and label values.
const alphabet = 'bcdfghjklmnpqrstvwxz2456789';

/** A short stable digest of a JSON value, fit for object names and label values. `salt` gives another one after a collision. */
export function shortHash(value: unknown, salt = 0): string {
  const digest = createHash('sha256')
    .update(JSON.stringify(canonical(value)))
    .update(salt === 0 ? '' : String(salt))
    .digest();
  return Array.from(digest.subarray(0, 10), (byte) => alphabet[byte % alphabet.length]).join('');
}

/** Five random characters, as `metadata.generateName` would append. */
export function randomSuffix(): string {
  return Array.from({ length: 5 }, () => alphabet[Math.floor(Math.random() * alphabet.length)]).join('');
}
