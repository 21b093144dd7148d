import { describe, expect, it } from 'vitest';
import { MAX_RETRY_AFTER_MS, retryAfterMs } from '../../src/http/retry-after.js';

const NOW = Date.UTC(2026, 10, 22, 16, 0, 0);

describe('retryAfterMs', () => {
  it.each([
    ['0', 0],
    ['7', 7000],
    [' 120 ', 120_000],
    ['3601', MAX_RETRY_AFTER_MS],
    ['999999999999999', MAX_RETRY_AFTER_MS],
    ['Sun, 22 Nov 2026 16:00:30 GMT', 30_000],
    ['Sunday, 22-Nov-26 16:00:30 GMT', 30_000],
    ['Sun Nov 22 16:00:30 2026', 30_000],
    ['Sun, 22 Nov 2026 15:00:00 GMT', 0],
    ['Mon, 22 Nov 2027 16:00:30 GMT', MAX_RETRY_AFTER_MS],
    [undefined, undefined],
    ['', undefined],
    ['-1', undefined],
    ['1.5', undefined],
    ['1e3', undefined],
    ['soon', undefined],
    ['2026-11-22T16:00:30Z', undefined],
    ['Sun, 99 Nov 2026 16:00:30 GMT', undefined],
    ['9999999999999999', undefined],
  ])('%s is %s', (header, ms) => {
    expect(retryAfterMs(header, NOW)).toBe(ms);
  });
});
