import { percentile, type Verdict } from './judge.js';
import type { Sample } from './sampler.js';

export interface SoakReport {
  readonly ok: boolean;
  readonly seed: number;
  readonly minutes: number;
  readonly cluster: string;
  readonly changes: number;
  readonly deeds: number;
  /** Changes that were replaced by a later one before their delivery. */
  readonly superseded: number;
  readonly missing: number;
  readonly duplicated: number;
  /** Calls that came again with the id of the one before: allowed. */
  readonly repeated: number;
  readonly outOfOrder: number;
  readonly unexplained: number;
  /** From a write to when the target had exactly that state. Milliseconds; absent when nothing arrived. */
  readonly latencyMs: { readonly p50?: number; readonly p90?: number; readonly p99?: number; readonly max?: number };
  readonly disturbances: Readonly<Record<string, number>>;
  readonly rssMb: Extent;
  readonly sockets: Extent;
  readonly requestsPerMinute: Extent;
  /** The end of the log of each operator that ended without being killed. */
  readonly crashes: readonly string[];
  /** By rule, where something was wrong. */
  readonly faults: Readonly<Record<string, Verdict>>;
  readonly samples: readonly Sample[];
}

export interface Extent {
  readonly min: number;
  readonly max: number;
  readonly last: number;
}

export interface ReportFacts extends Pick<
  SoakReport,
  'seed' | 'minutes' | 'cluster' | 'crashes' | 'samples' | 'repeated'
> {
  readonly verdicts: ReadonlyMap<string, Verdict>;
}

/** Puts the verdicts on all rules together. It is ok when nothing is missing, duplicated, out of order or unexplained, and nothing crashed. */
export function reportOf({ verdicts, samples, ...facts }: ReportFacts): SoakReport {
  const all = [...verdicts.values()];
  const sum = (of: (verdict: Verdict) => number) => all.reduce((total, verdict) => total + of(verdict), 0);
  const wrong = (verdict: Verdict) =>
    verdict.missing.length + verdict.duplicates.length + verdict.outOfOrder.length + verdict.unexplained.length;
  const latencies = all.flatMap(({ latenciesMs }) => latenciesMs);
  const [changes, deeds, duplicated] = [sum((v) => v.changes), sum((v) => v.rolls), sum((v) => v.duplicates.length)];
  const disturbances: Record<string, number> = {};
  for (const what of samples.flatMap((sample) => sample.disturbances))
    disturbances[what] = (disturbances[what] ?? 0) + 1;
  return {
    ok: sum(wrong) === 0 && facts.crashes.length === 0,
    ...facts,
    changes,
    deeds,
    superseded: changes - sum((v) => v.latenciesMs.length),
    missing: sum((v) => v.missing.length),
    duplicated,
    outOfOrder: sum((v) => v.outOfOrder.length),
    unexplained: sum((v) => v.unexplained.length),
    latencyMs: percentilesOf(latencies),
    disturbances,
    rssMb: extentOf(samples.map(({ rssMb }) => rssMb)),
    sockets: extentOf(samples.map(({ sockets }) => sockets)),
    requestsPerMinute: extentOf(samples.map(({ requestsPerMinute }) => requestsPerMinute)),
    faults: Object.fromEntries([...verdicts].filter(([, verdict]) => wrong(verdict) > 0)),
    samples,
  };
}

function percentilesOf(values: readonly number[]): SoakReport['latencyMs'] {
  const [p50, p90, p99, max] = [50, 90, 99, 100].map((percent) => percentile(values, percent));
  if (p50 === undefined || p90 === undefined || p99 === undefined || max === undefined) return {};
  return { p50: Math.round(p50), p90: Math.round(p90), p99: Math.round(p99), max: Math.round(max) };
}

function extentOf(values: readonly number[]): Extent {
  return { min: Math.min(...values), max: Math.max(...values), last: values.at(-1) ?? 0 };
}

const COLUMNS = ['time', 'changes', 'deeds', 'behind', 'RSS MB', 'sockets', 'req/min'] as const;
const WIDTH = 9;

export const TABLE_HEAD = `${COLUMNS.map((name) => name.padStart(WIDTH)).join('')}  since the line before`;

/** One line of the table over time. */
export function tableLine(sample: Sample): string {
  const { atS, changes, deeds, behind, rssMb, sockets, requestsPerMinute, disturbances } = sample;
  const time = `${Math.floor(atS / 60)}:${String(atS % 60).padStart(2, '0')}`;
  const cells = [time, changes, deeds, behind, rssMb, sockets, requestsPerMinute];
  return `${cells.map((cell) => String(cell).padStart(WIDTH)).join('')}  ${disturbances.join(' ')}`;
}

/** The summary for people. */
export function summary(report: SoakReport): string {
  const {
    latencyMs: { p50 = '-', p90 = '-', p99 = '-', max = '-' },
  } = report;
  const disturbances = Object.entries(report.disturbances).map(([what, times]) => `${what} ${times}`);
  const lines = [
    '',
    `${report.ok ? 'ok' : 'FAILED'}: ${report.minutes} min on the ${report.cluster} API server, seed ${report.seed}`,
    `  changes       ${report.changes}, of which superseded before delivery ${report.superseded}; rolls and calls ${report.deeds}`,
    `  missing       ${report.missing}`,
    `  duplicated    ${report.duplicated}; calls repeated with the same id ${report.repeated}`,
    `  out of order  ${report.outOfOrder}; unexplained ${report.unexplained}`,
    `  latency ms    p50 ${p50}, p90 ${p90}, p99 ${p99}, max ${max}`,
    `  RSS MB        ${extentText(report.rssMb)}; sockets ${extentText(report.sockets)}`,
    `  requests/min  ${extentText(report.requestsPerMinute)}`,
    `  disturbances  ${disturbances.join(', ') || 'none'}; operators that ended by themselves ${report.crashes.length}`,
  ];
  for (const [rule, verdict] of Object.entries(report.faults)) {
    const { missing, duplicates, outOfOrder, unexplained } = verdict;
    lines.push(`  ${rule}: ${JSON.stringify({ missing, duplicates, outOfOrder, unexplained })}`);
  }
  return [...lines, ...report.crashes, ''].join('\n');
}

function extentText({ min, max, last }: Extent): string {
  return `${min} to ${max}, last ${last}`;
}
