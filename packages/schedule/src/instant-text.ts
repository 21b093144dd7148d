/** `2026-03-29T01:00:00Z`: UTC, to the second. */
export function instantText(atMs: number): string {
  return new Date(atMs).toISOString().replace(/\.\d+Z$/, 'Z');
}
