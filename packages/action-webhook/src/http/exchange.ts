import type { IncomingHttpHeaders } from 'node:http';
import type { SchedulerLike, Subscription } from 'rxjs';
import type { Dispatcher } from 'undici';
import type { Message } from '../message/compose.js';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
}

export interface Line {
  readonly dispatcher: Dispatcher;
  readonly signal: AbortSignal;
  readonly scheduler: SchedulerLike;
}

/** Read and thrown away, so that the connection can be used again. A longer body costs the connection. */
const MAX_BODY_BYTES = 65_536;
const MAX_BODY_MS = 1000;

/**
 * One request. Resolves with status and headers once the answer's body has been thrown away: at its end, or after 64 KiB or a second of
 * it, when the connection is destroyed. The body is never looked at, nor kept. What happens to the connection after the status changes
 * nothing about the answer. Rejects when there is none, and at once with the signal's reason when that aborts.
 */
export function exchange(url: URL, { method, headers, body }: Message, line: Line): Promise<Answer> {
  const { dispatcher, signal, scheduler } = line;
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(signal.reason as Error);
      return;
    }
    const state = new Reading(signal, resolve, reject);
    dispatcher.dispatch(
      {
        origin: url.origin,
        path: `${url.pathname}${url.search}`,
        method,
        headers,
        body: body ?? null,
      },
      {
        onRequestStart: (controller) => state.start(controller),
        onResponseStart: (_, status, answered) => {
          // 1xx are announcements.
          if (status >= 200) state.answer({ status, headers: answered }, scheduler);
        },
        onResponseData: (_, chunk) => state.read(chunk.length),
        onResponseEnd: () => state.end(),
        onResponseError: (_, error) => state.fail(error),
      },
    );
  });
}

class Reading {
  #controller: Dispatcher.DispatchController | undefined;
  #answer: Answer | undefined;
  #bytes = 0;
  #timer: Subscription | undefined;
  readonly #onAbort = (): void => {
    this.fail(this.signal.reason as Error);
    this.#controller?.abort(this.signal.reason as Error);
  };

  constructor(
    private readonly signal: AbortSignal,
    private readonly resolve: (answer: Answer) => void,
    private readonly reject: (error: Error) => void,
  ) {
    signal.addEventListener('abort', this.#onAbort, { once: true });
  }

  start(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.signal.aborted) controller.abort(this.signal.reason as Error);
  }

  answer(answer: Answer, scheduler: SchedulerLike): void {
    this.#answer = answer;
    this.#timer = scheduler.schedule(() => this.#hangUp(), MAX_BODY_MS);
  }

  read(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes > MAX_BODY_BYTES) this.#hangUp();
  }

  end(): void {
    this.fail(new Error('the connection was closed without an answer'));
  }

  /** The status has been said: what breaks after it takes nothing back. */
  fail(error: Error): void {
    this.#timer?.unsubscribe();
    this.signal.removeEventListener('abort', this.#onAbort);
    if (this.#answer === undefined) this.reject(error);
    else this.resolve(this.#answer);
  }

  #hangUp(): void {
    this.#controller?.abort(new Error('more of the answer than is read'));
    this.end();
  }
}
