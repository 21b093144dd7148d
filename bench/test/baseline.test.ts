import { describe, expect, it } from 'vitest';
import { SCENARIOS } from '../src/scenarios/index.js';
import { type Baseline, readBaseline, regressions } from '../src/suite/baseline.js';
import type { BenchReport } from '../src/suite/run.js';
import type { Figure } from '../src/suite/scenario.js';

const BASELINE: Baseline = {
  B2: { patches: { measured: 1, atMost: 1.2 }, 'events/s': { measured: 90_000, atLeast: 20_000 } },
};

function reportOf(...figures: Figure[]): BenchReport {
  const machine = { cpu: 'some', cores: 2, memoryGiB: 8, kernel: '6', node: 'v24' };
  const scenarios = [{ id: 'B2', title: 'requests', tookS: 1, figures }];
  return { at: '2026-01-01T00:00:00Z', machine, cluster: 'embedded', quick: true, scenarios };
}

const patches = (value: number): Figure => ({ name: 'patches', value, unit: '×' });
const events = (value: number): Figure => ({ name: 'events/s', value, unit: 'events/s' });

describe('the check against the baseline', () => {
  it('lets figures within their bounds pass, on either side', () => {
    expect(regressions(reportOf(patches(1.2), events(20_000)), BASELINE)).toEqual([]);
  });

  it('names the scenario, the figure, its value and what is allowed', () => {
    expect(regressions(reportOf(patches(1.3), events(19_000)), BASELINE)).toEqual([
      'B2: patches is 1.3 ×, allowed is at most 1.2 (was 1)',
      'B2: events/s is 19000 events/s, allowed is at least 20000 (was 90000)',
    ]);
  });

  it('fails for a figure that was not measured', () => {
    expect(regressions(reportOf(patches(1)), BASELINE)).toEqual([
      'B2: the figure "events/s" of the baseline was not measured',
    ]);
  });

  it('fails for a value that is no number', () => {
    expect(regressions(reportOf(patches(Number.NaN), events(90_000)), BASELINE)).toHaveLength(1);
  });

  it('has a baseline of scenarios that exist and have a short form', () => {
    const short = SCENARIOS.filter(({ notQuick }) => notQuick === undefined).map(({ id }) => id);
    for (const id of Object.keys(readBaseline())) expect(short).toContain(id);
  });
});
