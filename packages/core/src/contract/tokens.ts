import type { DependencyContainer, InjectionToken } from 'tsyringe';
import type { SchedulerLike } from 'rxjs';
import type { Logger } from './context.js';
import type { PluginMetrics } from './metrics.js';
import type { Plugin } from './plugin.js';

// Registered symbols, so that two installed copies of this package still mean the same service.
/** For what is logged outside of a call; within one, `context.logger` is it. */
export const LoggerToken: InjectionToken<Logger> = Symbol.for('kube-trigger.Logger');
/** The clock of the process; `asyncScheduler` in production. */
export const SchedulerToken: InjectionToken<SchedulerLike> = Symbol.for('kube-trigger.Scheduler');
/** Uniform in [0, 1); `Math.random` in production. */
export const RandomToken: InjectionToken<() => number> = Symbol.for('kube-trigger.Random');
/**
 * The standard `fetch`, over the host's own connections. A function and no dispatcher: those of two versions of an HTTP client do not fit
 * together, and a plugin brings its own.
 */
export const FetchToken: InjectionToken<typeof fetch> = Symbol.for('kube-trigger.Fetch');
/** The plugin's own counters and histograms. */
export const MetricsToken: InjectionToken<PluginMetrics> = Symbol.for('kube-trigger.Metrics');

/** For hosts: registers what differs from plugin to plugin. Called with the container of each instance before it is made. */
export type EquipPlugin = (container: DependencyContainer, plugin: Plugin) => void;
/** What hosts register an `EquipPlugin` for; no plugin needs it. */
export const EquipPluginToken: InjectionToken<EquipPlugin> = Symbol.for('kube-trigger.EquipPlugin');
