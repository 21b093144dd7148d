/** A token bucket per key. Memory is bounded: of more than `maxKeys` the least recently used is forgotten (its bucket is full again). */
export class TokenBuckets {
  readonly #buckets = new Map<string, { tokens: number; at: number }>();

  constructor(
    private readonly options: {
      readonly burst: number;
      readonly refillMs: number;
      readonly maxKeys: number;
      /** Monotonic milliseconds. */
      readonly now: () => number;
    },
  ) {}

  take(key: string): boolean {
    const { burst, refillMs, maxKeys, now } = this.options;
    const at = now();
    const old = this.#buckets.get(key);
    const tokens = old === undefined ? burst : Math.min(burst, old.tokens + (at - old.at) / refillMs);
    // Taken out and put in again: a Map keeps the order of insertion, so the oldest is the least used.
    this.#buckets.delete(key);
    this.#buckets.set(key, { tokens: tokens >= 1 ? tokens - 1 : tokens, at });
    if (this.#buckets.size > maxKeys) {
      const oldest = this.#buckets.keys().next().value;
      if (oldest !== undefined) this.#buckets.delete(oldest);
    }
    return tokens >= 1;
  }
}
