import { type Logger, type MetricLabels, type MetricOptions, NO_METRICS, type PluginMetrics } from '@kube-trigger/core';
import { Counter, Histogram, type Registry } from 'prom-client';

/** Beyond these, what a plugin measures is left out: a plugin's slip must not fill the memory of the operator or of Prometheus. */
const LIMITS = { metrics: 20, series: 100, labelLength: 128 };

interface Series {
  readonly kind: 'counter' | 'histogram';
  record(value: number, labels: MetricLabels): void;
}

/** Makes the `PluginMetrics` of each plugin, as `kube_trigger_plugin_<kind>_<plugin>_<name>` in one registry. */
export class PluginMeters {
  readonly #plugins = new Map<string, PluginMetrics>();

  constructor(
    private readonly registry: Registry,
    private readonly logger: Logger,
  ) {}

  /** The same for each instance of a plugin. */
  of({ kind, name }: { readonly kind: string; readonly name: string }): PluginMetrics {
    const prefix = `kube_trigger_plugin_${kind}_${name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}_`;
    const known = this.#plugins.get(prefix) ?? new Meters(prefix, this.registry, this.logger.child({ plugin: name }));
    this.#plugins.set(prefix, known);
    return known;
  }
}

class Meters implements PluginMetrics {
  readonly #metrics = new Map<string, Series>();
  readonly #complaints = new Set<string>();

  constructor(
    private readonly prefix: string,
    private readonly registry: Registry,
    private readonly logger: Logger,
  ) {}

  counter(options: MetricOptions): { add(by?: number, labels?: MetricLabels): void } {
    const series = this.#series('counter', options, (config) => {
      const counter = new Counter(config);
      return (value, labels) => counter.inc(labels, value);
    });
    return series === undefined
      ? NO_METRICS.counter(options)
      : { add: (by = 1, labels = {}) => series.record(by, labels) };
  }

  histogram(options: MetricOptions & { readonly buckets: readonly number[] }): {
    observe(value: number, labels?: MetricLabels): void;
  } {
    const series = this.#series('histogram', options, (config) => {
      const histogram = new Histogram({ ...config, buckets: [...options.buckets] });
      return (value, labels) => histogram.observe(labels, value);
    });
    if (series === undefined) return NO_METRICS.histogram(options);
    return { observe: (value, labels = {}) => series.record(value, labels) };
  }

  #series(
    kind: Series['kind'],
    { name, help, labels = [] }: MetricOptions,
    make: (config: { name: string; help: string; labelNames: string[]; registers: Registry[] }) => Series['record'],
  ): Series | undefined {
    const known = this.#metrics.get(name);
    if (known !== undefined) return known.kind === kind ? known : this.#complain(name, `it is a ${known.kind} already`);
    if (this.#metrics.size >= LIMITS.metrics) return this.#complain(name, `more than ${LIMITS.metrics} metrics`);
    try {
      const config = { name: this.prefix + name, help, labelNames: [...labels], registers: [this.registry] };
      const series = { kind, record: this.#bounded(name, labels, make(config)) };
      this.#metrics.set(name, series);
      return series;
    } catch (thrown) {
      return this.#complain(name, String(thrown));
    }
  }

  #bounded(name: string, labelNames: readonly string[], record: Series['record']): Series['record'] {
    const seen = new Set<string>();
    return (value, labels) => {
      const short = Object.entries<unknown>(labels).map(([label, text]) => [
        label,
        String(text).slice(0, LIMITS.labelLength),
      ]);
      const id = JSON.stringify(labelNames.map((label) => labels[label]));
      if (!seen.has(id) && seen.size >= LIMITS.series) {
        this.#complain(name, `more than ${LIMITS.series} combinations of labels`);
        return;
      }
      try {
        record(value, Object.fromEntries(short) as MetricLabels);
        seen.add(id);
      } catch (thrown) {
        this.#complain(name, String(thrown));
      }
    };
  }

  /** Once for each metric and reason. */
  #complain(metric: string, reason: string): undefined {
    if (this.#complaints.size >= 2 * LIMITS.metrics || this.#complaints.has(metric + reason)) return;
    this.#complaints.add(metric + reason);
    this.logger.warn({ metric, reason }, 'a metric of a plugin is left out');
  }
}
