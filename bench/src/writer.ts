import type { Write } from './judge.js';
import { pause } from './pause.js';
import type { Probe } from './probes.js';
import type { Random } from './random.js';

/** Between two tries of a write that the API server did not take. */
const RETRY_MS = 200;

/** Makes numbered changes, mostly one at a time, sometimes two or three of one source in a row. */
export class Writer {
  readonly #writes = new Map<string, Write[]>();
  readonly #states = new Map<string, number>();
  readonly #stop = new AbortController();
  count = 0;

  constructor(
    private readonly probes: readonly Probe[],
    private readonly options: { readonly everyMs: number; readonly random: Random },
  ) {}

  /** Writes until `stop`; resolves when the last change was taken. Rejects when the API server takes none for two minutes. */
  async run(): Promise<void> {
    const { everyMs, random } = this.options;
    while (!this.#stop.signal.aborted) {
      const probe = random.pick(this.probes);
      const burst = random.chance(0.1) ? 1 + Math.floor(random.between(1, 3)) : 1;
      for (let i = 0; i < burst; i += 1) await this.#change(probe);
      await pause(everyMs * burst * random.between(0.5, 1.5), this.#stop.signal);
    }
  }

  stop(): void {
    this.#stop.abort();
  }

  writes(name: string): readonly Write[] {
    return this.#writes.get(name) ?? [];
  }

  /** The state that the source has now. */
  state(name: string): number {
    return this.#states.get(name) ?? 0;
  }

  async #change(probe: Probe): Promise<void> {
    const { name } = probe;
    const state = this.state(name) + 1;
    const writes = this.#writes.get(name) ?? [];
    this.#writes.set(name, writes);
    this.#states.set(name, state);
    const first = performance.now();
    // Before the request: a roll may be seen before its answer is.
    writes.push({ state, sentAtMs: first });
    for (;;) {
      const sentAtMs = performance.now();
      writes[writes.length - 1] = { state, sentAtMs };
      try {
        await probe.write(state);
        this.count += 1;
        return;
      } catch (error) {
        // An API server that is being restarted. It may have taken the change all the same; then this one changes nothing.
        if (performance.now() - first > 120_000) throw new Error(`${name} could not be written`, { cause: error });
        await pause(RETRY_MS);
      }
    }
  }
}
