import { kubeconfigFor, startEmbedded, startFaultProxy, startReal, type TestCluster } from '@kube-trigger/testing';
import { Churn } from './churn.js';
import { disturbUntil, type FaultName } from './disturbances.js';
import { Fleet } from './fleet.js';
import { judge, type Verdict } from './judge.js';
import { pause } from './pause.js';
import { type Probe, type ProbeSet, rolloutProbes, together, webhookProbes } from './probes.js';
import { Random } from './random.js';
import { type SoakReport, reportOf } from './report.js';
import { definitionTexts } from './rig.js';
import { type Sample, Sampler } from './sampler.js';
import { TcpLink } from './tcp-link.js';
import { Writer } from './writer.js';

export interface SoakOptions {
  readonly minutes: number;
  readonly cluster: 'embedded' | 'real';
  /** That roll a Deployment. */
  readonly rules: number;
  /** Further ones that call a URL. */
  readonly webhooks: number;
  readonly replicas: number;
  /** Mean time between two changes, over all rules. */
  readonly writeEveryMs: number;
  /** These in seconds; 0: never. */
  readonly killEvery: number;
  readonly restartApiserverEvery: number;
  readonly faultEvery: number;
  readonly faults: readonly FaultName[];
  /** ConfigMaps that come and go, so many a minute and none twice, under a rule of their own; 0: none. */
  readonly churn: number;
  readonly sampleEvery: number;
  readonly seed: number;
  /** Told of each sample as it is taken. */
  readonly onSample?: (sample: Sample) => void;
}

/** A rule's breaker stops it at 100 actions on one target within a minute; a prober must stay well below. */
const MAX_WRITES_PER_RULE_AND_MINUTE = 60;
/** How long the last changes may take once nothing disturbs any more: a lease, the longest backoff, a deaf connection. */
const QUIET_WITHIN_MS = 90_000;
/** How long is watched for a late duplicate after everything has arrived. */
const AFTERMATH_MS = 5000;

/** Throws for options that would test something else than they say. */
export function checkOptions({ rules, webhooks, writeEveryMs, minutes }: SoakOptions): void {
  if (!(minutes > 0)) throw new RangeError('--minutes must be more than 0');
  const perRule = 60_000 / writeEveryMs / (rules + webhooks);
  if (perRule <= MAX_WRITES_PER_RULE_AND_MINUTE) return;
  throw new RangeError(
    `${Math.round(perRule)} changes a minute and rule would trip the rules' breakers: more --rules or a longer --write-every`,
  );
}

/** Runs the prober to its end and says what it found. Rejects when it could not run. */
export async function soak(options: SoakOptions): Promise<SoakReport> {
  checkOptions(options);
  const start = options.cluster === 'embedded' ? startEmbedded : startReal;
  await using cluster = await start({ own: true, controllers: false, crds: definitionTexts() });
  await using proxy = await startFaultProxy({ target: cluster.url, ca: cluster.ca });
  await using link = await TcpLink.to(proxy.url);
  const namespace = await cluster.createNamespace('soak');
  const access = { url: link.url, token: cluster.token };
  const kubeconfig = await cluster.writeKubeconfig(undefined, kubeconfigFor(access));
  await using rollouts = await rolloutProbes(cluster, namespace, options.rules);
  const { webhooks: count } = options;
  await using webhooks = count === 0 ? together([]) : await webhookProbes(cluster, namespace, count);
  const set = together([rollouts, webhooks]);
  await using fleet = new Fleet({ kubeconfig, namespace, replicas: options.replicas });
  await fleet.start();
  await set.ready();
  await using meanwhile = new AsyncDisposableStack();
  if (options.churn > 0) meanwhile.use(await Churn.start(cluster, namespace, options.churn));
  // Awaited here: what it uses ends with this scope.
  return await new Run({ options, cluster, proxy, link, fleet, set }).toItsEnd();
}

interface RunParts {
  readonly options: SoakOptions;
  readonly cluster: TestCluster;
  readonly proxy: Awaited<ReturnType<typeof startFaultProxy>>;
  readonly link: TcpLink;
  readonly fleet: Fleet;
  readonly set: ProbeSet;
}

class Run {
  readonly #random: Random;
  readonly #writer: Writer;
  readonly #sampler = new Sampler();

  constructor(private readonly parts: RunParts) {
    const { options, set } = parts;
    this.#random = new Random(options.seed);
    this.#writer = new Writer(set.probes, { everyMs: options.writeEveryMs, random: this.#random });
  }

  async toItsEnd(): Promise<SoakReport> {
    const over = new AbortController();
    const calm = new AbortController();
    const end = setTimeout(() => {
      this.#writer.stop();
      calm.abort();
    }, this.parts.options.minutes * 60_000);
    const sampling = this.#sampleUntil(over.signal);
    try {
      await Promise.all([this.#writer.run(), this.#disturbUntil(calm.signal)]);
      await this.#quiet();
    } finally {
      clearTimeout(end);
      this.#writer.stop();
      calm.abort();
      over.abort();
      await sampling;
    }
    return this.#report();
  }

  #disturbUntil(signal: AbortSignal): Promise<void> {
    const { options, cluster, fleet, link, proxy } = this.parts;
    return disturbUntil(signal, {
      cluster,
      fleet,
      between: { link, proxy },
      killEveryMs: options.killEvery * 1000,
      restartApiserverEveryMs: options.restartApiserverEvery * 1000,
      faultEveryMs: options.faultEvery * 1000,
      faults: options.faults,
      onDisturbance: (what) => this.#sampler.note(what),
    });
  }

  async #sampleUntil(signal: AbortSignal): Promise<void> {
    const { options, fleet } = this.parts;
    for (let due = performance.now(); !signal.aborted;) {
      due += options.sampleEvery * 1000;
      while (performance.now() < due && !signal.aborted) await pause(100);
      this.#sample();
      await fleet.revive();
    }
  }

  #sample(): void {
    const { options, fleet, proxy, set } = this.parts;
    const sample = this.#sampler.take({
      changes: this.#writer.count,
      deeds: set.probes.reduce((sum, probe) => sum + probe.deeds().length, 0),
      behind: set.probes.filter((probe) => this.#isBehind(probe)).length,
      usage: fleet.usage(),
      requests: proxy.requestCount(),
    });
    options.onSample?.(sample);
  }

  /** Waits until every last change has arrived, or has had time enough; and for what should not come after it. */
  async #quiet(): Promise<void> {
    const deadline = performance.now() + QUIET_WITHIN_MS;
    while (performance.now() < deadline && this.parts.set.probes.some((probe) => this.#isBehind(probe)))
      await pause(50);
    await pause(AFTERMATH_MS);
  }

  #isBehind(probe: Probe): boolean {
    const state = this.#writer.state(probe.name);
    return (probe.deeds().at(-1)?.state ?? 0) !== state;
  }

  #report(): SoakReport {
    const { options, fleet, set } = this.parts;
    const repeated = set.probes.reduce((sum, probe) => sum + probe.repeats(), 0);
    const verdicts = new Map<string, Verdict>();
    for (const probe of set.probes) {
      const evidence = { initial: 0, writes: this.#writer.writes(probe.name), rolls: probe.deeds() };
      verdicts.set(probe.name, judge(evidence));
    }
    const { seed, minutes, cluster } = options;
    const { samples } = this.#sampler;
    return reportOf({ seed, minutes, cluster, crashes: fleet.crashes, samples, repeated, verdicts });
  }
}
