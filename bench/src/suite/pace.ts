import { pause } from '../pause.js';

/**
 * Starts `work` so many times a second for a while, whatever earlier ones take: an open loop, so that a slow server does not slow its load
 * down and hide. Resolves when all have ended; rejects with the first failure.
 */
export async function atRate(
  perSecond: number,
  seconds: number,
  work: (index: number) => Promise<unknown>,
): Promise<{ readonly started: number; readonly seconds: number }> {
  const startedAtMs = performance.now();
  const total = Math.round(perSecond * seconds);
  const all: Promise<unknown>[] = [];
  const failures: unknown[] = [];
  while (all.length < total && failures.length === 0) {
    const due = Math.min(total, Math.floor(((performance.now() - startedAtMs) * perSecond) / 1000) + 1);
    while (all.length < due) {
      all.push(work(all.length).catch((error: unknown) => failures.push(error)));
    }
    await pause(1);
  }
  await Promise.all(all);
  if (failures.length > 0) throw failures[0];
  return { started: total, seconds: (performance.now() - startedAtMs) / 1000 };
}

/** Does `work` for 0 … count − 1, `width` at a time. */
export async function each(count: number, work: (index: number) => Promise<unknown>, width = 32): Promise<void> {
  let next = 0;
  const lane = async () => {
    while (next < count) {
      next += 1;
      await work(next - 1);
    }
  };
  await Promise.all(Array.from({ length: Math.min(width, count) }, lane));
}
