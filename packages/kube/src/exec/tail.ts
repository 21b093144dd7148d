import type { OutputTail } from './contract.js';

/** Keeps the last `limit` bytes; holds at most twice as many while it is written to. */
export class Tail {
  #chunks: Buffer[] = [];
  #held = 0;
  #total = 0;

  constructor(private readonly limit: number) {}

  add(chunk: Buffer): void {
    this.#total += chunk.length;
    this.#held += chunk.length;
    this.#chunks.push(chunk);
    if (this.#held > 2 * this.limit) this.#compact();
  }

  end(): OutputTail {
    this.#compact();
    return { bytes: this.#chunks[0] ?? Buffer.alloc(0), total: this.#total };
  }

  /** Copies, so that no slice keeps a large chunk alive. */
  #compact(): void {
    const all = Buffer.concat(this.#chunks);
    const kept = Buffer.from(all.subarray(Math.max(0, all.length - this.limit)));
    this.#chunks = [kept];
    this.#held = kept.length;
  }
}
