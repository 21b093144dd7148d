import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { RequestInfo } from '../http/request-info.js';
import type { Outlet, OutletMode } from './outlet.js';

/** Which requests a fault concerns; all of them when empty. Every condition given must hold. */
export interface FaultMatch {
  readonly method?: string;
  /** Tested against path and query. */
  readonly path?: RegExp;
  /** `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`. */
  readonly verbs?: readonly string[];
  readonly userAgent?: RegExp;
  /** How many requests it hurts before it ends by itself; without limit by default. */
  readonly count?: number;
}

/** A fault in force. */
export interface Fault {
  /** How many requests it has hurt. */
  readonly hits: number;
  remove(): void;
}

export interface Failure {
  /** 401, 403, 404, 409, 410, 429, 500, 503, 504, … */
  readonly status: number;
  /** Sent as `Retry-After` and in the Status. Seconds. */
  readonly retryAfterSeconds?: number;
  readonly message?: string;
}

export type FaultKind =
  | { readonly kind: 'drop' | 'reset' | 'freeze' | 'closeWatch' | 'truncate' | 'oneByte' }
  | { readonly kind: 'fail'; readonly failure: Failure }
  | { readonly kind: 'latency'; readonly ms: number };

/** A request under way, as faults see it. */
export interface Exchanged {
  readonly info: RequestInfo;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly outlet: Outlet;
  /** The TCP connection that it came over. */
  readonly connection: () => Socket;
}

class Rule implements Fault {
  hits = 0;
  private readonly ended: Array<() => void> = [];

  constructor(
    readonly effect: FaultKind,
    private readonly match: FaultMatch,
    private readonly drop: (rule: Rule) => void,
  ) {}

  matches({ info, request }: Pick<Exchanged, 'info' | 'request'>): boolean {
    const { method, path, verbs, userAgent, count } = this.match;
    if (count !== undefined && this.hits >= count) return false;
    if (method !== undefined && method !== info.method) return false;
    if (path !== undefined && !path.test(request.url ?? '')) return false;
    if (verbs !== undefined && !verbs.includes(info.verb)) return false;
    return userAgent === undefined || userAgent.test(request.headers['user-agent'] ?? '');
  }

  hit(): void {
    this.hits += 1;
    // A frozen request stays frozen until the fault is removed, however many were wanted.
    if (this.hits === this.match.count && this.effect.kind !== 'freeze') this.remove();
  }

  onEnd(listener: () => void): void {
    this.ended.push(listener);
  }

  remove(): void {
    this.drop(this);
    for (const listener of this.ended.splice(0)) listener();
  }
}

/**
 * Switches for what goes wrong between a client and an API server. Each stays in force until removed, used up or cleared.
 * `drop`, `reset` and `freeze` also seize the matching requests under way, so an open watch feels them at once.
 */
export class Faults {
  private readonly rules = new Set<Rule>();
  private readonly open = new Set<Exchanged>();

  constructor(private readonly compactStore: () => void) {}

  /** Closes the connection (FIN) without an answer. */
  drop(match: FaultMatch = {}): Fault {
    return this.add({ kind: 'drop' }, match);
  }

  /** Resets the connection (RST). */
  reset(match: FaultMatch = {}): Fault {
    return this.add({ kind: 'reset' }, match);
  }

  /** Keeps the connection and sends nothing; what was held is sent when the fault is removed. */
  freeze(match: FaultMatch = {}): Fault {
    return this.add({ kind: 'freeze' }, match);
  }

  /** Answers with a Status of this code instead of serving. */
  failWith(failure: Failure, match: FaultMatch = {}): Fault {
    return this.add({ kind: 'fail', failure }, match);
  }

  /** Serves each request this many milliseconds late. */
  latency(ms: number, match: FaultMatch = {}): Fault {
    return this.add({ kind: 'latency', ms }, match);
  }

  /** Answers each watch with 200 and an empty stream. */
  closeWatchesAtOnce(match: FaultMatch = {}): Fault {
    return this.add({ kind: 'closeWatch' }, { verbs: ['watch'], ...match });
  }

  /** Cuts the next line of a watch in the middle and closes the connection; once by default. */
  truncateWatchLine(match: FaultMatch = {}): Fault {
    return this.add({ kind: 'truncate' }, { verbs: ['watch'], count: 1, ...match });
  }

