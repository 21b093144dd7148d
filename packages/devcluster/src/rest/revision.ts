import { ApiError } from '../api-error.js';
import type { Store } from '../store/store.js';

/** How long a read waits for a revision that has not happened yet, as the API server's watch cache does. */
const WAIT_MS = 3000;

/**
 * @returns undefined when unset.
 * @throws ApiError 500 when it is not a number: the API server answers so, oddly.
 */
export function parseRevision(text: string | null): number | undefined {
  if (text === null || text === '') return undefined;
  if (!/^\d+$/.test(text)) {
    throw new ApiError(
      500,
      '',
      `resourceVersion: Invalid value: ${JSON.stringify(text)}: strconv.ParseUint: parsing ${JSON.stringify(text)}: invalid syntax`,
    );
  }
  return Number(text);
}

/** Waits until the store has reached a revision. @throws ApiError 504 after three seconds. */
export async function waitForRevision(store: Store, wanted: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const stop = (): void => {
      clearTimeout(timer);
      unsubscribe();
    };
    const timer = setTimeout(() => {
      stop();
      reject(tooLarge(wanted, store.revision));
    }, WAIT_MS);
    const unsubscribe = store.subscribe(() => {
      if (store.revision < wanted) return;
      stop();
      resolve();
    });
  });
}

function tooLarge(wanted: number, current: number): ApiError {
  return new ApiError(504, 'Timeout', `Timeout: Too large resource version: ${wanted}, current: ${current}`, {
    causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
    retryAfterSeconds: 1,
  });
}
