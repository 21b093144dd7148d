/** Deliveries that wait for a slot of their own; more share the last one and ask again then. */
const MAX_WAITING = 10_000;
/** Who does not come for its slot within this time has nothing to deliver any more. */
const FORFEIT_MS = 60_000;

export interface Rate {
  readonly limit: number;
  readonly periodMs: number;
}

export interface Asking {
  /** Whoever asks again with this while it waits has the same slot. */
  readonly waiter: string;
  /** What passes counts once, however often it is asked about. */
  readonly delivery: string;
}

/**
 * Lets at most `limit` pass in any `periodMs`, first come, first served. Who has to wait gets a slot of its own, so that thousands that
 * wait do not all ask again at once. Memory: `limit` that passed and 10,000 that wait.
 */
export class Slots {
  readonly #passed: { readonly delivery: string; readonly atMs: number }[] = [];
  /** In order of the slots, which is that of their coming. */
  readonly #waiting: { readonly waiter: string; readonly slotMs: number }[] = [];
  readonly #slots = new Map<string, number>();

  constructor(private readonly rate: Rate) {}

  /** Undefined: it may pass now, and counts. Else when to ask again. */
  ask({ waiter, delivery }: Asking, nowMs: number): number | undefined {
    this.#forget(nowMs);
    if (this.#passed.some((passed) => passed.delivery === delivery)) return undefined;
    const slotMs = this.#slots.get(waiter) ?? this.#reserve(waiter, nowMs);
    if (slotMs > nowMs) return slotMs;
    const freeMs = this.#freeMs();
    if (freeMs > nowMs) return freeMs;
    this.#giveUp(waiter);
    this.#passed.push({ delivery, atMs: nowMs });
    return undefined;
  }

  get size(): number {
    return this.#passed.length + this.#waiting.length;
  }

  /** When one more may pass, by those that did. */
  #freeMs(): number {
    const { limit, periodMs } = this.rate;
    const first = this.#passed[this.#passed.length - limit];
    return first === undefined ? -Infinity : first.atMs + periodMs;
  }

  #reserve(waiter: string, nowMs: number): number {
    const { limit, periodMs } = this.rate;
    const before = this.#timeAt(this.#passed.length + this.#waiting.length - limit);
    const slotMs = before === undefined ? nowMs : Math.max(nowMs, before + periodMs);
    if (this.#waiting.length >= MAX_WAITING) return Math.max(nowMs + 1, this.#waiting.at(-1)?.slotMs ?? slotMs);
    this.#waiting.push({ waiter, slotMs });
    this.#slots.set(waiter, slotMs);
    return slotMs;
  }

  /** Of all that passed and will pass, the time of one of them. */
  #timeAt(index: number): number | undefined {
    if (index < 0) return undefined;
    return this.#passed[index]?.atMs ?? this.#waiting[index - this.#passed.length]?.slotMs;
  }

  #giveUp(waiter: string): void {
    if (!this.#slots.delete(waiter)) return;
    this.#waiting.splice(
      this.#waiting.findIndex((waiting) => waiting.waiter === waiter),
      1,
    );
  }

  #forget(nowMs: number): void {
    // A clock that was set back would otherwise keep everyone out until it gets there again.
    const isOver = (atMs: number) => atMs <= nowMs - this.rate.periodMs || atMs > nowMs + this.rate.periodMs;
    while (this.#passed[0] !== undefined && isOver(this.#passed[0].atMs)) this.#passed.shift();
    for (let [first] = this.#waiting; first !== undefined && first.slotMs < nowMs - FORFEIT_MS; [first] = this.#waiting)
      this.#giveUp(first.waiter);
  }
}
