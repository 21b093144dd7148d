import { createInterface } from 'node:readline';
import { type Dispatcher, request } from 'undici';
import type { ApiObject } from './api-client.js';

export interface WatchEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  readonly object: ApiObject & { code?: number; reason?: string; message?: string };
}

/** One open watch. Events are kept in order until {@link WatchStream.next} takes them. */
export interface WatchStream extends AsyncDisposable {
  /** The HTTP status. When it is not 200, `text` is the whole body and there are no events. */
  readonly status: number;
  readonly text: string;
  /** The next event. Rejects when there is none within `timeoutMs` (default 10,000) or the stream has ended. */
  next(timeoutMs?: number): Promise<WatchEvent>;
  /** Takes events up to and including the first that `accepts`; returns all of them. */
  until(accepts: (event: WatchEvent) => boolean, timeoutMs?: number): Promise<WatchEvent[]>;
  /** What has arrived and was not taken yet; leaves it there. */
  pending(): readonly WatchEvent[];
  /** Resolves when the server has ended the stream. Rejects after `timeoutMs` (default 10,000). */
  ended(timeoutMs?: number): Promise<void>;
  close(): Promise<void>;
}

type WatchRequest = { dispatcher: Dispatcher; headers: Record<string, string> };

export async function openWatch(url: string, { dispatcher, headers }: WatchRequest): Promise<WatchStream> {
  const aborter = new AbortController();
  const answer = await request(url, { dispatcher, headers, signal: aborter.signal });
  if (answer.statusCode !== 200) {
    return new OpenWatch(answer.statusCode, await answer.body.text(), aborter);
  }
  const stream = new OpenWatch(200, '', aborter);
  answer.body.on('error', () => stream.end());
  createInterface({ input: answer.body })
    .on('line', (line) => stream.push(JSON.parse(line) as WatchEvent))
    .on('close', () => stream.end())
    .on('error', () => stream.end());
  return stream;
}

class OpenWatch implements WatchStream {
  readonly #events: WatchEvent[] = [];
  #ended = false;
  #wake: (() => void)[] = [];

  constructor(
    readonly status: number,
    readonly text: string,
    private readonly aborter: AbortController,
  ) {
    this.#ended = status !== 200;
  }

  push(event: WatchEvent): void {
    this.#events.push(event);
    this.#wakeAll();
  }

  end(): void {
    this.#ended = true;
    this.#wakeAll();
  }

  async next(timeoutMs = 10_000): Promise<WatchEvent> {
    const arrived = await this.#waitFor(() => this.#events.length > 0 || this.#ended, timeoutMs);
    const event = this.#events.shift();
    if (event) return event;
    throw new Error(arrived ? 'the watch has ended' : `no watch event within ${timeoutMs} ms`);
  }

  async until(accepts: (event: WatchEvent) => boolean, timeoutMs = 10_000): Promise<WatchEvent[]> {
    const deadline = Date.now() + timeoutMs;
    const taken: WatchEvent[] = [];
    for (;;) {
      const event = await this.next(Math.max(0, deadline - Date.now())).catch((error: unknown) => {
        const seen = taken.map(({ type, object }) => `${type} ${object.metadata?.name ?? ''}`).join(', ');
        throw new Error(`the awaited watch event did not come; taken so far: ${seen || 'none'}`, { cause: error });
      });
      taken.push(event);
      if (accepts(event)) return taken;
    }
  }

  pending(): readonly WatchEvent[] {
    return [...this.#events];
  }

  async ended(timeoutMs = 10_000): Promise<void> {
    if (!(await this.#waitFor(() => this.#ended, timeoutMs))) {
      throw new Error(`the server has not ended the watch within ${timeoutMs} ms`);
    }
  }

  close(): Promise<void> {
    this.aborter.abort();
    this.end();
    return Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #wakeAll(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }

  async #waitFor(condition: () => boolean, timeoutMs: number): Promise<boolean> {
    const deadline = Date.now() + timeoutMs;
    while (!condition()) {
      const leftMs = deadline - Date.now();
      if (leftMs <= 0) return false;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, leftMs);
        this.#wake.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
    return true;
  }
}
