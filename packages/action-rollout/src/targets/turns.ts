/**
 * So many at a time, and in turn: each queue (a rule) gets the next free place in rotation, so that one with a thousand waiting does not
 * hold up one with a single item.
 */
export class Turns {
  /** In the order of whose turn it is. */
  readonly #queues = new Map<string, (() => void)[]>();
  #free: number;

  constructor(limit: number) {
    this.#free = limit;
  }

  /** Runs `work` when it is its turn. Not aborted by itself: `work` looks first whether it is still wanted. */
  async run<T>(queue: string, work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>((resolve) => this.#wait(queue, resolve));
    try {
      return await work();
    } finally {
      this.#next();
    }
  }

  #wait(queue: string, resolve: () => void): void {
    const waiting = this.#queues.get(queue);
    if (waiting === undefined) this.#queues.set(queue, [resolve]);
    else waiting.push(resolve);
  }

  /** The place goes to the first of the queue whose turn it is; that queue goes to the end of the line. */
  #next(): void {
    const [first] = this.#queues;
    if (first === undefined) {
      this.#free += 1;
      return;
    }
    const [queue, waiting] = first;
    const resolve = waiting.shift();
    this.#queues.delete(queue);
    if (waiting.length > 0) this.#queues.set(queue, waiting);
    resolve?.();
  }
}
