/** Values by label name. Labels must take few values: never a key, an id or a URL. */
export type MetricLabels = Readonly<Record<string, string>>;

export interface MetricOptions {
  /** snake_case without a prefix: the host puts the plugin's name before it. Counters end in `_total`, histograms in a unit. */
  readonly name: string;
  /** One sentence. */
  readonly help: string;
  readonly labels?: readonly string[];
}

export interface Counter {
  add(by?: number, labels?: MetricLabels): void;
}

export interface Histogram {
  observe(value: number, labels?: MetricLabels): void;
}

/**
 * Metrics of one plugin, served with those of the host. Asking for the same name again gives the same metric. Bounded: what goes beyond the
 * host's limits (metrics per plugin, label values per metric) is left out and logged once. Nothing here ever throws at run time.
 */
export interface PluginMetrics {
  counter(options: MetricOptions): Counter;
  histogram(options: MetricOptions & { readonly buckets: readonly number[] }): Histogram;
}

/** For programs that serve no metrics. */
export const NO_METRICS: PluginMetrics = {
  counter: () => ({ add: () => undefined }),
  histogram: () => ({ observe: () => undefined }),
};
