import { validateConfig } from '@kube-trigger/core';
import { describe, expect, it } from 'vitest';
import timer from '../src/index.js';

/** What is wrong with a config, as `path: message`. */
function wrongWith(config: unknown): string[] {
  const validated = validateConfig(timer.config, config, 'timer');
  if (validated.issues !== undefined) return validated.issues.map(({ path, message }) => `${path}: ${message}`);
  return (timer.validate?.(validated.value) ?? []).map(({ path, message }) => `timer.${path}: ${message}`);
}

describe('good configs', () => {
  it.each([
    { schedule: '30 3 * * 1-5', timeZone: 'Europe/Berlin', missed: 'latest', startingDeadlineSeconds: 3600 },
    { schedule: '*/10 * * * * *' },
    { schedule: 'H H(0-5) * * *', jitterSeconds: 300 },
    { schedule: '@daily', missed: 'all', suspend: true },
    { every: '90s', missed: 'none' },
  ])('%j', (config) => {
    expect(wrongWith(config)).toEqual([]);
  });

  it('have missed: latest, no jitter and are not suspended by default', () => {
    expect(validateConfig(timer.config, { every: '90s' }, '')).toEqual({
      value: { every: '90s', missed: 'latest', jitterSeconds: 0, suspend: false },
    });
  });
});

describe('bad configs name the field, the value and the fix', () => {
  it.each<[unknown, string]>([
    [{}, 'timer: needs exactly one of schedule, every'],
    [{ schedule: '' }, 'timer.schedule: is empty; write five fields'],
    [{ schedule: '* *' }, 'timer.schedule: "* *" has 2 fields; write 5'],
    [{ schedule: '*/70 * * * *' }, 'timer.schedule: "*/70" in the field minute: a step of 70 never gets past 0'],
    [{ schedule: '0 0 30 2 *' }, 'timer.schedule: "0 0 30 2 *" names a day that never comes'],
    [{ schedule: '0 0 0 1 1 * 2026' }, 'timer.schedule: "0 0 0 1 1 * 2026" has 7 fields'],
    [{ schedule: 'TZ=UTC 0 3 * * *' }, 'timer.schedule: "TZ=UTC 0 3 * * *" names a zone; write it into timeZone'],
    [{ schedule: 5 }, 'timer.schedule: 5 must be string'],
    [
      { schedule: '0 3 * * *', timeZone: 'Berlin' },
      'timer.timeZone: "Berlin" is no time zone; did you mean "Europe/Berlin"?',
    ],
    [{ schedule: '0 3 * * *', every: '90s' }, 'timer: has schedule and every; keep one of them'],
    [{ every: '0s' }, 'timer.every: "0s" is no time at all; write at least 1s'],
    [{ every: '-90s' }, 'timer.every: "-90s" is no duration; it cannot be negative'],
    [{ every: '90' }, 'timer.every: "90" is no duration; write its unit'],
    [{ every: 90 }, 'timer.every: 90 must be string'],
    [{ every: '1h', timeZone: 'Europe/Berlin' }, 'timer.timeZone: "Europe/Berlin" means nothing to every; remove it'],
    [{ every: '1h', missed: 'some' }, 'timer.missed: "some" is not one of none, latest, all'],
    [{ every: '1h', startingDeadlineSeconds: 1 }, 'timer.startingDeadlineSeconds: 1 must be >= 10'],
    [
      { every: '1h', missed: 'none', startingDeadlineSeconds: 60 },
      'timer.startingDeadlineSeconds: means nothing to missed: none; remove it, or use missed: latest',
    ],
    [{ every: '1h', jitterSeconds: -1 }, 'timer.jitterSeconds: -1 must be >= 0'],
    [{ cron: '0 3 * * *' }, 'timer.cron: is not a known field'],
    [{ every: '1h', timezone: 'UTC' }, 'timer.timezone: is not a known field; did you mean "timeZone"?'],
  ])('%j', (config, expected) => {
    expect(wrongWith(config)).toEqual([expect.stringContaining(expected)]);
  });

  it('all at once', () => {
    expect(wrongWith({ schedule: '* *', timeZone: 'x', missed: 'none', startingDeadlineSeconds: 60 })).toHaveLength(3);
  });
});
