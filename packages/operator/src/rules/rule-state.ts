import type {
  ActionOutcome,
  AttemptFailedReport,
  Compilation,
  RuleReport,
  RuleRunner,
  SettledReport,
  TargetOutcome,
  TriggerError,
  WaitingReport,
} from '@kube-trigger/core';
import { withOutcomes } from './target-log.js';
import { conditionsOf, type RuleFacts } from './conditions.js';
import { EventLog, FAR_MS } from './event-log.js';
import { RESULT, SHOWN, short, timeText } from './status-text.js';
import type {
  ActionStatus,
  Condition,
  Counters,
  DeadLetter,
  Handled,
  RuleStatus,
  SourceStatus,
} from './trigger-rule.js';

export interface RuleStateOptions {
  /** The status that the API server has: counters and history go on across restarts. */
  readonly before: RuleStatus;
  readonly generation: number;
  readonly compilation: Compilation;
  readonly now: () => number;
}

/** What is asked of the running form when a status is made. */
export type LiveRule = Pick<RuleRunner, 'counts' | 'keysOf' | 'underWay' | 'deadLetters'>;

interface SourceState {
  readonly state: SourceStatus['state'];
  readonly error?: TriggerError | undefined;
  readonly lastEvent?: string | undefined;
}

/** Folds a running rule's reports into its `status`. Pure but for the clock that is passed in and the running form that is asked. */
export class RuleState {
  readonly #sources = new Map<string, SourceState>();
  readonly #actions = new Map<string, ActionStatus>();
  // Made when there is something in them: most rules are well.
  #checks: Map<string, TriggerError> | undefined;
  #failing: Map<string, TriggerError> | undefined;
  readonly #log: EventLog;
  readonly #now: () => number;
  readonly #generation: number;
  readonly #accepted: number | undefined;
  readonly #compilation: Compilation;
  #live: LiveRule | undefined;
  #shown: readonly Condition[];
  #checkpointError: TriggerError | undefined;
  #fault: TriggerError | undefined;
  #tripped: string | undefined;
  #counters: Counters;
  #handled: Handled;
  #deadLetters: readonly DeadLetter[];
  #lastFired: string | null;
  #lastResult: string | null;

  constructor({ before, compilation, generation, now }: RuleStateOptions) {
    this.#generation = generation;
    this.#compilation = compilation;
    this.#accepted = 'issues' in compilation ? before.acceptedGeneration : generation;
    this.#now = now;
    this.#log = new EventLog(before.history ?? [], now);
    this.#shown = before.conditions ?? [];
    this.#counters = { done: 0, unchanged: 0, failed: 0, dropped: 0, ...before.counters };
    this.#handled = before.handled ?? {};
    this.#deadLetters = before.deadLetters ?? [];
    this.#lastFired = before.lastFired ?? null;
    this.#lastResult = before.lastResult ?? null;
    if ('issues' in compilation) return;
    for (const { name } of compilation.rule.sources) {
      const lastEvent = before.sources?.find((known) => known.name === name)?.lastEvent;
      this.#sources.set(name, { state: compilation.suspend ? 'Suspended' : 'Opening', lastEvent });
    }
    for (const { name } of compilation.rule.actions) {
      this.#actions.set(name, before.actions?.find((known) => known.name === name) ?? { name });
    }
  }

  /** From now on a status also says what the running form knows. */
  attach(live: LiveRule): void {
    this.#live = live;
  }

