import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { b1 } from '../src/scenarios/b1-latency.js';
import { b2 } from '../src/scenarios/b2-requests.js';
import { b7 } from '../src/scenarios/b7-pipeline.js';
import { runScenarios } from '../src/suite/run.js';
import type { Figure } from '../src/suite/scenario.js';

const toy = fileURLToPath(new URL('./toy-controller.mjs', import.meta.url));

function valueOf(figures: readonly Figure[], name: string): number {
  const found = figures.find((figure) => figure.name === name);
  if (found === undefined) throw new Error(`no figure "${name}" in ${figures.map((figure) => figure.name).join('; ')}`);
  return found.value;
}

describe('the benchmarks', () => {
  const cluster = 'embedded';

  it('measure another controller with the same writer and recorder', async () => {
    const against = `exec '${process.execPath}' '${toy}'`;
    const { scenarios } = await runScenarios([b2, b7], { cluster, quick: true, against });
    const [requests, pipeline] = scenarios;
    const figures = requests?.figures ?? [];
    // The toy reads every Deployment for every change, and patches those that use the ConfigMap: it shows.
    expect(valueOf(figures, 'patches per change and matched workload')).toBe(1);
    expect(valueOf(figures, 'lists per change')).toBe(1);
    expect(valueOf(figures, 'requests per change that no rule is about')).toBe(1);
    expect(pipeline).toMatchObject({ figures: [], skipped: expect.stringContaining('pipeline') });
  }, 240_000);

  it('say what the controller printed when it ends while it is measured', async () => {
    const run = runScenarios([b1], { cluster, quick: true, against: 'sleep 2; echo no such flag >&2; exit 3' });
    await expect(run).rejects.toThrow(/B1 could not be measured: the controller ended:\s+no such flag/);
  }, 240_000);
});
