const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
/** What may stand between two items: comma and JSON's white space. */
const BETWEEN = new Set([0x2c, 0x20, 0x09, 0x0a, 0x0d]);

/** Depth of brackets: in the list itself, in its `items`, in an item. */
const LIST = 1;
const ITEMS = 2;

/** Enough for nearly all ConfigMaps and Secrets. */
const DESK_BYTES = 64 * 1024;

/**
 * Cuts the JSON of a Kubernetes list into its items while it arrives, so that memory holds one item and not a page of them. Knows no more of
 * JSON than strings and the depth of brackets; whether an item is JSON at all, its parser says.
 */
export class ItemSplitter {
  #depth = 0;
  #inItems = false;
  #inString = false;
  /** Inside a string: the chunk before ended with a backslash that escapes the first byte of the next one. */
  #escapes = false;
  /** Holds the beginning, from earlier chunks, of what is being read: an item, or the text around the items. One for all: most items have one. */
  #desk = Buffer.allocUnsafeSlow(DESK_BYTES);
  #pending = 0;
  #around: Buffer[] = [];

  /**
   * `onItem` is given bytes that are written over after it. Throws a RangeError when an item, or what stands around the items, grows beyond
   * `maxBytes`.
   */
  constructor(
    private readonly onItem: (item: Buffer) => void,
    private readonly maxBytes = 32 * 1024 * 1024,
  ) {}

  push(chunk: Buffer): void {
    // Where the present item, or text around the items, begins in this chunk; -1 between two items.
    let start = this.#inItems && this.#depth === ITEMS ? -1 : 0;
    for (let at = 0; at < chunk.length; at += 1) {
      if (this.#inString) {
        at = this.#endOfString(chunk, at);
        continue;
      }
      const byte = chunk[at];
      if (start < 0 && byte !== OPEN_OBJECT && byte !== CLOSE_ARRAY) {
        if (byte === undefined || !BETWEEN.has(byte)) throw new RangeError('an item of the list is not an object');
      } else if (byte === QUOTE) {
        this.#inString = true;
      } else if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) {
        if (start < 0) start = at;
        this.#depth += 1;
        if (byte === OPEN_ARRAY && this.#depth === ITEMS && this.#opensItems(chunk.subarray(start, at + 1))) start = -1;
      } else if (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) {
        this.#depth -= 1;
        if (this.#inItems && this.#depth === ITEMS) {
          this.onItem(this.#take(chunk.subarray(start, at + 1)));
          start = -1;
        } else if (this.#inItems && this.#depth === LIST) {
          this.#inItems = false;
          start = at;
        }
      }
    }
    if (start >= 0) this.#keep(chunk.subarray(start));
  }

  /** The list without its items. Throws a RangeError when it is not complete. */
  end(): Buffer {
    if (this.#depth !== 0 || this.#inString) throw new RangeError('the list is cut off');
    return Buffer.concat([...this.#around, this.#take(Buffer.alloc(0))]);
  }

  /** The index of the quote that ends the string, or the chunk's length. */
  #endOfString(chunk: Buffer, from: number): number {
    for (let at = from; ; at += 1) {
      const found = chunk.indexOf(QUOTE, at);
      const end = found < 0 ? chunk.length : found;
      let slashes = 0;
      while (end - slashes > at && chunk[end - slashes - 1] === BACKSLASH) slashes += 1;
      // A byte that the chunk before, or the quote before, escapes is itself no escape.
      if (this.#escapes && slashes === end - at) slashes += 1;
      this.#escapes = slashes % 2 === 1;
      if (found < 0) return end;
      if (!this.#escapes) {
        this.#inString = false;
        return end;
      }
      this.#escapes = false;
      at = end;
    }
  }

  /** True where `head` completes the text up to the list's own `"items":[`. */
  #opensItems(head: Buffer): boolean {
    const before = Buffer.concat([this.#desk.subarray(0, this.#pending), head]);
    if (!/"items"\s*:\s*\[$/.test(before.toString('latin1'))) return false;
    this.#around.push(before);
    this.#pending = 0;
    this.#inItems = true;
    return true;
  }

  #take(tail: Buffer): Buffer {
    if (this.#pending === 0) return tail;
    this.#keep(tail);
    const whole = this.#desk.subarray(0, this.#pending);
    this.#pending = 0;
    return whole;
  }

  #keep(part: Buffer): void {
    const needed = this.#pending + part.length;
    if (needed > this.maxBytes) throw new RangeError(`an item of the list exceeds ${this.maxBytes} bytes`);
    if (needed > this.#desk.length) {
      const larger = Buffer.allocUnsafeSlow(Math.min(this.maxBytes, 2 * needed));
      this.#desk.copy(larger, 0, 0, this.#pending);
      this.#desk = larger;
    }
    part.copy(this.#desk, this.#pending);
    this.#pending = needed;
  }
}
