/** `128-255` or `0`. */
export function boundsOf(range: string): readonly [low: number, high: number] {
  const [low = '', high = low] = range.split('-');
  return [Number(low), Number(high)];
}

export function isAmong(code: number, ranges: readonly string[]): boolean {
  return ranges.some((range) => {
    const [low, high] = boundsOf(range);
    return low <= code && code <= high;
  });
}
