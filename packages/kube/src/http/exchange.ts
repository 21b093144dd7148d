import type { IncomingHttpHeaders } from 'node:http';
import type { Dispatcher } from 'undici';

export interface HttpCall {
  readonly dispatcher: Dispatcher;
  readonly origin: string;
  readonly path: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
  readonly signal: AbortSignal;
  onHeaders(status: number, headers: IncomingHttpHeaders): void;
  /** Synchronous, so the socket is read no faster than its bytes are consumed. What it throws ends the exchange. */
  onData(chunk: Buffer): void;
}

/**
 * One HTTP exchange without a stream in between: chunks go from the parser straight to `onData`.
 * Resolves at the end of the body; rejects at once when the signal aborts, also while the connection is being made.
 */
export function exchange(call: HttpCall): Promise<void> {
  const { dispatcher, signal, origin, path, method, headers, body } = call;
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(signal.reason as Error);
      return;
    }
    let controller: Dispatcher.DispatchController | undefined;
    const settle = (finish: () => void): void => {
      signal.removeEventListener('abort', onAbort);
      finish();
    };
    const onAbort = (): void => {
      settle(() => reject(signal.reason as Error));
      controller?.abort(signal.reason as Error);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    dispatcher.dispatch(
      { origin, path, method, headers, body: body ?? null },
      {
        onRequestStart(started) {
          controller = started;
          if (signal.aborted) started.abort(signal.reason as Error);
        },
        onResponseStart(_, status, responseHeaders) {
          if (status >= 200) call.onHeaders(status, responseHeaders);
        },
        onResponseData(at, chunk) {
          if (signal.aborted) return;
          try {
            call.onData(chunk);
          } catch (error) {
            at.abort(error as Error);
          }
        },
        onResponseEnd: () => settle(resolve),
        onResponseError: (_, error) => settle(() => reject(error)),
      },
    );
  });
}
