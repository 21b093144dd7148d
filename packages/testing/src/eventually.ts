/** What {@link eventually} and {@link never} say when they fail. Its `cause` is the last failure of the checked function. */
export class WaitError extends Error {
  override readonly name = 'WaitError';
}

export interface EventuallyOptions {
  /** Default: 10,000. */
  readonly timeoutMs?: number;
  /** Pause between two looks. Default: 25, growing to 250, so that neither a fast nor a slow state is waited for long. */
  readonly intervalMs?: number;
  /** Why it should come about: the first words of the failure message. */
  readonly because?: string;
}

/**
 * Looks again and again until `fn` returns something that is neither `undefined`, `null` nor `false`, and returns that.
 *
 * A throwing `fn` (a failed `expect`) counts as "not yet". So assertions can stand inside. Rejects with a {@link WaitError} that
 * carries the last failure or the last value once `timeoutMs` have passed, even while a look is still under way.
 */
export async function eventually<T>(
  fn: () => T | Promise<T>,
  options: EventuallyOptions = {},
): Promise<Exclude<T, undefined | null | false>> {
  const { timeoutMs = 10_000, because = 'the state did not come about' } = options;
  const startedAt = Date.now();
  let pauseMs = options.intervalMs ?? 25;
  let last = 'the first look did not return';
  let cause: unknown;
  let looks = 0;

  for (;;) {
    const leftMs = startedAt + timeoutMs - Date.now();
    if (leftMs <= 0)
      throw new WaitError(`${because}: not within ${timeoutMs} ms (${looks} looks). Last: ${last}`, { cause });
    try {
      const seen = await withDeadline(fn, leftMs);
      if (seen === TIMED_OUT) last = looks === 0 ? last : `${last}; a further look did not return`;
      else if (holds(seen)) return seen;
      else [last, cause] = [`the check returned ${describe(seen)}`, undefined];
    } catch (error) {
      [last, cause] = [error instanceof Error ? error.message : String(error), error];
    }
    looks += 1;
    await pause(Math.min(pauseMs, Math.max(0, startedAt + timeoutMs - Date.now())));
    if (options.intervalMs === undefined) pauseMs = Math.min(pauseMs * 1.5, 250);
  }
}

export interface NeverOptions {
  /** How long it must stay false. */
  readonly forMs: number;
  /** Default: 25. */
  readonly intervalMs?: number;
  /** Why it must not happen: the first words of the failure message. */
  readonly because?: string;
}

/**
 * Resolves when `fn` stayed `undefined`, `null` or `false` for the whole window, looking once more at its end.
 *
 * For "zero actions" tests. A throwing `fn` fails at once: a check that cannot look proves nothing.
 */
export async function never(fn: () => unknown, options: NeverOptions): Promise<void> {
  const { forMs, intervalMs = 25, because = 'it must not happen' } = options;
  const startedAt = Date.now();
  for (;;) {
    const passedMs = Date.now() - startedAt;
    const seen = await fn();
    if (holds(seen)) throw new WaitError(`${because}: it did after ${passedMs} ms: ${describe(seen)}`);
    if (passedMs >= forMs) return;
    await pause(Math.min(intervalMs, forMs - passedMs));
  }
}

const TIMED_OUT = Symbol('timed out');

async function withDeadline<T>(fn: () => T | Promise<T>, ms: number): Promise<T | typeof TIMED_OUT> {
  let timer: NodeJS.Timeout | undefined;
  try {
    const deadline = new Promise<typeof TIMED_OUT>((resolve) => {
      timer = setTimeout(() => resolve(TIMED_OUT), ms);
    });
    return await Promise.race([Promise.resolve(fn()), deadline]);
  } finally {
    clearTimeout(timer);
  }
}

function holds<T>(seen: T): seen is Exclude<T, undefined | null | false> {
  return seen !== undefined && seen !== null && seen !== false;
}

function describe(seen: unknown): string {
  return JSON.stringify(seen) ?? typeof seen;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
