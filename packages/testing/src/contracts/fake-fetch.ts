import { FetchToken } from '@kube-trigger/core';
import type { DependencyContainer } from 'tsyringe';

export interface FetchedRequest {
  readonly url: string;
  readonly method: string;
  readonly headers: Headers;
  readonly body: string;
}

export type Answer = (request: FetchedRequest) => Response | Promise<Response>;

/** The standard `fetch` in a test's hands: it tells what was asked, and answers, fails or hangs as it is told. No network. */
export class FakeFetch {
  /** What reached the other side, in order. */
  readonly requests: FetchedRequest[] = [];
  #held = 0;
  #answer: Answer;
  #fetch: typeof fetch = (input, init) => this.#ask(new Request(input, init));

  /** Default: everything is answered with an empty 200. */
  constructor(answer: Answer = () => new Response()) {
    this.#answer = answer;
  }

  /** For `ActionWorld.register` and `SourceWorld.register`. */
  readonly register = (container: DependencyContainer): void => {
    container.register(FetchToken, { useValue: (...request) => this.#fetch(...request) });
  };

  /** Requests that wait for their answer. */
  readonly held = (): number => this.#held;

  /** Ends `hang` as well. */
  respond(answer: Answer): void {
    this.#answer = answer;
  }

  /** Nothing is answered from now on. */
  hang(): void {
    this.#answer = () => new Promise<never>(() => undefined);
  }

  /** Nothing is reached from now on: rejects as `fetch` does, and no request is seen. */
  disconnect(): void {
    this.#fetch = () => Promise.reject(new TypeError('fetch failed'));
  }

  reconnect(): void {
    this.#fetch = (input, init) => this.#ask(new Request(input, init));
  }

  /** Throws, synchronously, from now on. */
  sabotage(): void {
    this.#fetch = () => {
      throw new Error('sabotaged');
    };
  }

  async #ask(request: Request): Promise<Response> {
    const { url, method, headers, signal } = request;
    signal.throwIfAborted();
    this.#held += 1;
    let onAbort: (() => void) | undefined;
    const aborted = new Promise<never>((_, reject) => {
      onAbort = () => reject(signal.reason as Error);
      signal.addEventListener('abort', onAbort);
    });
    try {
      const seen = { url, method, headers, body: await request.text() };
      this.requests.push(seen);
      return await Promise.race([this.#answer(seen), aborted]);
    } finally {
      this.#held -= 1;
      if (onAbort !== undefined) signal.removeEventListener('abort', onAbort);
    }
  }
}
