import type {
  ActionOutcome,
  AttemptFailedReport,
  CompiledRule,
  RuleIssue,
  RuleReport,
  SettledReport,
  TriggerError,
  WaitingReport,
} from '@kube-trigger/core';
import { conditionsOf, type RuleFacts } from './conditions.js';
import type {
  ActionStatus,
  Condition,
  Counters,
  DeadLetter,
  Handled,
  HistoryItem,
  RuleStatus,
  SourceStatus,
} from './trigger-rule.js';

/** So many past events and dead letters a status shows. */
const SHOWN = 10;
/** A status stays small however long an error is. */
const MAX_MESSAGE = 512;
/** Who looks again sooner does so all the time: its next look would be a write of the status for each. */
const FAR_MS = 10_000;

const RESULT = {
  done: 'Done',
  unchanged: 'Unchanged',
  failed: 'Failed',
  dropped: 'Dropped',
  skipped: 'Skipped',
} as const;

/**
 * Folds a running rule's reports into its `status`. Starts from the status that the API server has, so that counters and history go on
 * across restarts. Pure but for the clock that is passed in.
 */
export class RuleState {
  readonly #sources = new Map<string, { state: SourceStatus['state']; error?: TriggerError }>();
  readonly #actions = new Map<string, ActionStatus>();
  readonly #checks = new Map<string, TriggerError>();
  readonly #failing = new Map<string, TriggerError>();
  #shown: readonly Condition[];
  #checkpointError: TriggerError | undefined;
  #fault: TriggerError | undefined;
  #tripped: string | undefined;
  #counters: Counters;
  #handled: Handled;
  #history: readonly HistoryItem[];
  #deadLetters: readonly DeadLetter[];
  #lastFired: string | null;
  #lastResult: string | null;

