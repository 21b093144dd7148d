/** Which requests something is about. What is left out matches anything. */
export interface RequestMatch {
  readonly method?: string;
  /** Tested against the path with its query. */
  readonly path?: RegExp;
  /** Whether the request opens a watch. */
  readonly isWatch?: boolean;
}

/** What the proxy knows of a request. */
export interface RequestFacts {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  readonly isWatch: boolean;
}

/** How a connection ends: a TCP reset, or an orderly FIN that comes before the answer is complete. */
export type CutKind = 'reset' | 'fin';

/**
 * What happens to a matching request; several may come together, one after the other.
 *
 * - `answer`: this HTTP status with a Kubernetes Status body; the server never sees the request.
 * - `delayMs`: it is forwarded that much later.
 * - `cut`: the connection ends: at once, with the server not having seen the request; after the head of the answer; after so
 *   many bytes of the answer's body; or in the middle of a line, `lines` whole ones having passed.
 * - `bytesPerChunk`: the answer's body goes out in pieces of that size, each in a TCP segment of its own as far as the
 *   kernel lets it.
 * - `freeze`: silence without FIN, until the fault is removed: the request is not forwarded (`toServer`), or it is and nothing
 *   of the answer comes back (`toClient`).
 */
export type FaultEffect =
  | { readonly answer: number; readonly retryAfterSeconds?: number; readonly message?: string }
  | { readonly delayMs: number }
  | { readonly cut: CutKind; readonly after?: CutPoint }
  | { readonly bytesPerChunk: number }
  | { readonly freeze: Direction };

export type CutPoint = 'request' | 'head' | { readonly bytes: number } | { readonly lines: number };

export type Direction = 'toServer' | 'toClient';

/** A fault that was injected. */
export interface Fault {
  /** To how many requests it was applied. */
  applied(): number;
  /** Takes it back; what it holds frozen moves again. */
  remove(): void;
}

/** One injected fault as the exchanges see it. `removed` is aborted when it is taken back. */
export interface ActiveFault {
  readonly match: RequestMatch;
  readonly effect: FaultEffect;
  readonly removed: AbortSignal;
}

/** The injected faults, in the order of injection. */
export class FaultRules {
  readonly #faults = new Map<ActiveFault, { left: number; applied: number; remover: AbortController }>();

  /** `times`: to how many matching requests it applies (default: all). */
  add(match: RequestMatch, effect: FaultEffect, times = Infinity): Fault {
    const state = { left: times, applied: 0, remover: new AbortController() };
    const fault: ActiveFault = { match, effect, removed: state.remover.signal };
    this.#faults.set(fault, state);
    return {
      applied: () => state.applied,
      remove: () => {
        this.#faults.delete(fault);
        state.remover.abort();
      },
    };
  }

  /** The faults of this request; each is counted as applied. */
  take(facts: RequestFacts): ActiveFault[] {
    const taken: ActiveFault[] = [];
    for (const [fault, state] of this.#faults) {
      if (state.left <= 0 || !matches(fault.match, facts)) continue;
      state.left -= 1;
      state.applied += 1;
      taken.push(fault);
    }
    return taken;
  }

  clear(): void {
    for (const { remover } of this.#faults.values()) remover.abort();
    this.#faults.clear();
  }
}

export function matches(match: RequestMatch, { method, path, isWatch }: RequestFacts): boolean {
  return (
    (match.method === undefined || match.method === method) &&
    (match.path === undefined || new RegExp(match.path.source, match.path.flags.replaceAll(/[gy]/g, '')).test(path)) &&
    (match.isWatch === undefined || match.isWatch === isWatch)
  );
}

/** A watch is asked for by `?watch=true` (or 1), or by the old `/watch/` paths. */
export function isWatchPath(path: string): boolean {
  return /[?&]watch=(true|1)(&|$)/.test(path) || /^\/(api\/[^/]+|apis\/[^/]+\/[^/]+)\/watch\//.test(path);
}