  apply(report: RuleReport): void {
    this.#log.apply(report);
    if ('event' in report) this.#noticed(report.event.source, report.event.observedAtMs);
    switch (report.type) {
      case 'source':
        this.#sources.set(report.source, {
          ...this.#sources.get(report.source),
          state: report.state === 'opening' ? 'Opening' : report.state === 'synced' ? 'Synced' : 'Degraded',
          error: report.error,
        });
        return;
      case 'attemptFailed':
        return this.#attemptFailed(report);
      case 'waiting':
        return this.#waiting(report);
      case 'settled':
        return this.#settled(report);
      case 'check':
        if (report.error === undefined) this.#checks?.delete(report.action);
        else (this.#checks ??= new Map()).set(report.action, report.error);
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

  status(): RuleStatus {
    const live = this.#live;
    this.#deadLetters = this.#knownLetters();
    return {
      observedGeneration: this.#generation,
      ...(this.#accepted === undefined ? {} : { acceptedGeneration: this.#accepted }),
      conditions: this.#conditions(),
      lastFired: this.#lastFired,
      lastResult: this.#lastResult,
      sources: [...this.#sources].map(([name, source]) => sourceStatus(name, source, live?.keysOf(name))),
      actions: [...this.#actions.values()],
      counters: this.#counters,
      underWay: live?.counts.underWay ?? 0,
      pending: this.#log.pending(live?.underWay(SHOWN) ?? [], this.#tripped !== undefined),
      deadLetters: this.#deadLetters,
      history: this.#log.history,
      tripped: this.#tripped ?? null,
      ...(Object.keys(this.#handled).length === 0 ? {} : { handled: this.#handled }),
    };
  }

  #conditions(): readonly Condition[] {
    const observedGeneration = this.#generation;
    this.#shown = conditionsOf(this.#facts()).map((found) => {
      const known = this.#shown.find((condition) => condition.type === found.type);
      const since = known?.status === found.status ? known.lastTransitionTime : timeText(this.#now());
      return { ...found, message: short(found.message), observedGeneration, lastTransitionTime: since };
    });
    return this.#shown;
  }

  #facts(): RuleFacts {
    const sources = [...this.#sources];
    const pairs = (errors: ReadonlyMap<string, TriggerError> | undefined) =>
      [...(errors ?? [])].map(([where, error]) => ({ where, error }));
    return {
      compilation: this.#compilation,
      opening: sources.filter(([, { state }]) => state === 'Opening').map(([name]) => name),
      degraded: sources.flatMap(([name, { error }]) => (error === undefined ? [] : [{ where: name, error }])),
      checks: pairs(this.#checks),
      failing: pairs(this.#failing),
      checkpoint: this.#checkpointError,
      fault: this.#fault,
      tripped: this.#tripped,
      deadLetters: this.#deadLetters,
    };
  }

  /** The checkpoint decides which letters there are: it knows of those that were retried, and of those whose source was edited away. */
  #knownLetters(): readonly DeadLetter[] {
    if (this.#live === undefined) return this.#deadLetters;
    const shown = new Map(this.#deadLetters.map((letter) => [letter.key, letter]));
    const known = this.#live.deadLetters(SHOWN).map(({ key, code }): DeadLetter => {
      const letter = shown.get(key);
      return letter ?? { time: timeText(this.#now()), key, reason: code, message: 'given up earlier' };
    });
    return known.toSorted((a, b) => b.time.localeCompare(a.time));
  }

  #noticed(name: string, atMs: number): void {
    const source = this.#sources.get(name);
    if (source !== undefined) this.#sources.set(name, { ...source, lastEvent: timeText(atMs) });
  }

  #attemptFailed({ action, error, attempt, nextAttemptAtMs, event }: AttemptFailedReport): void {
    this.#show(action, error.targets ?? [], {
      lastResult: nextAttemptAtMs === undefined ? 'Failed' : 'Retrying',
      reason: error.code,
      message: short(`${event.key}, attempt ${attempt}: ${error.explanation}`),
      ...(nextAttemptAtMs === undefined ? {} : { nextAttempt: new Date(nextAttemptAtMs).toISOString() }),
    });
    (this.#failing ??= new Map()).set(action, error);
  }

  #waiting({ action, event, because, againAtMs, targets }: WaitingReport): void {
    const isFar = againAtMs - this.#now() >= FAR_MS;
    this.#show(action, targets, {
      lastResult: 'Waiting',
      message: short(`${event.key}: ${because}`),
      ...(isFar ? { nextAttempt: new Date(againAtMs).toISOString() } : {}),
    });
    this.#failing?.delete(action);
  }

  #settled({ event, outcome, actions }: SettledReport): void {
    this.#fault = undefined;
    this.#counters = { ...this.#counters, [outcome]: this.#counters[outcome] + 1 };
    this.#deadLetters = this.#deadLetters.filter((letter) => letter.key !== event.key);
    if (outcome === 'dropped') return;
    const time = timeText(this.#now());
    this.#lastFired = time;
    this.#lastResult = RESULT[outcome];
    for (const action of actions) this.#answered(action, { key: event.key, time });
  }

  #show(action: string, outcomes: readonly TargetOutcome[], now: Omit<ActionStatus, 'name' | 'targets'>): void {
    const targets = withOutcomes(this.#actions.get(action)?.targets ?? [], outcomes, timeText(this.#now()));
    this.#actions.set(action, { name: action, ...now, ...(targets.length === 0 ? {} : { targets }) });
  }

  #answered({ action, outcome, error, targets }: ActionOutcome, { key, time }: { key: string; time: string }): void {
    this.#failing?.delete(action);
    this.#show(action, targets, {
      lastResult: RESULT[outcome],
      ...(error === undefined ? {} : { reason: error.code, message: short(error.explanation) }),
    });
    if (outcome !== 'failed' || error === undefined) return;
    const letter: DeadLetter = { time, key, reason: error.code, message: short(error.explanation) };
    this.#deadLetters = [letter, ...this.#deadLetters].slice(0, SHOWN);
  }
}

function sourceStatus(name: string, { state, error, lastEvent }: SourceState, keys: number | undefined): SourceStatus {
  return {
    name,
    state,
    ...(keys === undefined ? {} : { keys }),
    ...(lastEvent === undefined ? {} : { lastEvent }),
    ...(error === undefined ? {} : { message: short(error.explanation) }),
  };
}