  constructor(
    before: RuleStatus,
    private readonly generation: number,
    private readonly phase: { issues: readonly RuleIssue[]; reason: string } | 'suspended' | 'standby' | CompiledRule,
    private readonly now: () => number,
  ) {
    this.#shown = before.conditions ?? [];
    this.#counters = { done: 0, unchanged: 0, failed: 0, dropped: 0, ...before.counters };
    this.#handled = before.handled ?? {};
    this.#history = before.history ?? [];
    this.#deadLetters = before.deadLetters ?? [];
    this.#lastFired = before.lastFired ?? null;
    this.#lastResult = before.lastResult ?? null;
    if (typeof phase === 'string' || 'issues' in phase) return;
    for (const source of phase.sources) this.#sources.set(source.name, { state: 'Opening' });
    for (const action of phase.actions) {
      this.#actions.set(
        action.name,
        before.actions?.find((known) => known.name === action.name) ?? { name: action.name },
      );
    }
  }

  apply(report: RuleReport): void {
    switch (report.type) {
      case 'source':
        this.#sources.set(report.source, {
          state: report.state === 'opening' ? 'Opening' : report.state === 'synced' ? 'Synced' : 'Degraded',
          ...(report.error === undefined ? {} : { error: report.error }),
        });
        return;
      case 'attemptFailed':
        return this.#attemptFailed(report);
      case 'waiting':
        return this.#waiting(report);
      case 'settled':
        return this.#settled(report);
      case 'check':
        if (report.error === undefined) this.#checks.delete(report.action);
        else this.#checks.set(report.action, report.error);
        return;
      case 'checkpoint':
        this.#checkpointError = report.error;
        return;
      case 'tripped':
        this.#tripped = report.error.explanation;
        return;
      case 'resumed':
        this.#tripped = undefined;
        return;
      case 'fault':
        this.#fault = report.error;
        return;
      case 'verdict':
    }
  }

  /** True while nothing more is known than that sources are being opened. */
  get isOpening(): boolean {
    return [...this.#sources.values()].some(({ state }) => state === 'Opening');
  }

  get handled(): Handled {
    return this.#handled;
  }

  /** A command annotation of this value was acted on. */
  didHandle(handled: Handled): void {
    this.#handled = { ...this.#handled, ...handled };
  }

  /** The dead letters were put back into delivery. */
  retried(): void {
    this.#deadLetters = [];
  }

  status(): RuleStatus {
    return {
      observedGeneration: this.generation,
      conditions: this.#conditions(),
      lastFired: this.#lastFired,
      lastResult: this.#lastResult,
      sources: [...this.#sources].map(([name, { state, error }]) => ({
        name,
        state,
        ...(error === undefined ? {} : { message: short(error.explanation) }),
      })),
      actions: [...this.#actions.values()],
      counters: this.#counters,
      deadLetters: this.#deadLetters,
      history: this.#history,
      tripped: this.#tripped ?? null,
      ...(Object.keys(this.#handled).length === 0 ? {} : { handled: this.#handled }),
    };
  }

  #conditions(): readonly Condition[] {
    this.#shown = conditionsOf(this.#facts()).map((found) => {
      const known = this.#shown.find((condition) => condition.type === found.type);
      const since = known?.status === found.status ? known.lastTransitionTime : this.#time();
      return {
        ...found,
        message: short(found.message),
        observedGeneration: this.generation,
        lastTransitionTime: since,
      };
    });
    return this.#shown;
  }

  #facts(): RuleFacts {
    const sources = [...this.#sources];
    const degraded = sources.flatMap(([name, { error }]) => (error === undefined ? [] : [{ where: name, error }]));
    const pairs = (errors: ReadonlyMap<string, TriggerError>) =>
      [...errors].map(([where, error]) => ({ where, error }));
    return {
      phase: this.phase,
      opening: sources.filter(([, { state }]) => state === 'Opening').map(([name]) => name),
      degraded,
      checks: pairs(this.#checks),
      failing: pairs(this.#failing),
      checkpoint: this.#checkpointError,
      fault: this.#fault,
      tripped: this.#tripped,
      deadLetters: this.#deadLetters,
    };
  }

  #attemptFailed({ action, error, attempt, nextAttemptAtMs, event }: AttemptFailedReport): void {
    this.#actions.set(action, {
      name: action,
      lastResult: nextAttemptAtMs === undefined ? 'Failed' : 'Retrying',
      reason: error.code,
      message: short(`${event.key}, attempt ${attempt}: ${error.explanation}`),
      ...(nextAttemptAtMs === undefined ? {} : { nextAttempt: new Date(nextAttemptAtMs).toISOString() }),
    });
    this.#failing.set(action, error);
  }

  #waiting({ action, event, because, againAtMs }: WaitingReport): void {
    const isFar = againAtMs - this.now() >= FAR_MS;
    this.#actions.set(action, {
      name: action,
      lastResult: 'Waiting',
      message: short(`${event.key}: ${because}`),
      ...(isFar ? { nextAttempt: new Date(againAtMs).toISOString() } : {}),
    });
    this.#failing.delete(action);
  }

  #settled(report: SettledReport): void {
    const { event, outcome, actions } = report;
    const time = this.#time();
    this.#fault = undefined;
    this.#counters = { ...this.#counters, [outcome]: this.#counters[outcome] + 1 };
    const because = actions.find((action) => action.error !== undefined)?.error?.explanation;
    const item: HistoryItem = {
      time,
      key: event.key,
      change: event.change,
      ...(event.changedKeys === undefined ? {} : { changedKeys: event.changedKeys.slice(0, SHOWN) }),
      result: RESULT[outcome],
      ...(because === undefined ? {} : { because: short(because) }),
    };
    this.#history = [item, ...this.#history].slice(0, SHOWN);
    this.#deadLetters = this.#deadLetters.filter((letter) => letter.key !== event.key);
    if (outcome === 'dropped') return;
    this.#lastFired = time;
    this.#lastResult = RESULT[outcome];
    for (const action of actions) this.#answered(action, { key: event.key, time });
  }

  #answered({ action, outcome, error }: ActionOutcome, { key, time }: { key: string; time: string }): void {
    if (error === undefined) this.#failing.delete(action);
    this.#actions.set(action, {
      name: action,
      lastResult: RESULT[outcome],
      ...(error === undefined ? {} : { reason: error.code, message: short(error.explanation) }),
    });
    if (outcome !== 'failed' || error === undefined) return;
    this.#failing.delete(action);
    const letter: DeadLetter = { time, key, reason: error.code, message: short(error.explanation) };
    this.#deadLetters = [letter, ...this.#deadLetters].slice(0, SHOWN);
  }

  #time(): string {
    return new Date(this.now()).toISOString().replace(/\.\d+Z$/, 'Z');
  }
}

function short(message: string): string {
  return message.length > MAX_MESSAGE ? `${message.slice(0, MAX_MESSAGE - 1)}…` : message;
}
