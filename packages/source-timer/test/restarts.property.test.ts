import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cronSchedule, everySchedule, instantText, lastInstants, type Schedule } from '@kube-trigger/schedule';
import { VirtualClock } from '@kube-trigger/core/testing';
import { Outside, Process } from './support/process.js';

const TIMERS: readonly { readonly config: object; readonly schedule: Schedule; readonly unitMs: number }[] = [
  { config: { every: '90s' }, schedule: everySchedule(90_000), unitMs: 10_000 },
  { config: { schedule: '*/5 * * * *', jitterSeconds: 120 }, schedule: cronSchedule('*/5 * * * *'), unitMs: 30_000 },
  {
    config: { schedule: '30 1,2 * * *', timeZone: 'Europe/Berlin' },
    schedule: cronSchedule('30 1,2 * * *', { timeZone: 'Europe/Berlin' }),
    unitMs: 3_600_000,
  },
];

const step = fc.record({
  run: fc.integer({ min: 0, max: 40 }),
  down: fc.integer({ min: 0, max: 40 }),
  answers: fc.boolean(),
});

describe('any sequence of restarts, outages and unanswered occurrences', () => {
  it('all: yields each instant exactly once, in order', async () => {
    const timers = fc.constantFrom(...TIMERS);
    const starts = fc.constantFrom(Date.UTC(2026, 2, 27), Date.UTC(2026, 9, 23, 0, 0, 7));
    await fc.assert(
      fc.asyncProperty(
        timers,
        starts,
        fc.array(step, { minLength: 1, maxLength: 12 }),
        async ({ config, schedule, unitMs }, startMs, steps) => {
          const clock = new VirtualClock(startMs);
          const outside = new Outside();
          const all = { ...config, missed: 'all' };
          new Process(all, { scheduler: clock, outside }).kill();
          for (const { run, down, answers } of steps) {
            const process = new Process(all, { scheduler: clock, outside, answers });
            await clock.advance(run * unitMs);
            process.kill();
            await clock.advance(down * unitMs);
            // What a timer does not answer for too long is cut to the last hundred, so this one gets its answers now.
            new Process(all, { scheduler: clock, outside }).kill();
          }
          const last = new Process(all, { scheduler: clock, outside });
          await clock.advance(10 * unitMs + 600_000);
          const untilMs = clock.now();
          last.kill();
          const expected = lastInstants(schedule, { afterMs: startMs, untilMs: untilMs - 300_000 }, 10_000).map(
            instantText,
          );
          expect(outside.acted.filter((revision) => Date.parse(revision) <= untilMs - 300_000)).toEqual(expected);
          expect(new Set(outside.acted).size).toBe(outside.acted.length);
          expect(clock.pending).toBe(0);
        },
      ),
      { numRuns: 150 },
    );
  });

  it('latest: never yields one twice, and never more than passed', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...TIMERS),
        fc.array(step, { minLength: 1, maxLength: 12 }),
        async ({ config, schedule, unitMs }, steps) => {
          const startMs = Date.UTC(2026, 2, 27);
          const clock = new VirtualClock(startMs);
          const outside = new Outside();
          for (const { run, down, answers } of steps) {
            const process = new Process(config, { scheduler: clock, outside, answers });
            await clock.advance(run * unitMs);
            process.kill();
            await clock.advance(down * unitMs);
          }
          new Process(config, { scheduler: clock, outside }).kill();
          const passed = new Set(
            lastInstants(schedule, { afterMs: startMs, untilMs: clock.now() }, 10_000).map(instantText),
          );
          expect(outside.acted).toEqual([...new Set(outside.acted)].toSorted());
          expect(outside.acted.filter((revision) => !passed.has(revision))).toEqual([]);
        },
      ),
      { numRuns: 100 },
    );
  });
});
