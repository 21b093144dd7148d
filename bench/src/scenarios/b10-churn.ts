import { soak } from '../soak.js';
import type { Sample } from '../sampler.js';
import type { Scenario } from '../suite/scenario.js';

/** An hour of churn (200 ConfigMaps a minute, connections cut every 5 minutes) in ten minutes: all of it six times as fast. */
const FULL = { minutes: 10, churn: 1200, faultEvery: 50, sampleEvery: 5 };
const QUICK = { minutes: 1, churn: 1200, faultEvery: 20, sampleEvery: 2 };
const SPEED = 6;
/** This part of the run is warm-up. */
const WARM_UP = 0.3;
const RULES = 20;

/** The prober of the soak, while ConfigMaps come and go and every connection is cut again and again. */
export const b10: Scenario = {
  id: 'B10',
  title: 'an hour of churn in ten minutes: 12,000 ConfigMaps that come and go, connections cut',
  notAgainst: 'the prober asks kube-trigger for its own state',
  async run(stage) {
    const { minutes, churn, faultEvery, sampleEvery } = stage.quick ? QUICK : FULL;
    const report = await soak({
      minutes,
      churn,
      faultEvery,
      sampleEvery,
      cluster: stage.cluster,
      rules: RULES,
      webhooks: 0,
      replicas: 1,
      writeEveryMs: 300,
      killEvery: 0,
      restartApiserverEvery: 0,
      faults: ['fin'],
      seed: 10,
      onSample: ({ rssMb, sockets, changes }) => stage.progress(`${changes} changes, ${rssMb} MiB, ${sockets} sockets`),
    });
    const warm = report.samples.slice(Math.floor(report.samples.length * WARM_UP));
    const sockets = warm.map((sample) => sample.sockets);
    return [
      { name: 'missing', value: report.missing, unit: 'changes', target: { atMost: 0 } },
      { name: 'duplicated', value: report.duplicated, unit: 'changes', target: { atMost: 0 } },
      { name: 'operators that ended by themselves', value: report.crashes.length, unit: '×', target: { atMost: 0 } },
      { name: 'growth per hour of churn', value: growthPerHour(warm), unit: 'MiB', target: { atMost: 1 } },
      { name: 'resident at most', value: report.rssMb.max, unit: 'MiB' },
      { name: 'sockets, last quarter over first', value: lastOverFirst(sockets), unit: '×', target: { atMost: 1.1 } },
    ];
  },
};

/** By the medians of the first and the last quarter, which lie three quarters of the time apart. */
function growthPerHour(samples: readonly Sample[]): number {
  const [first, last] = quarters(samples);
  const mib = median(last.map(({ rssMb }) => rssMb)) - median(first.map(({ rssMb }) => rssMb));
  const seconds = (samples.at(-1)?.atS ?? 0) - (samples[0]?.atS ?? 0);
  return (mib * 3600) / (0.75 * seconds * SPEED);
}

function lastOverFirst(values: readonly number[]): number {
  const [first, last] = quarters(values);
  return median(last) / median(first);
}

function quarters<T>(items: readonly T[]): [first: readonly T[], last: readonly T[]] {
  const size = Math.ceil(items.length / 4);
  return [items.slice(0, size), items.slice(-size)];
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
