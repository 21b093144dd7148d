import 'reflect-metadata';
import {
  type CoalesceWindow,
  type CompiledRule,
  instantiate,
  type Logger,
  LoggerToken,
  longestWindow,
  type PluginContext,
  RandomToken,
  type RecordedEvent,
  type RuleInstances,
  SchedulerToken,
  type TriggerEvent,
} from '@kube-trigger/core';
import { createKubeClient, digestKeyProvider, DigestKeyToken, KubeClientToken, staticAuth } from '@kube-trigger/kube';
import { VirtualTimeScheduler } from 'rxjs';
import { container as rootContainer } from 'tsyringe';
import { answer, type GateAnswer } from '../explain/look-now.js';

/** How one recorded event ended. */
export interface Evaluation {
  readonly source: string;
  readonly key: string;
  readonly change: string;
  /** Each time that the gates were asked: at first, and again whenever a filter let it wait, or it waited to begin with others. */
  readonly asked: readonly Asked[];
  /** `Replaced`: a newer state of the same key came while it waited. `Waits`: for ever, or it was still let wait after 1,000 questions. */
  readonly outcome: 'Fires' | 'Drop' | 'Replaced' | 'Waits' | 'Error';
  readonly at: string;
  /** What would be run; empty unless it fires. */
  readonly actions: readonly string[];
}

interface Asked {
  readonly at: string;
  readonly gates: readonly GateAnswer[];
}

/**
 * Asks a rule's own gates and filters about recorded events, on a clock that stands where the events say. As in the operator, states of one
 * key replace each other while they wait, occurrences queue up, and what passes begins together with what else changes. Executes no action
 * and reads nothing.
 */
export async function evaluate(
  rule: CompiledRule,
  events: readonly RecordedEvent[],
  logger: Logger,
): Promise<Evaluation[]> {
  const clock = new VirtualTimeScheduler();
  // Constructors want a client; gates never ask it.
  const kube = createKubeClient({ auth: staticAuth({ server: 'https://offline.invalid', token: '' }), logger });
  const container = rootContainer.createChildContainer();
  container.register(KubeClientToken, { useValue: kube });
  container.register(DigestKeyToken, { useValue: digestKeyProvider(kube, 'default') });
  container.register(LoggerToken, { useValue: logger });
  container.register(SchedulerToken, { useValue: clock });
  container.register(RandomToken, { useValue: () => 0 });
  const instances = instantiate({ ...rule, actions: [] }, container);
  const context = { rule: rule.identity, logger, scheduler: clock, random: () => 0 };
  try {
    const course = new Course(rule, clock, (event) => askInOrder(event, { rule, instances }, context));
    for (const [index, { event }] of events.entries()) course.take(index, event);
    return course.end();
  } finally {
    await instances.dispose();
    await kube.close();
  }
}

const MAX_ASKED = 1000;

interface Pending {
  readonly index: number;
  readonly event: TriggerEvent;
  readonly asked: Asked[];
  /** When it is to be asked about. */
  untilMs: number;
}

/** Changes that passed and begin together once the rule is quiet: as core's `Coalescing` holds them. */
interface Batch {
  readonly held: Set<Pending>;
  readonly openedAtMs: number;
  quietUntilMs: number;
  latestMs: number;
}

interface Answers {
  readonly gates: readonly GateAnswer[];
  /** What it is to begin together with, when all gates let it pass. */
  readonly window: CoalesceWindow;
}

/** What becomes of one event after the other, in order of time. */
class Course {
  readonly #done: Evaluation[] = [];
  /** What is to be asked about at its time: mostly since a filter lets it wait. */
  readonly #deferred = new Set<Pending>();
  /** Occurrences behind one of their key that waits: not asked about yet. */
  readonly #queued = new Set<Pending>();
  #batch: Batch | undefined;

  constructor(
    private readonly rule: CompiledRule,
    private readonly clock: VirtualTimeScheduler,
    private readonly askGates: (event: TriggerEvent) => Answers,
  ) {}

