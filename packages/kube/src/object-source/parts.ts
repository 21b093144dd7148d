import { hash } from 'node:crypto';

/** Digest by part of an object's state: by data key, by field. Never values. */
export type Parts = Readonly<Record<string, string>>;

/** Base64url characters of a digest per part: 72 bits. */
export const DIGEST_LENGTH = 12;

/** An unkeyed digest. Not for Secrets: short values can be found by trying. */
export function digestOf(value: string | Uint8Array): string {
  return hash('sha256', value, 'base64url').slice(0, DIGEST_LENGTH);
}

/**
 * One opaque string for a set of parts and their digests, whatever their order. 22 characters. Names must not have NUL or line
 * feeds, digests no line feeds, so that different sets never give equal text.
 */
export function revisionOf(parts: Parts): string {
  const lines = Object.keys(parts)
    .toSorted()
    .map((name) => `${name}\0${parts[name]}\n`);
  return beginningOf(hash('sha256', lines.join(''), 'base64url'), 22);
}

/** A copy: what `slice` gives keeps the whole text in memory, for each of tens of thousands of objects. */
function beginningOf(text: string, length: number): string {
  return Buffer.from(text, 'latin1').toString('latin1', 0, length);
}

/** The parts whose names count. */
export function filterParts(parts: Parts, counts: ((name: string) => boolean) | undefined): Parts {
  return counts === undefined ? parts : Object.fromEntries(Object.entries(parts).filter(([name]) => counts(name)));
}
