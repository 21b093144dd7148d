import type { Usage } from './fleet.js';

/** The state of a run at a moment. */
export interface Sample {
  readonly atS: number;
  readonly changes: number;
  readonly deeds: number;
  /** Sources whose last change has not arrived yet. */
  readonly behind: number;
  /** Largest of the replicas. */
  readonly rssMb: number;
  /** Sum over the replicas. */
  readonly sockets: number;
  readonly requestsPerMinute: number;
  readonly processes: readonly Usage[];
  /** What happened since the sample before. */
  readonly disturbances: readonly string[];
}

export interface SampledState {
  readonly changes: number;
  readonly deeds: number;
  readonly behind: number;
  readonly usage: readonly Usage[];
  /** To the API server, since the start, over all replicas. */
  readonly requests: number;
}

/** Turns counters into samples: what was counted once is a rate here. */
export class Sampler {
  readonly samples: Sample[] = [];
  readonly #startedAtMs = performance.now();
  #last = { atMs: performance.now(), requests: 0 };
  #disturbances: string[] = [];

  note(what: string): void {
    this.#disturbances.push(what);
  }

  take(state: SampledState): Sample {
    const now = performance.now();
    const minutes = (now - this.#last.atMs) / 60_000;
    const sample = {
      atS: Math.round((now - this.#startedAtMs) / 1000),
      changes: state.changes,
      deeds: state.deeds,
      behind: state.behind,
      // To a tenth: growth over ten minutes is less than one.
      rssMb: Math.round((10 * Math.max(0, ...state.usage.map(({ rssBytes }) => rssBytes))) / 2 ** 20) / 10,
      sockets: state.usage.reduce((sum, { sockets }) => sum + sockets, 0),
      requestsPerMinute: Math.round((state.requests - this.#last.requests) / Math.max(minutes, 1 / 60)),
      processes: state.usage,
      disturbances: this.#disturbances,
    };
    this.#last = { atMs: now, requests: state.requests };
    this.#disturbances = [];
    this.samples.push(sample);
    return sample;
  }
}
