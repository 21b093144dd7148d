import { describe, expect, it } from 'vitest';
import { cronIssue, cronSchedule, readDuration, ScheduleSyntaxError, timeZoneIssue } from '../src/index.js';

describe('bad cron expressions name the value and the fix', () => {
  it.each([
    ['', 'is empty; write five fields, e.g. "30 3 * * 1-5"'],
    ['   ', 'is empty'],
    ['* *', '"* *" has 2 fields; write 5 (minute hour day-of-month month day-of-week) or 6 (second first)'],
    ['*', '"*" has 1 field;'],
    ['0 0 0 1 1 * 2026', 'has 7 fields'],
    [
      '*/70 * * * *',
      '"*/70" in the field minute: a step of 70 never gets past 0 in 0-59; write 0, or a step of at most 59',
    ],
    ['0 */24 * * *', '"*/24" in the field hour: a step of 24 never gets past 0 in 0-23'],
    ['10-20/15 * * * *', 'never gets past 10 in 10-20; write 10, or a step of at most 10'],
    ['59/2 * * * *', 'never gets past 59 in 59-59; write 59'],
    ['*/0 * * * *', 'the step must be a whole number from 1'],
    ['*/-5 * * * *', 'the step must be a whole number from 1'],
    ['*/5/2 * * * *', 'it has two steps'],
    ['60 * * * *', '"60" in the field minute: write 0 to 59'],
    ['-1 * * * *', '"-1" in the field minute: write 0 to 59'],
    ['0 24 * * *', '"24" in the field hour: write 0 to 23'],
    ['0 0 0 * *', '"0" in the field day of month: write 1 to 31'],
    ['0 0 32 * *', '"32" in the field day of month'],
    ['0 0 * 13 *', '"13" in the field month: write 1 to 12 or jan to dec'],
    ['0 0 * fev *', '"fev" in the field month: write 1 to 12 or jan to dec'],
    ['0 0 * * 8', '"8" in the field day of week: write 0 to 7 or sun to sat'],
    ['0 22-2 * * *', '"22-2" in the field hour: it runs backwards; write 22-23,0-2'],
    ['0 0 * * FRI-MON', '"FRI-MON" in the field day of week: it runs backwards; write FRI-6,0-MON'],
    ['1-2-3 * * * *', 'it is no range'],
    ['1, * * * *', 'nothing stands there; remove the comma'],
    ['1.5 * * * *', '"1.5" in the field minute'],
    ['? * * * *', '"?" in the field minute'],
    ['0 0 L-3 * *', '"L-3" in the field day of month'],
    ['0 0 * * L', '"L" in the field day of week'],
    ['0 0 * * 1#6', '"1#6" in the field day of week: a month has that weekday 4 or 5 times'],
    ['0 0 * * 1#1,3#1', 'the n-th weekday stands alone'],
    ['H(5-1) * * * *', 'it runs backwards; write H(1-5)'],
    ['H(0-70) * * * *', '"H(0-70)" in the field minute: write 0 to 59'],
    ['HH * * * *', 'write H, H(0-59) or H/n'],
    ['H/60 * * * *', 'a step of 60 never gets past 0'],
    ['0 0 30 2 *', '"0 0 30 2 *" names a day that never comes; correct the day or the month'],
    ['0 0 31 2,4,6,9,11 *', 'names a day that never comes'],
    [
      '@never',
      '"@never" is no macro; write @yearly, @annually, @monthly, @weekly, @daily, @midnight, @hourly, or five fields',
    ],
    ['@every 5m', 'use every: instead'],
    ['TZ=Europe/Berlin 0 3 * * *', 'names a zone; write it into timeZone instead'],
    [`0 0 ${'1,'.repeat(200)}1 * *`, 'is longer than 256 characters'],
    ['__proto__ * * * *', '"__proto__" in the field minute'],
    ['@constructor', 'is no macro'],
  ])('%j', (expression, expected) => {
    expect(cronIssue(expression)).toContain(expected);
    expect(() => cronSchedule(expression)).toThrow(ScheduleSyntaxError);
  });

  it('30 February may stand beside a weekday, which does come', () => {
    expect(cronIssue('0 0 30 2 1')).toBeUndefined();
  });
});

describe('an expression with H', () => {
  it('is refused when its day comes for some rules only', () => {
    expect(cronIssue('0 0 31 H *')).toContain('names a day that never comes');
    expect(cronIssue('0 0 30 H(3-12) *')).toBeUndefined();
  });
});

describe('time zones', () => {
  it.each(['UTC', 'Europe/Berlin', 'Asia/Kathmandu', 'America/Argentina/Buenos_Aires'])('%s is one', (name) => {
    expect(timeZoneIssue(name)).toBeUndefined();
  });

  it.each([
    ['Berlin', '"Berlin" is no time zone; did you mean "Europe/Berlin"?'],
    ['new york', 'did you mean "America/New_York"?'],
    ['Europe/Berln', '"Europe/Berln" is no time zone; write a name of the IANA database, e.g. Europe/Berlin'],
    ['', '"" is no time zone'],
    ['Local', '"Local" is no time zone'],
  ])('%j is none', (name, expected) => {
    expect(timeZoneIssue(name)).toContain(expected);
  });

  it('are checked by schedules too', () => {
    expect(() => cronSchedule('0 0 * * *', { timeZone: 'Mars/Olympus' })).toThrow('"Mars/Olympus" is no time zone');
  });
});

describe('durations', () => {
  it.each([
    ['90s', 90_000],
    ['15m', 900_000],
    ['1h30m', 5_400_000],
    ['1h0m5s', 3_605_000],
    ['8784h', 366 * 86_400_000],
  ])('%s', (text, ms) => {
    expect(readDuration(text)).toEqual({ ms });
  });

  it.each([
    ['', 'write hours, minutes and seconds'],
    ['0s', '"0s" is no time at all; write at least 1s'],
    ['0h0m', 'is no time at all'],
    ['-5s', '"-5s" is no duration; it cannot be negative'],
    ['90', '"90" is no duration; write its unit: 90s, 90m or 90h'],
    ['7d', 'write hours (24h), or a schedule'],
    ['500ms', 'write whole seconds'],
    ['1.5h', 'write whole seconds'],
    ['30m1h', 'write hours, minutes and seconds'],
    ['8785h', 'is longer than 366 days'],
    [' 5s', 'write hours, minutes and seconds'],
  ])('%j is none', (text, expected) => {
    expect(readDuration(text).issue).toContain(expected);
  });
});
