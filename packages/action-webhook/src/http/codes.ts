/** Whether a status is in a list such as `["200-299", "304"]`. */
export function includesCode(ranges: readonly string[], status: number): boolean {
  return ranges.some((range) => {
    const [low, high] = boundsOf(range);
    return low <= status && status <= high;
  });
}

export function boundsOf(range: string): [low: number, high: number] {
  const [low = '', high = low] = range.split('-');
  return [Number(low), Number(high)];
}
