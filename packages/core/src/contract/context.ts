import type { SchedulerLike } from 'rxjs';

/** Which rule a plugin works for. */
export interface RuleIdentity {
  readonly namespace: string;
  readonly name: string;
  /** Changes when a rule is deleted and made again; the checkpoint belongs to it. */
  readonly uid: string;
}

/** A structured logger in pino's call form: facts first, then a constant message. */
export interface Logger {
  trace(facts: object, message: string): void;
  debug(facts: object, message: string): void;
  info(facts: object, message: string): void;
  warn(facts: object, message: string): void;
  error(facts: object, message: string): void;
  child(facts: object): Logger;
}

/** What every plugin gets; it never reads clocks, randomness or loggers from globals, so that tests own them. */
export interface PluginContext {
  readonly rule: RuleIdentity;
  readonly logger: Logger;
  /** The clock: `scheduler.now()`, `timer(ms, scheduler)`. */
  readonly scheduler: SchedulerLike;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

/** What the checkpoint has of a key whose last state is settled. */
export interface Recollection {
  /** The mark of the version that was settled, or of a later one with the same revision. */
  readonly mark: string;
  readonly revision: string;
  /** Left out where they were too long to be stored. */
  readonly parts?: Readonly<Record<string, string>>;
}

export interface SourceContext extends PluginContext {
  /** The last settled revision of a key of this source, if the checkpoint knows one (a timer resumes from it). */
  readonly settledRevision: (key: string) => string | undefined;
  /**
   * What is known of a key since before this start, if it was said with a `mark`: a source that finds the mark again may say revision and
   * parts from here, and need not read what it stands for.
   */
  readonly recall: (key: string) => Recollection | undefined;
  /** Aborted when the source is closed: the rule stops, or the source is opened again. Pass it down to the socket. */
  readonly signal: AbortSignal;
}

export type FilterContext = PluginContext;

/** For one call that asks the outside. */
export interface CallContext extends PluginContext {
  /** Aborted at the call's timeout and when the rule is stopped. Pass it down to the socket. */
  readonly signal: AbortSignal;
}

export type ActionContext = CallContext;
