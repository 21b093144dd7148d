import http from 'node:http';
import https from 'node:https';
import { setTimeout as pause } from 'node:timers/promises';

/** A non-2xx answer of the API server. */
export class ApiError extends Error {
  override readonly name = 'ApiError';

  constructor(
    readonly status: number,
    readonly reason: string,
    message: string,
    readonly causes: string[] = [],
  ) {
    super(message);
  }
}

export function isApiError(error: unknown, status: number, reason?: string): boolean {
  return error instanceof ApiError && error.status === status && (reason === undefined || error.reason === reason);
}

/** What was thrown, as an error. */
export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}

interface StatusBody {
  message?: string;
  reason?: string;
  code?: number;
  details?: { causes?: { reason?: string }[] };
}

/** What a Status object (an error body, or the object of a watch's ERROR event) says, as an error. */
export function errorFromStatus(status: unknown, code: number): ApiError {
  const body: StatusBody = typeof status === 'object' && status !== null ? status : {};
  const causes = (body.details?.causes ?? []).map((cause) => cause.reason ?? '');
  return new ApiError(body.code ?? code, body.reason ?? '', body.message ?? `the API server answered ${code}`, causes);
}

export interface ApiRequest {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  path: string;
  query?: Record<string, string>;
  body?: unknown;
  /** Of the body; default `application/json`. */
  contentType?: string;
}

/** An answer must have begun within this time: a frozen server is treated as a broken one, and asked again. */
const responseTimeoutMs = 30_000;
const longestPauseMs = 1000;
const believedFailures = 10;

/**
 * A small REST client of one API server over its own keep-alive connections.
 *
 * All requests end when `signal` aborts; `close()` then frees the idle connections.
 */
export class ApiClient {
  readonly #base: URL;
  readonly #agent: http.Agent;
  readonly #headers: Record<string, string>;
  readonly #ca: string | undefined;

  constructor(
    options: { server: string; token?: string; ca?: string },
    private readonly signal: AbortSignal,
  ) {
    this.#base = new URL(options.server);
    this.#agent =
      this.#base.protocol === 'https:' ? new https.Agent({ keepAlive: true }) : new http.Agent({ keepAlive: true });
    this.#ca = options.ca;
    this.#headers = { accept: 'application/json', 'user-agent': 'devcluster-controllers/1' };
    if (options.token !== undefined) this.#headers['authorization'] = `Bearer ${options.token}`;
  }

  /** The decoded JSON answer. Rejects with `ApiError`, or with Node's error when there was no answer. */
  async request<T>(request: ApiRequest): Promise<T> {
    const response = await this.open(request);
    const text = await readAll(response);
    return JSON.parse(text) as T;
  }

  /** The answer's body as it comes. A connection that died while it was idle is replaced once, where repeating does no harm. */
  async open(request: ApiRequest, signal: AbortSignal = this.signal): Promise<http.IncomingMessage> {
    const { response, reused } = await this.#send(request, signal);
    if (response instanceof Error) {
      if (!reused || request.method === 'POST' || signal.aborted) throw response;
      const second = await this.#send(request, signal);
      if (second.response instanceof Error) throw second.response;
      return checked(second.response);
    }
    return checked(response);
  }

  /**
   * Repeats what gets no answer at all until there is one, or the client's signal aborts. An answer of 500 and above says as
   * little about what was done as none, but may be meant to last: it is believed after some seconds.
   */
  async insist<T>(ask: () => Promise<T>): Promise<T> {
    let pauseMs = 10;
    for (let failures = 0; ; pauseMs = Math.min(2 * pauseMs, longestPauseMs)) {
      try {
        return await ask();
      } catch (error) {
        if (error instanceof ApiError && (error.status < 500 || ++failures === believedFailures)) throw error;
      }
      await pause(pauseMs, undefined, { signal: this.signal });
    }
  }

  close(): void {
    this.#agent.destroy();
  }

  #send(
    request: ApiRequest,
    signal: AbortSignal,
  ): Promise<{ response: http.IncomingMessage | Error; reused: boolean }> {
    const url = new URL(this.#base.pathname.replace(/\/$/, '') + request.path, this.#base);
    for (const [name, value] of Object.entries(request.query ?? {})) url.searchParams.set(name, value);
    const headers = { ...this.#headers };
    const body = request.body === undefined ? undefined : Buffer.from(JSON.stringify(request.body));
    if (body !== undefined) {
      headers['content-type'] = request.contentType ?? 'application/json';
      headers['content-length'] = String(body.length);
    }
    const secure = this.#base.protocol === 'https:';
    const options = {
      method: request.method,
      headers,
      agent: this.#agent,
      signal,
      ...(secure ? { ca: this.#ca } : {}),
    };
    return new Promise((resolve) => {
      const sent = (secure ? https : http).request(url, options);
      const late = setTimeout(() => {
        sent.destroy(new Error(`no answer to ${request.method} ${request.path} within ${responseTimeoutMs} ms`));
      }, responseTimeoutMs);
      sent.once('response', (response) => {
        clearTimeout(late);
        resolve({ response, reused: false });
      });
      sent.on('error', (error) => {
        clearTimeout(late);
        resolve({ response: error, reused: sent.reusedSocket });
      });
      sent.end(body);
    });
  }
}

async function checked(response: http.IncomingMessage): Promise<http.IncomingMessage> {
  const code = response.statusCode ?? 0;
  if (code >= 200 && code < 300) return response;
  const text = await readAll(response);
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    body = { message: `the API server answered ${code}: ${text.slice(0, 200)}` };
  }
  throw errorFromStatus(body, code);
}

async function readAll(response: http.IncomingMessage): Promise<string> {
  // The headers came in time; the body of a server that froze since must not hang for ever.
  const late = setTimeout(() => response.destroy(new Error('the answer stopped midway')), responseTimeoutMs);
  try {
    response.setEncoding('utf8');
    let text = '';
    for await (const chunk of response) text += String(chunk);
    return text;
  } finally {
    clearTimeout(late);
  }
}
