import type { Logger, PluginRegistry, RuleReport } from '@kube-trigger/core';
import { ERROR_CODES } from '@kube-trigger/core';
import { type ClientStats, KUBE_ERROR_CODES, type WatchStats } from '@kube-trigger/kube';
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Condition, Counters } from '../rules/trigger-rule.js';
import { PluginMeters } from './plugin-metrics.js';

/** What one rule shows. */
export interface RuleSample {
  readonly namespace: string;
  readonly rule: string;
  readonly counters: Counters;
  readonly conditions: readonly Pick<Condition, 'type' | 'status'>[];
}

export interface MetricsSample {
  readonly registry: PluginRegistry;
  readonly stats: () => ClientStats;
  readonly ruleCount: () => number;
  /** At most so many. */
  readonly rules: (limit: number) => readonly RuleSample[];
  readonly underWay: () => number;
  readonly leading: () => boolean;
}

/** More rules than this are counted, but have no series of their own. */
const MAX_RULES = 1000;
const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];
const OUTCOMES = ['done', 'unchanged', 'dropped', 'failed'] as const;
const ATTEMPTS = ['done', 'unchanged', 'waiting', 'failed'] as const;

/** Of the process, not of one operator in it. */
let shared: Registry | undefined;
function processMetrics(): Registry {
  if (shared !== undefined) return shared;
  shared = new Registry();
  collectDefaultMetrics({ register: shared });
  return shared;
}

/**
 * Everything that `/metrics` shows, with every series that is known beforehand there at 0. Labels name watches, codes, outcomes and, up to a
 * bound, rules; never keys of sources or targets.
 */
