import { type Machine, sha256Us, thisMachine } from './machine.js';
import type { Figure, Scenario } from './scenario.js';
import { Stage, type StageOptions } from './stage.js';

export interface ScenarioResult {
  readonly id: string;
  readonly title: string;
  readonly tookS: number;
  /** How fast the machine was just before: microseconds for one SHA-256. */
  readonly sha256Us?: number;
  readonly figures: readonly Figure[];
  /** Why there are no figures. */
  readonly skipped?: string;
}

export interface BenchReport {
  readonly at: string;
  readonly machine: Machine;
  readonly cluster: string;
  readonly quick: boolean;
  readonly against?: string;
  readonly scenarios: readonly ScenarioResult[];
}

/** Runs the scenarios one after the other. Rejects with the first that could not be measured. */
export async function runScenarios(
  scenarios: readonly Scenario[],
  options: StageOptions & { readonly onResult?: (result: ScenarioResult) => void },
): Promise<BenchReport> {
  const results: ScenarioResult[] = [];
  for (const scenario of scenarios) {
    const result = await runOne(scenario, options);
    results.push(result);
    options.onResult?.(result);
  }
  const { cluster, quick, against } = options;
  return {
    at: new Date().toISOString(),
    machine: thisMachine(),
    cluster,
    quick,
    ...(against === undefined ? {} : { against }),
    scenarios: results,
  };
}

async function runOne(scenario: Scenario, options: StageOptions): Promise<ScenarioResult> {
  const { id, title } = scenario;
  const skipped = options.against === undefined ? undefined : scenario.notAgainst;
  if (skipped !== undefined) return { id, title, tookS: 0, figures: [], skipped };
  const speed = { sha256Us: sha256Us() };
  const startedAt = performance.now();
  await using stage = new Stage(options);
  try {
    const figures = await scenario.run(stage);
    return { id, title, tookS: Math.round((performance.now() - startedAt) / 1000), ...speed, figures };
  } catch (cause) {
    throw new Error(`${id} could not be measured: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
    });
  }
}
