import { describe, expect, it } from 'vitest';
import { WaitError, eventually, never } from '../src/eventually.js';

describe('eventually', () => {
  it('returns what the check found once it found something', async () => {
    let looks = 0;
    const seen = await eventually(() => ((looks += 1) === 3 ? 'there' : undefined));
    expect(seen).toBe('there');
    expect(looks).toBe(3);
  });

  it('takes 0 and the empty string for findings, not for "not yet"', async () => {
    expect(await eventually(() => 0)).toBe(0);
    expect(await eventually(() => '')).toBe('');
  });

  it('waits while the check throws, and says at the deadline why and what it saw last', async () => {
    const failing = eventually(() => expect(1).toBe(2), { timeoutMs: 60, because: 'one should become two' });
    const error = await failing.catch((e: unknown) => e);
    expect(error).toBeInstanceOf(WaitError);
    expect(String(error)).toMatch(
      /^WaitError: one should become two: not within 60 ms \(\d+ looks\)\. Last: expected 1 to be 2/,
    );
    expect((error as WaitError).cause).toBeInstanceOf(Error);
  });

  it('gives up on a check that never returns', async () => {
    const failing = eventually(() => new Promise(() => {}), { timeoutMs: 50 });
    await expect(failing).rejects.toThrow('Last: the first look did not return');
  });
});

describe('never', () => {
  it('resolves after the window when nothing happened, having looked at its end', async () => {
    const startedAt = Date.now();
    let lastLookAt = 0;
    await never(() => void (lastLookAt = Date.now()), { forMs: 60 });
    expect(lastLookAt - startedAt).toBeGreaterThanOrEqual(60);
  });

  it('rejects as soon as it happens, saying what was seen', async () => {
    let looks = 0;
    const failing = never(() => (looks += 1) === 2 && { actions: 1 }, { forMs: 10_000, because: 'nothing changed' });
    await expect(failing).rejects.toThrow(/^nothing changed: it did after \d+ ms: {"actions":1}$/);
  });

  it('fails when the check itself fails, for then nothing is proven', async () => {
    const failing = never(
      () => {
        throw new Error('connection refused');
      },
      { forMs: 10_000 },
    );
    await expect(failing).rejects.toThrow('connection refused');
  });
});
