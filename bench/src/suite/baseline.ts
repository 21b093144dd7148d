import { readFileSync } from 'node:fs';
import type { BenchReport } from './run.js';
import { isReached, type Target } from './scenario.js';

/** What a figure was when it was last looked at, and what a run on any machine must not be worse than. */
export type Bound = Target & { readonly measured: number };

/** By scenario and figure. */
export type Baseline = Readonly<Record<string, Readonly<Record<string, Bound>>>>;

export function readBaseline(): Baseline {
  return JSON.parse(readFileSync(new URL('../../baseline.json', import.meta.url), 'utf8')) as Baseline;
}

/**
 * What is worse than the baseline allows, a line each. Of every scenario that was run each figure of the baseline must be there: a check that
 * lost its figure would never fail again.
 */
export function regressions({ scenarios }: BenchReport, baseline: Baseline): string[] {
  return scenarios.flatMap(({ id, figures }) =>
    Object.entries(baseline[id] ?? {}).flatMap(([name, bound]) => {
      const figure = figures.find((each) => each.name === name);
      if (figure === undefined) return [`${id}: the figure "${name}" of the baseline was not measured`];
      if (isReached({ value: figure.value, target: bound })) return [];
      const allowed = 'atMost' in bound ? `at most ${bound.atMost}` : `at least ${bound.atLeast}`;
      return [`${id}: ${name} is ${figure.value} ${figure.unit}, allowed is ${allowed} (was ${bound.measured})`];
    }),
  );
}
