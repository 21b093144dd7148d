const NEWLINE = 0x0a;

/**
 * Cuts a byte stream into lines. A line that lies within one chunk is handed over without copying; empty lines are skipped; what
 * follows the last newline stays until `push` completes it and is never handed over otherwise.
 */
export class LineSplitter {
  #parts: Buffer[] = [];
  #pending = 0;

  /** Throws a RangeError when a line grows beyond `maxBytes`. */
  constructor(
    private readonly onLine: (line: Buffer) => void,
    private readonly maxBytes = 32 * 1024 * 1024,
  ) {}

  push(chunk: Buffer): void {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      const tail = chunk.subarray(start, end);
      start = end + 1;
      const line = this.#parts.length === 0 ? tail : Buffer.concat([...this.#parts, tail]);
      this.#parts = [];
      this.#pending = 0;
      if (line.length > 0) this.onLine(line);
    }
    if (start === chunk.length) return;
    this.#pending += chunk.length - start;
    if (this.#pending > this.maxBytes) throw new RangeError(`a line exceeds ${this.maxBytes} bytes`);
    this.#parts.push(chunk.subarray(start));
  }
}
