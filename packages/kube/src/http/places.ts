/** Lets so many in at a time, the others in the order in which they came. */
export class Places {
  readonly #waiting = new Set<() => void>();
  #free: number;

  constructor(size: number) {
    this.#free = size;
  }

  /** Somebody waits for a place. */
  get wanted(): boolean {
    return this.#waiting.size > 0;
  }

  /** Resolves with what gives the place free again. Rejects with the signal's reason when that aborts first. */
  take(signal?: AbortSignal): Promise<Disposable> {
    if (signal?.aborted === true) return Promise.reject(signal.reason as Error);
    return new Promise((resolve, reject) => {
      const giveUp = () => {
        this.#waiting.delete(enter);
        reject(signal?.reason as Error);
      };
      const enter = () => {
        signal?.removeEventListener('abort', giveUp);
        this.#free -= 1;
        resolve({ [Symbol.dispose]: () => this.#leave() });
      };
      if (this.#free > 0) return enter();
      signal?.addEventListener('abort', giveUp, { once: true });
      this.#waiting.add(enter);
    });
  }

  #leave(): void {
    this.#free += 1;
    const [next] = this.#waiting;
    if (next === undefined) return;
    this.#waiting.delete(next);
    next();
  }
}
