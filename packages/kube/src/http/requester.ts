import type { IncomingHttpHeaders } from 'node:http';
import { isTriggerError, TriggerError } from '@kube-trigger/core';
import type { RawRequest } from '../client.js';
import { deadline, sleep } from '../time.js';
import { attributesOf, withQuery, type RequestAttributes } from './api-path.js';
import { exchange } from './exchange.js';
import { badResponse, clientClosed, networkError, statusError, type StatusBody } from './problems.js';
import { Places } from './places.js';
import { PLACES, type Transport } from './transport.js';

const MAX_BYTES = 64 * 1024 * 1024;
const MAX_ERROR_BYTES = 64 * 1024;
/** A server that keeps saying 429 is believed after this many repetitions. */
const MAX_REPETITIONS = 4;

/** Ordinary requests: one deadline over all attempts, Retry-After, one reload on 401, JSON in and out. */
export class Requester {
  readonly #places = new Places(PLACES);

  constructor(
    private readonly transport: Transport,
    private readonly onRequest?: () => void,
  ) {}

  async send<T>(raw: RawRequest): Promise<T> {
    if (raw.timeoutMs !== undefined) return this.#send(raw);
    // Else the last of many that are asked for at once would have spent its time before it is sent.
    using _ = await this.#places.take(raw.signal);
    return await this.#send(raw);
  }

  async #send<T>(raw: RawRequest): Promise<T> {
    const method = raw.method ?? 'GET';
    const path = withQuery(raw.path, raw.query);
    // For errors, of which there are few.
    const attributes = () => attributesOf(method, path);
    const timeoutMs = raw.timeoutMs ?? this.transport.timings.requestTimeoutMs;
    using limit = deadline(timeoutMs, this.transport.scheduler, raw.signal);
    const endsAt = this.transport.now() + timeoutMs;
    let reloaded = false;
    for (let repetition = 0; ; repetition += 1) {
      try {
        return await this.#once<T>(raw, { method, path, attributes, signal: limit.signal });
      } catch (thrown) {
        raw.signal?.throwIfAborted();
        if (this.transport.closed) throw clientClosed();
        const error = isTriggerError(thrown) ? thrown : networkError(attributes(), thrown);
        this.transport.failed(error.code);
        if (limit.signal.aborted || repetition >= MAX_REPETITIONS) throw error;
        if (error.code === 'KT_KUBE_UNAUTHORIZED' && !reloaded) {
          reloaded = true;
          await this.transport.reload();
          continue;
        }
        const waitMs = repeatAfter(error, method, repetition);
        if (waitMs === undefined || this.transport.now() + waitMs >= endsAt) throw error;
        await sleep(waitMs, this.transport.scheduler, limit.signal);
      }
    }
  }

  async #once<T>(raw: RawRequest, call: PreparedCall): Promise<T> {
    if (this.transport.closed) throw clientClosed();
    const { agent, dial, headers } = await this.transport.agent();
    const body = raw.body === undefined ? undefined : JSON.stringify(raw.body);
    const answer = new Answer(call.attributes, raw.maxBytes ?? MAX_BYTES);
    this.transport.counters.requests += 1;
    if (raw.background !== true) this.onRequest?.();
    await exchange({
      dispatcher: agent,
      origin: dial.origin,
      path: dial.prefix + call.path,
      method: call.method,
      headers: {
        accept: 'application/json',
        'user-agent': USER_AGENT,
        ...(body === undefined ? {} : { 'content-type': raw.contentType ?? 'application/json' }),
        ...headers,
        ...raw.headers,
      },
      body,
      signal: call.signal,
      onHeaders: (status, received) => answer.begin(status, received),
      onData: (chunk) => answer.add(chunk),
    });
    return answer.parse() as T;
  }
}

export const USER_AGENT = 'kube-trigger';

interface PreparedCall {
  readonly method: string;
  readonly path: string;
  readonly attributes: () => RequestAttributes;
  readonly signal: AbortSignal;
}

/** Collects a bounded body and turns it into a value or an error. */
export class Answer {
  readonly #chunks: Buffer[] = [];
  #size = 0;
  #status = 0;
  #headers: IncomingHttpHeaders = {};

  constructor(
    private readonly attributes: () => RequestAttributes,
    private readonly maxBytes: number,
  ) {}

  get ok(): boolean {
    return this.#status >= 200 && this.#status < 300;
  }

  begin(status: number, headers: IncomingHttpHeaders): void {
    this.#status = status;
    this.#headers = headers;
  }

  add(chunk: Buffer): void {
    this.#size += chunk.length;
    if (!this.ok) {
      // An error page of a proxy may be any length: its beginning is enough.
      if (this.#size <= MAX_ERROR_BYTES) this.#chunks.push(chunk);
      return;
    }
    if (this.#size > this.maxBytes) {
      throw new TriggerError(
        'KT_KUBE_TOO_LARGE',
        `${this.attributes().path}: the answer exceeds ${this.maxBytes} bytes`,
        {
          retry: 'never',
        },
      );
    }
    this.#chunks.push(chunk);
  }

  parse(): unknown {
    const [first, ...others] = this.#chunks;
    const text = (others.length === 0 ? first : Buffer.concat(this.#chunks))?.toString('utf8') ?? '';
    if (!this.ok) throw statusError(this.attributes(), this.#status, asStatus(text), this.#headers);
    if (text === '') return undefined;
    try {
      return JSON.parse(text) as unknown;
    } catch {
      // V8's message quotes the text, which may be a Secret.
      throw badResponse(this.attributes(), 'the answer is not JSON');
    }
  }
}

function asStatus(text: string): StatusBody | undefined {
  try {
    const parsed = JSON.parse(text) as StatusBody | null;
    return parsed !== null && typeof parsed === 'object' && parsed.kind === 'Status' ? parsed : undefined;
  } catch {
    return undefined;
  }
}

/** `undefined`: not to be repeated here. A 429 was not acted on, so any method may be repeated; a 503 only by reads. */
function repeatAfter(error: TriggerError, method: string, repetition: number): number | undefined {
  if (typeof error.retry === 'object') {
    const safe = error.code === 'KT_KUBE_TOO_MANY_REQUESTS' || method === 'GET';
    return safe ? error.retry.afterMs : undefined;
  }
  // A pooled connection that the server had just closed: once more, on another one.
  const stale = error.code === 'KT_KUBE_UNREACHABLE' && CLOSED_BY_PEER.has(String(error.facts['network']));
  return stale && method === 'GET' && repetition === 0 ? 0 : undefined;
}

const CLOSED_BY_PEER = new Set(['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET']);