export class Metrics {
  readonly #registry = new Registry();
  readonly #events = this.#counter('kube_trigger_events_total', 'Events that ended, by how.', ['outcome']);
  readonly #failures = this.#counter(
    'kube_trigger_action_failures_total',
    'Failed attempts of actions, by error code.',
    ['code'],
  );
  readonly #faults = this.#counter(
    'kube_trigger_plugin_faults_total',
    'Errors of plugins that are no failed actions, contained by the host.',
    [],
  );
  readonly #duration = this.#histogram(
    'kube_trigger_delivery_duration_seconds',
    'From when the operator saw a change to when every action had answered.',
    [],
  );
  readonly #wait = this.#histogram(
    'kube_trigger_delivery_wait_seconds',
    'From when the operator saw a change to the first attempt of an action: filters, queue and checkpoint.',
    [],
  );
  readonly #attempts = this.#histogram(
    'kube_trigger_action_duration_seconds',
    'Attempts of actions, by how they ended.',
    ['outcome'],
  );

  constructor(sample: MetricsSample) {
    for (const outcome of OUTCOMES) this.#events.inc({ outcome }, 0);
    for (const outcome of ATTEMPTS) this.#attempts.zero({ outcome });
    for (const code of knownCodes(sample.registry)) this.#failures.inc({ code }, 0);
    this.#gauge('kube_trigger_rules', 'TriggerRules that this replica runs.', sample.ruleCount);
    this.#gauge('kube_trigger_keys_under_way', 'Keys that wait for or are in delivery.', sample.underWay);
    this.#gauge('kube_trigger_leading', '1 while this replica may act.', () => (sample.leading() ? 1 : 0));
    this.#gauge(
      'kube_trigger_api_open_sockets',
      'Open connections to the API server.',
      () => sample.stats().openSockets,
    );
    this.#sampledRequests(sample);
    this.#sampledWatches(sample);
    this.#sampledRules(sample);
  }

  count(report: RuleReport): void {
    if (report.type === 'settled') {
      this.#events.inc({ outcome: report.outcome });
      this.#duration.observe(report.tookMs / 1000);
    }
    if (report.type === 'attempted') {
      const { outcome, startedAtMs, endedAtMs, attempt, event } = report;
      this.#attempts.observe({ outcome }, Math.max(0, endedAtMs - startedAtMs) / 1000);
      if (attempt === 1) this.#wait.observe(Math.max(0, startedAtMs - event.waitingSinceMs) / 1000);
    }
    if (report.type === 'attemptFailed') this.#failures.inc({ code: report.error.code });
    if (report.type === 'fault') this.countFault();
  }

  countFault(): void {
    this.#faults.inc();
  }

  /** For what plugins measure. */
  meters(logger: Logger): PluginMeters {
    return new PluginMeters(this.#registry, logger);
  }

  async text(): Promise<string> {
    return `${await this.#registry.metrics()}\n${await processMetrics().metrics()}`;
  }

  #sampledRequests({ stats }: MetricsSample): void {
    const counter = this.#counter('kube_trigger_api_requests_total', 'Requests to the API server.', []);
    const failures = this.#counter(
      'kube_trigger_api_failures_total',
      'Failed requests to the API server, by error code.',
      ['code'],
    );
    Object.assign(counter, {
      collect() {
        counter.reset();
        counter.inc(stats().requests);
      },
    });
    Object.assign(failures, {
      collect() {
        failures.reset();
        for (const code of Object.keys(KUBE_ERROR_CODES)) failures.inc({ code }, 0);
        for (const [code, count] of Object.entries(stats().failures)) failures.inc({ code }, count);
      },
    });
  }

  #sampledWatches({ stats }: MetricsSample): void {
    const perWatch = (name: string, help: string, of: (watch: WatchStats) => number) => {
      const gauge = new Gauge({
        name,
        help,
        labelNames: ['resource', 'namespace', 'name', 'selector'],
        registers: [this.#registry],
        collect() {
          this.reset();
          for (const watch of stats().watches) this.set(labelsOf(watch), of(watch));
        },
      });
      gauge.reset();
    };
    perWatch(
      'kube_trigger_watch_staleness_seconds',
      'Per watch: since the API server last proved that nothing is missing.',
      (watch) => watch.ageOfLastProofMs / 1000,
    );
    perWatch(
      'kube_trigger_watch_synced',
      'Per watch: 1 once everything that exists is known, 0 before that and while it cannot see.',
      (watch) => (watch.synced ? 1 : 0),
    );
    perWatch('kube_trigger_watch_objects', 'Per watch: how many objects it knows.', (watch) => watch.objects);
  }

  #sampledRules({ rules, ruleCount }: MetricsSample): void {
    const shown = () => rules(MAX_RULES);
    this.#gauge(
      'kube_trigger_rules_without_series',
      `Rules beyond ${MAX_RULES}, which have no series of their own.`,
      () => Math.max(0, ruleCount() - MAX_RULES),
    );
    const events = this.#counter(
      'kube_trigger_rule_events_total',
      'Events of a rule that ended, by how, since the rule was made: counted on across restarts.',
      ['namespace', 'rule', 'outcome'],
    );
    Object.assign(events, {
      collect() {
        events.reset();
        for (const { namespace, rule, counters } of shown())
          for (const outcome of OUTCOMES) events.inc({ namespace, rule, outcome }, counters[outcome]);
      },
    });
    const conditions = new Gauge({
      name: 'kube_trigger_rule_condition',
      help: '1 where a condition of a rule is True, else 0.',
      labelNames: ['namespace', 'rule', 'type'],
      registers: [this.#registry],
      collect() {
        this.reset();
        for (const { namespace, rule, conditions: found } of shown())
          for (const { type, status } of found) this.set({ namespace, rule, type }, status === 'True' ? 1 : 0);
      },
    });
    conditions.reset();
  }

  #counter<T extends string>(name: string, help: string, labelNames: T[]): Counter<T> {
    return new Counter({ name, help, labelNames, registers: [this.#registry] });
  }

  #histogram<T extends string>(name: string, help: string, labelNames: T[]): Histogram<T> {
    return new Histogram({ name, help, labelNames, buckets: SECONDS, registers: [this.#registry] });
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
}

function labelsOf({ resource, namespace = '', name = '', labelSelector = '', fieldSelector = '' }: WatchStats) {
  const selector = [labelSelector, fieldSelector].filter((part) => part !== '').join(';');
  return { resource: resource.plural, namespace, name, selector };
}

function knownCodes(registry: PluginRegistry): Set<string> {
  const plugins = registry.all().flatMap(({ errors = {} }) => Object.keys(errors));
  return new Set([...Object.keys(ERROR_CODES), ...Object.keys(KUBE_ERROR_CODES), ...plugins]);
}
