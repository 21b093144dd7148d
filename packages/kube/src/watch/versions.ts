/** Versions are decimal numbers on every known server; where they are not, nothing is assumed and the answer is no. */
export function isLater(a: string, b: string): boolean {
  if (!/^\d+$/.test(a) || !/^\d+$/.test(b)) return false;
  return a.length === b.length ? a > b : a.length > b.length;
}