  /** Sends bodies byte by byte. */
  oneByteChunks(match: FaultMatch = {}): Fault {
    return this.add({ kind: 'oneByte' }, match);
  }

  /** Forgets all history: older watches and continue tokens get 410. */
  compact(): void {
    this.compactStore();
  }

  /** Removes every fault. */
  clear(): void {
    for (const rule of this.rules) rule.remove();
  }

  /** Registers a request under way, so that faults can seize it. */
  track(exchange: Exchanged): void {
    this.open.add(exchange);
    exchange.outlet.modeOf = () => this.modeOf(exchange);
    exchange.response.on('close', () => this.open.delete(exchange));
  }

  /** Lets faults act before a request is served. @returns false when it is not to be served any more. */
  async admit(exchange: Exchanged): Promise<boolean> {
    for (const rule of this.rules) {
      if (!rule.matches(exchange)) continue;
      const { effect } = rule;
      if (effect.kind === 'truncate' || effect.kind === 'oneByte') continue;
      rule.hit();
      if (!(await hurt(effect, exchange, rule))) return false;
    }
    return !exchange.response.destroyed;
  }

  private add(effect: FaultKind, match: FaultMatch): Fault {
    const rule = new Rule(effect, match, (each) => this.rules.delete(each));
    this.rules.add(rule);
    if (effect.kind === 'drop' || effect.kind === 'reset') {
      for (const exchange of this.open) {
        if (!rule.matches(exchange)) continue;
        rule.hit();
        cut(exchange, effect.kind);
      }
    }
    if (effect.kind === 'freeze') rule.onEnd(() => this.thaw());
    return rule;
  }

  private thaw(): void {
    for (const { outlet } of this.open) outlet.flush();
  }

  private modeOf(exchange: Exchanged): OutletMode {
    for (const rule of this.rules) {
      if (!rule.matches(exchange)) continue;
      const { kind } = rule.effect;
      if (kind === 'freeze') return 'hold';
      if (kind === 'oneByte') return 'bytes';
      if (kind === 'truncate' && exchange.response.headersSent) {
        rule.hit();
        return 'truncate';
      }
    }
    return 'pass';
  }
}

/** @returns whether the request is still to be served. */
async function hurt(effect: FaultKind, exchange: Exchanged, rule: Rule): Promise<boolean> {
  switch (effect.kind) {
    case 'drop':
    case 'reset':
      cut(exchange, effect.kind);
      return false;
    case 'freeze':
      await ended(exchange, (done) => rule.onEnd(done));
      return !exchange.response.destroyed;
    case 'latency':
      await ended(exchange, (done) => setTimeout(done, effect.ms));
      return !exchange.response.destroyed;
    case 'fail':
      answerFailure(exchange.response, effect.failure);
      return false;
    case 'closeWatch':
      exchange.response.writeHead(200, { 'content-type': 'application/json' });
      exchange.response.end();
      return false;
    default:
      return true;
  }
}

/** Waits for `begin` to call back, or for the client to leave. */
async function ended({ response }: Exchanged, begin: (done: () => void) => NodeJS.Timeout | void): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = begin(resolve);
    response.once('close', () => {
      clearTimeout(timer ?? undefined);
      resolve();
    });
  });
}

function cut({ connection }: Exchanged, kind: 'drop' | 'reset'): void {
  if (kind === 'reset') connection().resetAndDestroy();
  else connection().destroy();
}

const REASONS: { readonly [status: number]: string } = {
  400: 'BadRequest',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  409: 'Conflict',
  410: 'Expired',
  422: 'Invalid',
  429: 'TooManyRequests',
  500: 'InternalError',
  503: 'ServiceUnavailable',
  504: 'Timeout',
};

function answerFailure(response: ServerResponse, { status, retryAfterSeconds, message }: Failure): void {
  const details = retryAfterSeconds === undefined ? {} : { details: { retryAfterSeconds } };
  const body = JSON.stringify({
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message: message ?? `fault injected: ${status}`,
    ...(REASONS[status] === undefined ? {} : { reason: REASONS[status] }),
    ...details,
    code: status,
  });
  response.writeHead(status, {
    'content-type': 'application/json',
    ...(retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) }),
  });
  response.end(body);
}
