export interface WorkQueueOptions {
  /** Called for each key; never twice at once for the same one. A rejection is retried after a growing pause. */
  reconcile(key: string): Promise<void>;
  onError(key: string, error: unknown): void;
  /** How many keys are worked on at once; default 8. */
  concurrency?: number;
}

const firstPauseMs = 10;
const longestPauseMs = 15_000;
/** A longer `setTimeout` would fire at once. */
const longestTimerMs = 2 ** 31 - 1;

/**
 * A queue of keys to reconcile: a key waits at most once however often it is added, one that is added while it is being worked
 * on runs once more afterwards, and one that fails comes back after 10 ms, doubling up to 15 s.
 *
 * Nothing runs before `start()`. It holds no timer while nothing is delayed.
 */
export class WorkQueue {
  readonly #waiting = new Set<string>();
  readonly #running = new Map<string, Promise<void>>();
  readonly #again = new Set<string>();
  readonly #delayed = new Map<string, { at: number; timer: NodeJS.Timeout }>();
  readonly #failures = new Map<string, number>();
  #turn: NodeJS.Immediate | undefined;
  #state: 'new' | 'started' | 'stopped' = 'new';

  constructor(private readonly options: WorkQueueOptions) {}

  start(): void {
    this.#state = 'started';
    this.#pump();
  }

  add(key: string): void {
    if (this.#state === 'stopped') return;
    if (this.#running.has(key)) this.#again.add(key);
    else this.#waiting.add(key);
    this.#pump();
  }

  /** Adds the key once `ms` have passed. The earliest of several such times counts: reconciling then asks for the next. */
  addAfter(key: string, ms: number): void {
    if (this.#state === 'stopped') return;
    const delay = Math.min(ms, longestTimerMs);
    const at = Date.now() + delay;
    const earlier = this.#delayed.get(key);
    if (earlier !== undefined) {
      if (earlier.at <= at) return;
      clearTimeout(earlier.timer);
    }
    const timer = setTimeout(() => {
      this.#delayed.delete(key);
      this.add(key);
    }, delay);
    this.#delayed.set(key, { at, timer });
  }

  /** Drops all that waits, and resolves when what runs has ended. */
  async stop(): Promise<void> {
    this.#state = 'stopped';
    clearImmediate(this.#turn);
    for (const { timer } of this.#delayed.values()) clearTimeout(timer);
    this.#delayed.clear();
    this.#waiting.clear();
    this.#again.clear();
    await Promise.all(this.#running.values());
  }

  /** Begins in the next turn of the event loop: what one chunk of a watch brings is reconciled once, not object by object. */
  #pump(): void {
    if (this.#state !== 'started') return;
    this.#turn ??= setImmediate(() => {
      this.#turn = undefined;
      this.#begin();
    });
  }

  #begin(): void {
    for (const key of this.#waiting) {
      if (this.#running.size >= (this.options.concurrency ?? 8)) return;
      this.#waiting.delete(key);
      this.#running.set(
        key,
        Promise.resolve().then(() => this.#work(key)),
      );
    }
  }

  async #work(key: string): Promise<void> {
    try {
      await this.options.reconcile(key);
      this.#failures.delete(key);
    } catch (error) {
      this.#failed(key, error);
    }
    this.#running.delete(key);
    if (this.#again.delete(key)) this.#waiting.add(key);
    this.#pump();
  }

  #failed(key: string, error: unknown): void {
    if (this.#state === 'stopped') return;
    const failures = this.#failures.get(key) ?? 0;
    this.#failures.set(key, failures + 1);
    this.addAfter(key, Math.min(longestPauseMs, firstPauseMs * 2 ** failures));
    this.options.onError(key, error);
  }
}
