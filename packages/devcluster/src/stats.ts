import type { RequestInfo } from './http/request-info.js';

export interface RequestFilter {
  readonly verb?: string;
  /** The plural; `pods/status` for a subresource. */
  readonly resource?: string;
  readonly userAgent?: RegExp;
}

interface Counter extends Required<Pick<RequestFilter, 'verb' | 'resource'>> {
  readonly userAgent: string;
  count: number;
}

/** Counts what clients do, so that tests can bound it. */
export class Stats {
  private readonly counters = new Map<string, Counter>();

  constructor(private readonly open: { readonly watches: () => number; readonly sockets: () => number }) {}

  /** Watches being served now. */
  get openWatches(): number {
    return this.open.watches();
  }

  /** Connections that are open now, idle ones included. */
  get openSockets(): number {
    return this.open.sockets();
  }

  /** Requests since the start or the last reset. Requests that a fault cut off count as well. */
  requests({ verb, resource, userAgent }: RequestFilter = {}): number {
    let sum = 0;
    for (const counter of this.counters.values()) {
      if (verb !== undefined && counter.verb !== verb) continue;
      if (resource !== undefined && counter.resource !== resource) continue;
      if (userAgent !== undefined && !userAgent.test(counter.userAgent)) continue;
      sum += counter.count;
    }
    return sum;
  }

  /** Requests by `verb resource`, such as `watch configmaps`; paths that are no resource count as themselves. */
  byKind(): { [kind: string]: number } {
    const out: { [kind: string]: number } = {};
    for (const { verb, resource, count } of this.counters.values()) {
      const kind = `${verb} ${resource}`;
      out[kind] = (out[kind] ?? 0) + count;
    }
    return out;
  }

  reset(): void {
    this.counters.clear();
  }

  count(info: RequestInfo, userAgent = ''): void {
    const resource = info.isResource
      ? [info.resource, info.subresource].filter((each) => each !== '').join('/')
      : info.path;
    const key = `${info.verb} ${resource} ${userAgent}`;
    const counter = this.counters.get(key);
    if (counter === undefined) this.counters.set(key, { verb: info.verb, resource, userAgent, count: 1 });
    else counter.count += 1;
  }
}
