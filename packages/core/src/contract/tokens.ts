import type { InjectionToken } from 'tsyringe';
import type { SchedulerLike } from 'rxjs';
import type { Logger } from './context.js';

// Registered symbols, so that two installed copies of this package still mean the same service.
export const LoggerToken: InjectionToken<Logger> = Symbol.for('kube-trigger.Logger');
/** The clock of the process; `asyncScheduler` in production. */
export const SchedulerToken: InjectionToken<SchedulerLike> = Symbol.for('kube-trigger.Scheduler');
/** Uniform in [0, 1); `Math.random` in production. */
export const RandomToken: InjectionToken<() => number> = Symbol.for('kube-trigger.Random');
