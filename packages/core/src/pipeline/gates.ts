import type { PluginContext } from '../contract/context.js';
import { toTriggerError, TriggerError } from '../contract/errors.js';
import type { CoalesceWindow, TriggerEvent, Verdict } from '../contract/events.js';
import type { CompiledRule, RuleInstances } from '../rule/compiled-rule.js';
import { attempt, type Cancellation } from './attempt.js';
import type { Observation } from './observation.js';
import { readObject } from './read-object.js';
import type { RuleReport } from './report.js';
import { Semaphore } from './wait.js';

/** A verdict other than `pass`, and whose it is. */
export interface Objection {
  readonly gate: string;
  readonly verdict: Exclude<Verdict, { pass: true }>;
}

/** All gates passed it; with what it is to begin together, by the rule and whoever else asked for that. */
export interface Passage {
  readonly pass: true;
  readonly window: CoalesceWindow;
}

export const AT_ONCE: Passage = { pass: true, window: { quietMs: 0, maxWaitMs: 0 } };

export type Decision = Objection | Passage;

/** Asks the source's own gate and then the rule's filters, up to the first objection. At once, unless a filter looks at the object. */
export type Decide = (observation: Observation, event: TriggerEvent) => Decision | Promise<Decision>;

/** A gate that fails is asked again after so long: never a silent pass, never a silent drop. */
const ASK_AGAIN_MS = 30_000;
const READ_TIMEOUT_MS = 30_000;

export interface GatesOptions {
  readonly context: PluginContext;
  readonly report: (report: RuleReport) => void;
  /** Ends the reading of objects. */
  readonly stopped: AbortSignal;
}

export function gatesOf(rule: CompiledRule, { filters }: RuleInstances, options: GatesOptions): Decide {
  const { context, report, stopped } = options;
  const asked = rule.filters.flatMap(({ name, config, needsObject }, i) => {
    const filter = filters[i];
    return filter === undefined ? [] : [{ name, config, needsObject, filter }];
  });
  const failed = (gate: string, thrown: unknown): Objection => {
    const error = toTriggerError(thrown);
    // No fault of anyone: the deletion is about to be seen, or the rule ends.
    if (error.code !== 'KT_OBJECT_GONE' && !stopped.aborted) report({ type: 'fault', where: gate, error });
    const deferUntilMs = context.scheduler.now() + ASK_AGAIN_MS;
    return { gate, verdict: { deferUntilMs, because: `${gate} failed: ${error.message}` } };
  };
  const ask = (gate: string, question: () => unknown): Objection | { readonly window?: CoalesceWindow } => {
    try {
      const verdict = checked(question());
      return 'pass' in verdict ? { window: verdict.coalesce } : { gate, verdict };
    } catch (thrown) {
      return failed(gate, thrown);
    }
  };
  const askAll = ({ source, instance }: Observation, event: TriggerEvent): Decision | 'needs object' => {
    const own = 'decide' in instance && instance.decide !== undefined;
    let answer = own ? ask(source.name, () => instance.decide?.(source.config, event)) : {};
    let window = rule.delivery.coalesce;
    for (const { name, config, needsObject, filter } of asked) {
      if ('gate' in answer) break;
      if (needsObject && !('object' in event)) return 'needs object';
      answer = ask(name, () => filter.decide(config, event, context));
      if ('window' in answer) window = longestWindow(window, answer.window);
    }
    return 'gate' in answer ? answer : { pass: true, window };
  };
  // No more of them at a time than deliveries: that bounds what is in memory.
  const places = new Semaphore(rule.delivery.concurrency);
  const lookAndAsk = async (observation: Observation, event: TriggerEvent): Promise<Decision> => {
    const leave = await places.acquire();
    try {
      const read = ({ signal }: Cancellation) => readObject(observation, { ...context, signal });
      const object = await attempt(read, { timeoutMs: READ_TIMEOUT_MS, scheduler: context.scheduler, stopped });
      return askAll(observation, { ...event, object }) as Decision;
    } catch (thrown) {
      return failed(observation.source.name, thrown);
    } finally {
      leave();
    }
  };
  return (observation, event) => {
    const answer = askAll(observation, event);
    return answer === 'needs object' ? lookAndAsk(observation, event) : answer;
  };
}

/** What two that ask changes to begin together come to. */
export function longestWindow(one: CoalesceWindow, other: CoalesceWindow = one): CoalesceWindow {
  const quietMs = Math.max(one.quietMs, other.quietMs);
  // Who asks for no quiet has no say in how long it may take.
  const waits = [one, other].filter((window) => window.quietMs > 0).map(({ maxWaitMs }) => maxWaitMs);
  return { quietMs, maxWaitMs: Math.max(0, ...waits) };
}

function checked(answer: unknown): Verdict {
  if (typeof answer === 'object' && answer !== null) {
    const { pass, coalesce, drop, deferUntilMs, because } = answer as Record<string, unknown>;
    if (pass === true && coalesce === undefined) return { pass };
    if (pass === true && isWindow(coalesce)) return { pass, coalesce };
    if (typeof drop === 'string') return { drop };
    if (typeof deferUntilMs === 'number' && !Number.isNaN(deferUntilMs) && typeof because === 'string')
      return { deferUntilMs, because };
  }
  const kind = answer === null ? 'null' : typeof answer;
  throw new TriggerError('KT_PLUGIN_FAULT', `decide answered with no Verdict (${kind})`);
}

function isWindow(value: unknown): value is CoalesceWindow {
  const { quietMs, maxWaitMs } = (value ?? {}) as Record<string, unknown>;
  return Number.isFinite(quietMs) && Number.isFinite(maxWaitMs);
}
