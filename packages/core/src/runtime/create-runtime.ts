import { asyncScheduler, map, merge, type Observable, type SchedulerLike } from 'rxjs';
import { container as rootContainer, type DependencyContainer } from 'tsyringe';
import { type CheckpointStore, MemoryCheckpointStore } from '../checkpoint/journal.js';
import type { Logger } from '../contract/context.js';
import { TriggerError } from '../contract/errors.js';
import { NO_METRICS } from '../contract/metrics.js';
import type { Plugin } from '../contract/plugin.js';
import { FetchToken, LoggerToken, MetricsToken, RandomToken, SchedulerToken } from '../contract/tokens.js';
import type { RuleReport } from '../pipeline/report.js';
import { RuleRunner } from '../pipeline/rule-runner.js';
import { instantiate } from '../registry/instantiate.js';
import { PluginRegistry } from '../registry/plugin-registry.js';
import { compileRule } from '../rule/compile-rule.js';

export interface RuntimeOptions {
  readonly plugins: readonly Plugin[];
  /** By name. Each is what `spec` of a TriggerRule would be, or made by `defineRule`. */
  readonly rules: Readonly<Record<string, unknown>>;
  /** What is remembered from one run of the program to the next. Default: nothing, so that each start is a first sight. */
  readonly checkpoints?: CheckpointStore;
  /** Default: nothing is logged; `reports` has it all. */
  readonly logger?: Logger;
  /** Part of a rule's identity, and what plugins take a name without namespace to be in. Default `default`. */
  readonly namespace?: string;
  /** The clock. Default: the process's. */
  readonly scheduler?: SchedulerLike;
  readonly random?: () => number;
  /** For what plugins inject beyond the tokens of this package. */
  readonly container?: DependencyContainer;
}

/** What happened, and to which rule. */
export type RuntimeReport = RuleReport & { readonly rule: string };

/** Rules that run in this process. */
export interface Runtime extends AsyncDisposable {
  /** Hot; completes at the end of `stop`. */
  readonly reports: Observable<RuntimeReport>;
  /** By name: for `retry`, `resume`, `deadLetters` and `counts`. */
  readonly rules: ReadonlyMap<string, RuleRunner>;
  /** Rejects when the checkpoint of a rule cannot be read, or a source cannot tell its identity; then none runs. */
  start(): Promise<void>;
  /** Ends all; running deliveries get `drainMs` to end by themselves. Never rejects. */
  stop(drainMs?: number): Promise<void>;
}

/**
 * Makes a runtime out of plugins and rules, without Kubernetes. Throws `KT_PLUGIN_INVALID` for a plugin that is none, and
 * `KT_RULE_INVALID` with everything that is wrong with the rules.
 */
export function createRuntime(options: RuntimeOptions): Runtime {
  const registry = new PluginRegistry();
  for (const plugin of options.plugins) registry.register(plugin, plugin.name);
  const { scheduler = asyncScheduler, random = Math.random, logger = SILENT, namespace = 'default' } = options;
  const container = (options.container ?? rootContainer).createChildContainer();
  container.register(LoggerToken, { useValue: logger });
  container.register(SchedulerToken, { useValue: scheduler });
  container.register(RandomToken, { useValue: random });
  container.register(FetchToken, { useValue: (...request) => fetch(...request) });
  container.register(MetricsToken, { useValue: NO_METRICS });
  const services = { scheduler, random, logger, checkpoints: options.checkpoints ?? new MemoryCheckpointStore() };
  const wrong: string[] = [];
  const compiled = Object.entries(options.rules).flatMap(([name, spec]) => {
    const compilation = compileRule({ namespace, name, uid: `${namespace}/${name}` }, spec, registry);
    if ('rule' in compilation) return compilation.suspend ? [] : [compilation.rule];
    wrong.push(...compilation.issues.map(({ path, message }) => `rules.${name}.${path}: ${message}`));
    return [];
  });
  if (wrong.length > 0) throw new TriggerError('KT_RULE_INVALID', wrong.join('\n'), { retry: 'never' });
  const runners = compiled.map((rule) => {
    return [rule.identity.name, new RuleRunner(rule, instantiate(rule, container), services)] as const;
  });
  return new RunningRules(new Map(runners));
}

class RunningRules implements Runtime {
  readonly reports: Observable<RuntimeReport>;

  constructor(readonly rules: ReadonlyMap<string, RuleRunner>) {
    this.reports = merge(
      ...[...rules].map(([rule, runner]) => runner.reports.pipe(map((report) => ({ ...report, rule })))),
    );
  }

  async start(): Promise<void> {
    try {
      for (const runner of this.rules.values()) await runner.start();
    } catch (thrown) {
      await this.stop();
      throw thrown;
    }
  }

  async stop(drainMs = 0): Promise<void> {
    await Promise.all([...this.rules.values()].map((runner) => runner.stop(drainMs)));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}

const nothing = () => undefined;
const SILENT: Logger = {
  trace: nothing,
  debug: nothing,
  info: nothing,
  warn: nothing,
  error: nothing,
  child: () => SILENT,
};
