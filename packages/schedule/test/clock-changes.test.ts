import { describe, expect, it } from 'vitest';
import { cronSchedule, instantText } from '../src/index.js';

/** The instants between two, as `MM-DDTHH:MMZ`. */
function firesIn(expression: string, timeZone: string, [from, until]: readonly [string, string]): string[] {
  const schedule = cronSchedule(expression, { timeZone });
  const untilMs = Date.parse(until);
  const found: string[] = [];
  for (let at = schedule.next(Date.parse(from) - 1); at < untilMs; at = schedule.next(at)) {
    found.push(
      instantText(at)
        .replace(/^\d{4}-/, '')
        .replace(/:00Z$/, 'Z'),
    );
  }
  return found;
}

type Row = readonly [meaning: string, expression: string, instants: string[]];

describe('New York, 8 March 2026: 02:00 EST becomes 03:00 EDT (07:00Z)', () => {
  const day = ['2026-03-08T05:00:00Z', '2026-03-08T10:00:00Z'] as const;
  it.each<Row>([
    ['a time that is left out comes by the offset before', '30 2 * * *', ['03-08T07:30Z']],
    ['its beginning too', '0 2 * * *', ['03-08T07:00Z']],
    ['left out and regular at one instant are one', '30 2,3 * * *', ['03-08T07:30Z']],
    ['in order', '0,20,40 2 * * *', ['03-08T07:00Z', '03-08T07:20Z', '03-08T07:40Z']],
    ['the last second before', '59 59 1 * * *', ['03-08T06:59:59Z']],
    ['before and after stay', '30 1,3 * * *', ['03-08T06:30Z', '03-08T07:30Z']],
    [
      'by the hour: what passes counts',
      '0 * * * *',
      ['05:00', '06:00', '07:00', '08:00', '09:00'].map((t) => `03-08T${t}Z`),
    ],
    ['by the hour at half past', '30 * * * *', ['05:30', '06:30', '07:30', '08:30', '09:30'].map((t) => `03-08T${t}Z`)],
    ['every second hour shows no 02:00', '0 */2 * * *', ['03-08T05:00Z', '03-08T08:00Z']],
  ])('%s: %s', (_, expression, instants) => {
    expect(firesIn(expression, 'America/New_York', day)).toEqual(instants);
  });
});

describe('New York, 1 November 2026: 02:00 EDT becomes 01:00 EST (06:00Z)', () => {
  const day = ['2026-11-01T04:00:00Z', '2026-11-01T09:00:00Z'] as const;
  it.each<Row>([
    ['a repeated time comes once, the first time', '30 1 * * *', ['11-01T05:30Z']],
    ['its beginning too', '0 1 * * *', ['11-01T05:00Z']],
    ['its last second', '59 59 1 * * *', ['11-01T05:59:59Z']],
    ['the hour after is there', '0 2 * * *', ['11-01T07:00Z']],
    [
      'by the hour: what passes counts',
      '30 * * * *',
      ['04:30', '05:30', '06:30', '07:30', '08:30'].map((t) => `11-01T${t}Z`),
    ],
    [
      'all hours, written out',
      '30 0-23 * * *',
      ['04:30', '05:30', '06:30', '07:30', '08:30'].map((t) => `11-01T${t}Z`),
    ],
    ['some hours', '30 0-2 * * *', ['11-01T04:30Z', '11-01T05:30Z', '11-01T07:30Z']],
  ])('%s: %s', (_, expression, instants) => {
    expect(firesIn(expression, 'America/New_York', day)).toEqual(instants);
  });
});

describe('Berlin, 29 March 2026: 02:00 CET becomes 03:00 CEST (01:00Z)', () => {
  const day = ['2026-03-28T23:00:00Z', '2026-03-29T04:00:00Z'] as const;
  it.each<Row>([
    ['left out', '15 2 * * *', ['03-29T01:15Z']],
    ['on a Sunday', '0 30 2 * * SUN', ['03-29T01:30Z']],
    [
      'by the hour',
      '*/30 * * * *',
      ['23:00', '23:30', '00:00', '00:30', '01:00', '01:30', '02:00', '02:30', '03:00', '03:30'].map(
        (t, i) => `03-${i < 2 ? 28 : 29}T${t}Z`,
      ),
    ],
  ])('%s: %s', (_, expression, instants) => {
    expect(firesIn(expression, 'Europe/Berlin', day)).toEqual(instants);
  });
});