  /** The next event, which is not before those that were taken. */
  take(index: number, event: TriggerEvent): void {
    this.#runUntil(event.observedAtMs);
    this.clock.frame = Math.max(this.clock.now(), event.observedAtMs);
    const pending = { index, event, asked: [], untilMs: event.observedAtMs };
    const before = this.#waitingLike(event);
    if (before === undefined) return this.#ask(pending);
    if (event.change === 'occurred') return void this.#queued.add(pending);
    this.#deferred.delete(before);
    this.#batch?.held.delete(before);
    this.#record(before, 'Replaced');
    this.#ask({ ...pending, event: { ...event, waitingSinceMs: before.event.waitingSinceMs } });
    // Had the newer state passed, it would be held in the place of the other.
    if (this.#batch?.held.size === 0) this.#batch = undefined;
  }

  /** Lets all that still waits come to its end. */
  end(): Evaluation[] {
    this.#runUntil(Infinity);
    for (const pending of [...this.#deferred, ...this.#queued]) this.#record(pending, 'Waits');
    return this.#done;
  }

  #runUntil(atMs: number): void {
    for (;;) {
      const first = earliest(this.#deferred);
      const batch = this.#batch;
      const deferredMs = first?.untilMs ?? Infinity;
      const endMs = batch === undefined ? Infinity : Math.min(batch.quietUntilMs, batch.latestMs);
      const dueMs = Math.min(deferredMs, endMs);
      if (dueMs === Infinity || dueMs > atMs) return;
      this.clock.frame = Math.max(this.clock.now(), dueMs);
      if (first !== undefined && deferredMs <= endMs) {
        this.#deferred.delete(first);
        this.#ask(first);
      } else if (batch !== undefined) this.#begin(batch);
    }
  }

  /** What passes is held, where the rule or a filter asks for that. */
  #ask(pending: Pending): void {
    const { gates, window } = this.askGates(pending.event);
    const isPassed = gates.every(({ verdict }) => verdict === 'Pass');
    if (isPassed && window.quietMs > 0) return this.#hold(pending, gates, window);
    this.#heed(pending, gates);
    if (isPassed) this.#conclude(pending, 'Fires');
  }

  /** A batch is over: the gates are asked again about each change in it, and those that still pass begin. */
  #begin({ held }: Batch): void {
    this.#batch = undefined;
    const passed = [...held].filter((pending) => this.#heed(pending, this.askGates(pending.event).gates));
    for (const pending of passed) this.#conclude(pending, 'Fires');
  }

  /** Does what the gates say, unless they let it pass: then true. */
  #heed(pending: Pending, gates: readonly GateAnswer[]): boolean {
    pending.asked.push({ at: instant(this.clock.now()), gates });
    const last = gates.find(({ verdict }) => verdict !== 'Pass');
    if (last === undefined) return true;
    if (last.verdict !== 'Defer') this.#conclude(pending, last.verdict === 'Drop' ? 'Drop' : 'Error');
    else if (pending.asked.length >= MAX_ASKED) this.#conclude(pending, 'Waits');
    else {
      pending.untilMs = last.until === undefined ? Infinity : Math.max(Date.parse(last.until), this.clock.now() + 1);
      this.#deferred.add(pending);
    }
    return false;
  }

  #hold(pending: Pending, gates: readonly GateAnswer[], { quietMs, maxWaitMs }: CoalesceWindow): void {
    const nowMs = this.clock.now();
    const batch = (this.#batch ??= { held: new Set(), openedAtMs: nowMs, quietUntilMs: nowMs, latestMs: nowMs });
    batch.held.add(pending);
    batch.quietUntilMs = Math.max(batch.quietUntilMs, nowMs + quietMs);
    batch.latestMs = Math.max(batch.latestMs, batch.openedAtMs + maxWaitMs);
    const because = `begins with what else changes: after ${quietMs / 1000} s of quiet, or ${maxWaitMs / 1000} s in all`;
    const until = instant(Math.min(batch.quietUntilMs, batch.latestMs));
    pending.asked.push({
      at: instant(nowMs),
      gates: [...gates, { gate: 'coalesce', verdict: 'Defer', because, until }],
    });
  }

  /** It is over, and the occurrence behind it is next. */
  #conclude(pending: Pending, outcome: Evaluation['outcome']): void {
    this.#record(pending, outcome);
    const next = [...this.#queued].find(({ event }) => isSame(event, pending.event));
    if (next === undefined) return;
    this.#queued.delete(next);
    next.untilMs = this.clock.now();
    this.#deferred.add(next);
  }

  #record({ index, event, asked }: Pending, outcome: Evaluation['outcome']): void {
    const { source, key, change } = event;
    const actions = outcome === 'Fires' ? this.rule.actions.map(({ name }) => name) : [];
    this.#done[index] = { source, key, change, asked, outcome, at: instant(this.clock.now()), actions };
  }

  #waitingLike(event: TriggerEvent): Pending | undefined {
    return [...this.#deferred, ...(this.#batch?.held ?? [])].find((other) => isSame(other.event, event));
  }
}

/** As the operator does: who comes after an objection is not asked, and does not count it. */
function askInOrder(
  event: TriggerEvent,
  { rule, instances }: { rule: CompiledRule; instances: RuleInstances },
  context: PluginContext,
): Answers {
  const at = rule.sources.findIndex(({ name }) => name === event.source);
  const own = instances.sources[at];
  const gates: GateAnswer[] = [];
  let window = rule.delivery.coalesce;
  if (own?.decide !== undefined) gates.push(answer(event.source, () => own.decide?.(rule.sources[at]?.config, event)));
  for (const [i, { name, config }] of rule.filters.entries()) {
    if (gates.some(({ verdict }) => verdict !== 'Pass')) break;
    const ask = () => {
      const verdict = instances.filters[i]?.decide(config, event, context);
      if (verdict !== undefined && 'pass' in verdict) window = longestWindow(window, verdict.coalesce);
      return verdict;
    };
    gates.push(answer(name, ask));
  }
  return { gates, window };
}

function earliest(waiting: ReadonlySet<Pending>): Pending | undefined {
  return [...waiting].toSorted((a, b) => a.untilMs - b.untilMs || a.index - b.index)[0];
}

function isSame(a: TriggerEvent, b: TriggerEvent): boolean {
  return a.source === b.source && a.key === b.key;
}

function instant(atMs: number): string {
  return new Date(atMs).toISOString().replace('.000Z', 'Z');
}
