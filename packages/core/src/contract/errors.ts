/**
 * Every error code of kube-trigger with what it means. Plugins add their own under `KT_<PLUGIN>_…` (see `definePlugin`).
 * Documented in docs/reference/errors.md; a test holds both equal.
 */
export const ERROR_CODES = {
  KT_RULE_INVALID: 'The rule does not fit the schema; the message names the field, the value and the fix.',
  KT_UNKNOWN_PLUGIN: 'The rule names a plugin that is not installed.',
  KT_UNKNOWN_KIND: 'No installed source plugin handles this objectRef.kind.',
  KT_PLUGIN_INVALID: 'A plugin package does not export a usable plugin, or its contract version does not fit.',
  KT_PLUGIN_FAULT: 'A plugin threw something that is not a TriggerError, or broke the contract.',
  KT_SOURCE_ENDED: 'A source completed although its rule still runs; it is opened again.',
  KT_ACTION_TIMEOUT: 'An action did not answer within its timeoutSeconds and was aborted.',
  KT_CHECKPOINT_UNAVAILABLE: 'The checkpoint cannot be read or written, so no action may begin.',
  KT_CHECKPOINT_CONFLICT: 'Another process wrote this checkpoint: this one is no longer the leader.',
  KT_QUEUE_FULL: 'Too many occurrences of one key are waiting; this one was refused.',
  KT_NOT_LEADER: 'This replica does not hold the lease, so it may not act.',
  KT_BREAKER_TRIPPED:
    'One key made the rule act too often in too short a time; the rule is stopped until it is resumed.',
  KT_OBJECT_GONE: 'A filter or action looks at the object of a change, which was deleted meanwhile.',
  KT_DRY_RUN: 'A write was refused, because a dry run writes nothing.',
  KT_RECORDING_INVALID: 'Recorded events are not in their form; the message names the event, the value and the fix.',
  KT_STOPPED: 'The rule is being stopped; the work will be found again at the next start.',
} as const;

/**
 * What the host does after a failed attempt: `backoff` tries again after an exponential, jittered delay; `{ afterMs }` after
 * that delay (a server's Retry-After; never sooner than a tenth of `retry.initialDelaySeconds`, so that a zero makes no loop);
 * `never` gives up at once, because a repetition cannot help.
 */
export type RetryHint = 'backoff' | 'never' | { readonly afterMs: number };

/** What became of one of several targets; `message` of a failed one says why. */
export interface TargetOutcome {
  /** `Kind/namespace/name` or a URL's origin and path. */
  readonly target: string;
  readonly outcome: 'done' | 'unchanged' | 'failed';
  readonly message?: string;
}

export interface TriggerErrorOptions {
  /** Default `backoff`. */
  readonly retry?: RetryHint;
  readonly cause?: unknown;
  /** What the reader should do about it, as a sentence. */
  readonly fix?: string;
  /** Facts for the log line, never secret ones. */
  readonly facts?: Readonly<Record<string, string | number | boolean>>;
  /** Of an action with several targets of which some failed: what became of each. Shown in status; those that are done stay so. */
  readonly targets?: readonly TargetOutcome[];
}

// `instanceof` fails across two installed copies of this package, a registered symbol does not.
const MARK = Symbol.for('kube-trigger.TriggerError');

/**
 * The one error type of the contract: a stable `code`, a message with the facts, and whether a retry helps.
 * The host adds rule, plugin and key: leave them out of the message. Never put a Secret's value into one.
 */
export class TriggerError extends Error {
  override readonly name = 'TriggerError';
  readonly code: string;
  readonly retry: RetryHint;
  readonly fix: string | undefined;
  readonly facts: Readonly<Record<string, string | number | boolean>>;
  /** Undefined also in errors of an older copy of this package. */
  readonly targets: readonly TargetOutcome[] | undefined;
  readonly [MARK] = true;

  constructor(code: string, message: string, options: TriggerErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.retry = options.retry ?? 'backoff';
    this.fix = options.fix;
    this.facts = options.facts ?? {};
    this.targets = options.targets;
  }

  /** The message and, where there is one, the fix: what a condition or an Event shows. */
  get explanation(): string {
    return this.fix === undefined ? this.message : `${this.message}. ${this.fix}`;
  }
}

/** Total: false for whatever cannot be looked at (a hostile Proxy). */
export function isTriggerError(value: unknown): value is TriggerError {
  try {
    return typeof value === 'object' && value !== null && MARK in value;
  } catch {
    return false;
  }
}

/**
 * Whatever a plugin threw or rejected with, as a `TriggerError`: foreign errors, and marked ones that lack what the host relies on,
 * become `KT_PLUGIN_FAULT` with `backoff`. Total: also for `undefined`, strings, frozen objects and objects whose getters throw.
 */
export function toTriggerError(thrown: unknown): TriggerError {
  try {
    if (isTriggerError(thrown) && isWhole(thrown)) return thrown;
    // Only real errors are kept as the cause: loggers walk into it, and a hostile object would break them.
    return new TriggerError('KT_PLUGIN_FAULT', describe(thrown), thrown instanceof Error ? { cause: thrown } : {});
  } catch {
    return new TriggerError('KT_PLUGIN_FAULT', 'an object that cannot be described was thrown');
  }
}

function isWhole({ code, message, retry, facts, targets, explanation }: TriggerError): boolean {
  if (targets !== undefined && !(Array.isArray(targets) && targets.every(isTargetOutcome))) return false;
  const texts = [code, message, explanation].every((text: unknown) => typeof text === 'string');
  return texts && code !== '' && typeof facts === 'object' && facts !== null && isRetryHint(retry);
}

const OUTCOMES: readonly unknown[] = ['done', 'unchanged', 'failed'];

function isTargetOutcome(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const { target, outcome, message } = value as Partial<TargetOutcome>;
  return typeof target === 'string' && OUTCOMES.includes(outcome) && ['string', 'undefined'].includes(typeof message);
}

function isRetryHint(retry: unknown): boolean {
  if (retry === 'backoff' || retry === 'never') return true;
  return typeof retry === 'object' && retry !== null && 'afterMs' in retry && Number.isFinite(retry.afterMs);
}

/** Longer messages are cut: they end up in conditions, Events and log lines. */
const MAX_MESSAGE = 2000;

function describe(thrown: unknown): string {
  if (thrown instanceof Error) return `${thrown.name}: ${thrown.message}`.slice(0, MAX_MESSAGE);
  if (typeof thrown === 'string') return `a string was thrown: ${thrown}`.slice(0, MAX_MESSAGE);
  return `a value of type ${typeof thrown} was thrown`;
}