describe('Berlin, 25 October 2026: 03:00 CEST becomes 02:00 CET (01:00Z)', () => {
  const day = ['2026-10-24T22:00:00Z', '2026-10-25T03:00:00Z'] as const;
  it.each<Row>([
    ['once', '30 2 * * *', ['10-25T00:30Z']],
    ['the last Sunday of the month', '30 2 * * 0L', ['10-25T00:30Z']],
    ['every second hour shows 02:00 twice', '0 */2 * * *', ['10-24T22:00Z', '10-25T00:00Z', '10-25T01:00Z']],
    ['three', '0 3 * * *', ['10-25T02:00Z']],
  ])('%s: %s', (_, expression, instants) => {
    expect(firesIn(expression, 'Europe/Berlin', day)).toEqual(instants);
  });
});

describe('Lord Howe, where clocks move by 30 minutes', () => {
  // 4 April 2026, 15:00Z: 02:00 (+11) becomes 01:30 (+10:30).
  it.each<Row>([
    ['the repeated half hour comes once', '45 1 * * *', ['04-04T14:45Z']],
    ['the half hour before is not repeated', '15 1 * * *', ['04-04T14:15Z']],
    ['by the hour', '45 * * * *', ['04-04T13:45Z', '04-04T14:45Z', '04-04T15:15Z', '04-04T16:15Z']],
    ['two', '0 2 * * *', ['04-04T15:30Z']],
  ])('set back, %s: %s', (_, expression, instants) => {
    expect(firesIn(expression, 'Australia/Lord_Howe', ['2026-04-04T13:30:00Z', '2026-04-04T16:30:00Z'])).toEqual(
      instants,
    );
  });
  // 3 October 2026, 15:30Z: 02:00 (+10:30) becomes 02:30 (+11).
  it.each<Row>([
    ['left out', '10 2 * * *', ['10-03T15:40Z']],
    ['in order of the instants, not of the clock', '20,40 2 * * *', ['10-03T15:40Z', '10-03T15:50Z']],
    ['by the hour: no 02:00', '0 * * * *', ['10-03T14:30Z', '10-03T16:00Z']],
    ['half past', '30 2 * * *', ['10-03T15:30Z']],
  ])('set forward, %s: %s', (_, expression, instants) => {
    expect(firesIn(expression, 'Australia/Lord_Howe', ['2026-10-03T14:30:00Z', '2026-10-03T16:30:00Z'])).toEqual(
      instants,
    );
  });
});

describe('Kathmandu, +05:45 all year', () => {
  it.each<Row>([
    ['by day', '30 2 * * *', ['03-28T20:45Z', '03-29T20:45Z']],
    ['by the hour', '0 0,1 * * *', ['03-28T18:15Z', '03-28T19:15Z', '03-29T18:15Z', '03-29T19:15Z']],
  ])('%s: %s', (_, expression, instants) => {
    expect(firesIn(expression, 'Asia/Kathmandu', ['2026-03-28T18:00:00Z', '2026-03-30T18:00:00Z'])).toEqual(instants);
  });

  it('came from +05:30 at the beginning of 1986', () => {
    // 31 December 1985, 18:30Z: 00:00 (+05:30) became 00:15.
    const days = ['1985-12-30T18:00:00Z', '1986-01-01T19:00:00Z'] as const;
    expect(firesIn('5 0 * * *', 'Asia/Kathmandu', days)).toEqual(['12-30T18:35Z', '12-31T18:35Z', '01-01T18:20Z']);
  });
});

describe('clocks elsewhere', () => {
  it('Cairo: midnight is left out, the day is not', () => {
    expect(firesIn('0 0 * * *', 'Africa/Cairo', ['2026-04-23T20:00:00Z', '2026-04-25T00:00:00Z'])).toEqual([
      '04-23T22:00Z',
      '04-24T21:00Z',
    ]);
  });

  it('Apia: 30 December 2011 did not exist, and what was due then is one with the day after', () => {
    expect(firesIn('0 3 * * *', 'Pacific/Apia', ['2011-12-28T00:00:00Z', '2012-01-01T00:00:00Z'])).toEqual([
      '12-28T13:00Z',
      '12-29T13:00Z',
      '12-30T13:00Z',
      '12-31T13:00Z',
    ]);
  });
});
