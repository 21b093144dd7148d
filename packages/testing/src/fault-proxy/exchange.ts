import type { ClientRequest, IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { BodyEffects } from './body-effects.js';
import type { ActiveFault, CutKind, Direction, FaultEffect, RequestFacts } from './fault-rules.js';
import { type Gate, eitherAborted } from './gate.js';

/** What one exchange needs of the proxy. */
export interface ExchangeHost {
  readonly gate: Gate;
  /** Starts the same request towards the server. */
  forward(request: IncomingMessage, signal: AbortSignal): ClientRequest;
  /** The TCP socket under the request's connection. */
  socketOf(request: IncomingMessage): Socket | undefined;
}

/** One request and its answer, passing through the proxy under its faults. */
export class Exchange {
  readonly #done = new AbortController();
  readonly #faults: readonly ActiveFault[];

  constructor(
    private readonly host: ExchangeHost,
    readonly facts: RequestFacts,
    faults: readonly ActiveFault[],
  ) {
    this.#faults = faults;
  }

  #response: ServerResponse | undefined;
  #inLine = false;

  /** Resolves when the exchange is over, however it ended. */
  async run(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.#response = response;
    response.once('close', () => this.#done.abort());
    try {
      await this.#passing('toServer');
      if (await this.#answeredByFault(request, response)) return;
      const answer = await this.#forward(request);
      await this.#passing('toClient');
      if (this.#over) return;
      response.writeHead(answer.statusCode ?? 502, answer.statusMessage, withoutHopByHop(answer.rawHeaders));
      response.flushHeaders();
      const atHead = this.#faults.find(({ effect }) => 'cut' in effect && effect.after === 'head');
      if (atHead) this.cut((atHead.effect as { cut: CutKind }).cut);
      else await this.#sendBody(answer, response);
    } catch {
      // The server is gone, or ended its answer in the middle: the client sees its connection end likewise.
      this.cut('reset');
    } finally {
      this.#done.abort();
    }
  }

  /** Ends the client's connection now. With `midLine`, half an event goes out first if the answer is between two lines. */
  cut(kind: CutKind, midLine = false): void {
    const response = this.#response;
    if (!response || this.#over) return;
    if (midLine && !this.#inLine) response.write('{"type":"MODIFIED","object":{"kind":"Conf');
    const socket = this.host.socketOf(response.req);
    // A FIN of the connection itself, after what was written: `response.end()` would complete the answer.
    if (kind === 'fin') response.socket?.end();
    else socket?.resetAndDestroy();
    if (kind === 'reset') response.destroy();
    this.#done.abort();
  }

  get #over(): boolean {
    return this.#done.signal.aborted;
  }

  #effects<T extends FaultEffect>(has: (effect: FaultEffect) => effect is T): { effect: T; removed: AbortSignal }[] {
    return this.#faults.flatMap(({ effect, removed }) => (has(effect) ? [{ effect, removed }] : []));
  }

  /** Waits for the gate and for the freezing faults of this direction. */
  async #passing(direction: Direction): Promise<void> {
    for (const { effect, removed } of this.#effects((e) => 'freeze' in e)) {
      if (effect.freeze === direction) await eitherAborted(removed, this.#done.signal);
    }
    await this.host.gate.pass(direction, this.facts.isWatch, this.#done.signal);
  }

  /** Applies what happens before the server sees the request. Returns whether that was all. */
  async #answeredByFault(request: IncomingMessage, response: ServerResponse): Promise<boolean> {
    for (const { effect } of this.#effects((e) => 'delayMs' in e)) await sleep(effect.delayMs, this.#done.signal);
    if (this.#over) return true;
    for (const { effect } of this.#effects((e) => 'cut' in e)) {
      if ((effect.after ?? 'request') !== 'request') continue;
      this.cut(effect.cut);
      return true;
    }
    const [answer] = this.#effects((e) => 'answer' in e);
    if (!answer) return false;
    request.resume();
    await this.#passing('toClient');
    if (!this.#over) sendStatus(response, answer.effect);
    return true;
  }

  #forward(request: IncomingMessage): Promise<IncomingMessage> {
    const upstream = this.host.forward(request, this.#done.signal);
    return new Promise((resolve, reject) => {
      upstream.once('response', resolve);
      upstream.on('error', reject);
      request.pipe(upstream);
    });
  }

  async #sendBody(answer: IncomingMessage, response: ServerResponse): Promise<void> {
    const effects = new BodyEffects(this.#faults);
    for await (const data of answer as AsyncIterable<Buffer>) {
      const { chunks, cut } = effects.step(data);
      for (const chunk of chunks) {
        await this.#passing('toClient');
        if (this.#over) return;
        this.#inLine = chunk.at(-1) !== 0x0a;
        await written(response, chunk, this.#done.signal);
      }
      if (cut) return this.cut(cut);
    }
    // The end is news as well: while frozen, the client must not learn of it.
    await this.#passing('toClient');
    if (!this.#over) response.end();
  }
}

const REASONS: Record<number, string> = {
  400: 'BadRequest',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  409: 'Conflict',
  410: 'Expired',
  429: 'TooManyRequests',
  500: 'InternalError',
  503: 'ServiceUnavailable',
  504: 'Timeout',
};

function sendStatus(response: ServerResponse, effect: Extract<FaultEffect, { answer: number }>): void {
  const { answer: code, retryAfterSeconds, message = `injected ${code}` } = effect;
  const details = retryAfterSeconds === undefined ? {} : { details: { retryAfterSeconds } };
  const status = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, reason: REASONS[code] };
  response.writeHead(code, {
    'content-type': 'application/json',
    ...(retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) }),
  });
  response.end(JSON.stringify({ ...status, ...details, code }));
}

/** The proxy frames its answers itself. */
function withoutHopByHop(rawHeaders: readonly string[]): string[] {
  const kept: string[] = [];
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const [name = '', value = ''] = [rawHeaders[i], rawHeaders[i + 1]];
    if (!/^(connection|keep-alive|transfer-encoding)$/i.test(name)) kept.push(name, value);
  }
  return kept;
}

/** Resolves when the chunk was handed to the kernel, or the exchange is over. */
function written(response: ServerResponse, chunk: Buffer, over: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    over.addEventListener('abort', () => resolve(), { once: true });
    response.write(chunk, () => resolve());
  });
}

async function sleep(ms: number, signal: AbortSignal): Promise<void> {
  await eitherAborted(AbortSignal.timeout(ms), signal);
}
