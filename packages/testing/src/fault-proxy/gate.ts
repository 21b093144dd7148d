import type { Direction } from './fault-rules.js';

/** What is frozen: everything, or only watches. */
export type FreezeScope = 'all' | 'watches';

/** Holds traffic back while it is frozen. */
export class Gate {
  readonly #frozen = new Map<Direction, FreezeScope>();
  #thawed = new AbortController();

  freeze(directions: readonly Direction[], scope: FreezeScope): void {
    for (const direction of directions) this.#frozen.set(direction, scope);
  }

  thaw(): void {
    this.#frozen.clear();
    this.#thawed.abort();
    this.#thawed = new AbortController();
  }

  isFrozen(direction: Direction, isWatch: boolean): boolean {
    const scope = this.#frozen.get(direction);
    return scope === 'all' || (scope === 'watches' && isWatch);
  }

  /** Resolves when traffic may pass: at once unless frozen. Resolves as well when `signal` is aborted. */
  async pass(direction: Direction, isWatch: boolean, signal: AbortSignal): Promise<void> {
    while (!signal.aborted && this.isFrozen(direction, isWatch)) await eitherAborted(this.#thawed.signal, signal);
  }
}

/** Resolves when one of the signals is aborted, leaving no listener behind on the other. */
export async function eitherAborted(one: AbortSignal, other: AbortSignal): Promise<void> {
  if (one.aborted || other.aborted) return;
  await new Promise<void>((resolve) => {
    const done = () => {
      one.removeEventListener('abort', done);
      other.removeEventListener('abort', done);
      resolve();
    };
    one.addEventListener('abort', done);
    other.addEventListener('abort', done);
  });
}
