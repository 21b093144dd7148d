import { constants, PerformanceObserver } from 'node:perf_hooks';
import { createRuntime } from '@kube-trigger/core';
import { cel } from '@kube-trigger/filters';
import { pause } from '../pause.js';
import { sha256Us } from '../suite/machine.js';
import { countAcknowledged, flood, nothing } from '../suite/plugins.js';
import type { Scenario } from '../suite/scenario.js';

const FULL = { warmUp: 50_000, events: 1_000_000 };
const QUICK = { warmUp: 20_000, events: 200_000 };

/** The pipeline alone: every occurrence is filtered by CEL, recorded as begun, acted on, settled and acknowledged, one after the other per key. */
export const b7: Scenario = {
  id: 'B7',
  title: 'pipeline in process: source → cel → no-op action, each occurrence begun, settled and acknowledged',
  notAgainst: 'it is about kube-trigger’s own pipeline',
  async run(stage) {
    const { warmUp, events } = stage.quick ? QUICK : FULL;
    await push(warmUp);
    using collections = new FullCollections();
    const { cpuMs, wallMs } = await push(events);
    const collected = await collections.count();
    return [
      {
        name: 'events per second of CPU',
        value: events / (cpuMs / 1000),
        unit: 'events/s',
        target: { atLeast: 100_000 },
      },
      { name: 'events per second', value: events / (wallMs / 1000), unit: 'events/s' },
      { name: 'CPU per event', value: (cpuMs * 1000) / events, unit: 'µs' },
      { name: 'CPU per event over that of a SHA-256', value: (cpuMs * 1000) / events / sha256Us(), unit: '×' },
      { name: 'full garbage collections per million events', value: (collected * 1e6) / events, unit: 'collections' },
    ];
  },
};

/** What outlives its event without need fills the old generation until a full collection. */
class FullCollections implements Disposable {
  #count = 0;
  readonly #observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) this.#note(entry);
  });

  constructor() {
    this.#observer.observe({ entryTypes: ['gc'] });
  }

  /** Since it was made. */
  async count(): Promise<number> {
    await pause(1); // collections are told of in a later turn
    return this.#count;
  }

  #note(entry: object): void {
    const { detail } = entry as { readonly detail: { readonly kind: number } };
    if (detail.kind === constants.NODE_PERFORMANCE_GC_MAJOR) this.#count += 1;
  }

  [Symbol.dispose](): void {
    this.#observer.disconnect();
  }
}

/** Sends so many through a runtime of its own. CPU is this process's, garbage collection on other threads included. */
async function push(count: number): Promise<{ readonly cpuMs: number; readonly wallMs: number }> {
  const acknowledged = countAcknowledged();
  const expression = "event.change == 'occurred' && event.data.n >= 0 && event.key.startsWith('item-')";
  await using runtime = createRuntime({
    plugins: [flood, cel, nothing],
    rules: {
      flood: { sources: [{ flood: { count } }], filters: [{ cel: { expression } }], actions: [{ nothing: {} }] },
    },
  });
  const cpu = process.cpuUsage();
  const startedAtMs = performance.now();
  await runtime.start();
  while (acknowledged.total < count) await pause(1);
  const { user, system } = process.cpuUsage(cpu);
  const wallMs = performance.now() - startedAtMs;
  if (acknowledged.outcomes.get('done') !== count) {
    throw new Error(`not every occurrence was done: ${JSON.stringify([...acknowledged.outcomes])}`);
  }
  return { cpuMs: (user + system) / 1000, wallMs };
}
