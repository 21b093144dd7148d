import type { RuleReport } from '@kube-trigger/core';
import type { ClientStats } from '@kube-trigger/kube';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';

/** Everything that `/metrics` shows. Labels name watches and codes, never rules or objects of users' making, except where one object is watched by name. */
export class Metrics {
  readonly #registry = new Registry();
  readonly #events = new Counter({
    name: 'kube_trigger_events_total',
    help: 'Events that ended, by how.',
    labelNames: ['outcome'] as const,
    registers: [this.#registry],
  });
  readonly #failures = new Counter({
    name: 'kube_trigger_action_failures_total',
    help: 'Failed attempts of actions, by error code.',
    labelNames: ['code'] as const,
    registers: [this.#registry],
  });
  readonly #faults = new Counter({
    name: 'kube_trigger_plugin_faults_total',
    help: 'Errors of plugins that are no failed actions, contained by the host.',
    registers: [this.#registry],
  });
  readonly #duration = new Histogram({
    name: 'kube_trigger_delivery_duration_seconds',
    help: 'From when the operator saw a change to when every action had answered.',
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300],
    registers: [this.#registry],
  });

  constructor(sample: {
    stats: () => ClientStats;
    rules: () => number;
    underWay: () => number;
    leading: () => boolean;
  }) {
    for (const outcome of ['done', 'unchanged', 'dropped', 'failed']) this.#events.inc({ outcome }, 0);
    this.#gauge('kube_trigger_rules', 'TriggerRules that this replica runs.', sample.rules);
    this.#gauge('kube_trigger_keys_under_way', 'Keys that wait for or are in delivery.', sample.underWay);
    this.#gauge('kube_trigger_leading', '1 while this replica may act.', () => (sample.leading() ? 1 : 0));
    this.#gauge('kube_trigger_api_requests', 'Requests to the API server since start.', () => sample.stats().requests);
    this.#gauge(
      'kube_trigger_api_open_sockets',
      'Open connections to the API server.',
      () => sample.stats().openSockets,
    );
    this.#gauge('process_resident_memory_bytes', 'Resident memory size in bytes.', () => process.memoryUsage.rss());
    const staleness = new Gauge({
      name: 'kube_trigger_watch_staleness_seconds',
      help: 'Per watch: since the API server last proved that nothing is missing.',
      labelNames: ['resource', 'namespace', 'name'] as const,
      registers: [],
      collect() {
        this.reset();
        for (const { resource, namespace = '', name = '', ageOfLastProofMs } of sample.stats().watches) {
          this.set({ resource: resource.plural, namespace, name }, ageOfLastProofMs / 1000);
        }
      },
    });
    this.#registry.registerMetric(staleness);
  }

  #gauge(name: string, help: string, sample: () => number): void {
    const gauge = new Gauge({
      name,
      help,
      registers: [],
      collect() {
        this.set(sample());
      },
    });
    this.#registry.registerMetric(gauge);
  }

  count(report: RuleReport): void {
    if (report.type === 'settled') {
      this.#events.inc({ outcome: report.outcome });
      this.#duration.observe(report.tookMs / 1000);
    }
    if (report.type === 'attemptFailed') this.#failures.inc({ code: report.error.code });
    if (report.type === 'fault') this.countFault();
  }

  countFault(): void {
    this.#faults.inc();
  }

  text(): Promise<string> {
    return this.#registry.metrics();
  }
}
