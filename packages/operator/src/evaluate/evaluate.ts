import 'reflect-metadata';
import {
  type CompiledRule,
  instantiate,
  type Logger,
  LoggerToken,
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
  /** Each time that the gates were asked: at first, and again whenever a filter let it wait. */
  readonly asked: readonly { readonly at: string; readonly gates: readonly GateAnswer[] }[];
  /** `Replaced`: a newer state of the same key came while it waited. `Waits`: it was still let wait after 1,000 questions. */
  readonly outcome: 'Fires' | 'Drop' | 'Replaced' | 'Waits' | 'Error';
  readonly at: string;
  /** What would be run; empty unless it fires. */
  readonly actions: readonly string[];
}

const MAX_ASKED = 1000;

interface Pending {
  readonly index: number;
  readonly event: TriggerEvent;
  readonly asked: { readonly at: string; readonly gates: readonly GateAnswer[] }[];
  untilMs: number;
}

/**
 * Asks a rule's own gates and filters about recorded events, on a clock that stands where the events say. States of one key replace each
 * other while they wait, as in the operator; occurrences queue up. Executes no action and reads nothing.
 */
export async function evaluate(
  rule: CompiledRule,
  events: readonly RecordedEvent[],
  logger: Logger,
): Promise<Evaluation[]> {
  const clock = new VirtualTimeScheduler();
  const context = { rule: rule.identity, logger, scheduler: clock, random: () => 0 };
  // Constructors want a client; gates never ask it.
  const kube = createKubeClient({ auth: staticAuth({ server: 'https://offline.invalid', token: '' }), logger });
  const container = rootContainer.createChildContainer();
  container.register(KubeClientToken, { useValue: kube });
  container.register(DigestKeyToken, { useValue: digestKeyProvider(kube, 'default') });
  container.register(LoggerToken, { useValue: logger });
  container.register(SchedulerToken, { useValue: clock });
  container.register(RandomToken, { useValue: () => 0 });
  const instances = instantiate({ ...rule, actions: [] }, container);
  const done: Evaluation[] = [];
  const waiting = new Set<Pending>();
  const end = ({ index, event, asked }: Pending, outcome: Evaluation['outcome']) => {
    const { source, key, change } = event;
    const actions = outcome === 'Fires' ? rule.actions.map(({ name }) => name) : [];
    done[index] = { source, key, change, asked, outcome, at: instant(clock.now()), actions };
  };
  const ask = (pending: Pending) => {
    const gates = askInOrder(pending.event, { rule, instances }, context);
    pending.asked.push({ at: instant(clock.now()), gates });
    const last = gates.find(({ verdict }) => verdict !== 'Pass');
    if (last === undefined) return end(pending, 'Fires');
    if (last.verdict !== 'Defer') return end(pending, last.verdict === 'Drop' ? 'Drop' : 'Error');
    if (pending.asked.length >= MAX_ASKED) return end(pending, 'Waits');
    pending.untilMs = Math.max(Date.parse(last.until ?? ''), clock.now() + 1);
    waiting.add(pending);
  };
  const runUntil = (atMs: number) => {
    for (let next = earliest(waiting); next !== undefined && next.untilMs <= atMs; next = earliest(waiting)) {
      waiting.delete(next);
      clock.frame = Math.max(clock.now(), next.untilMs);
      ask(next);
    }
    if (Number.isFinite(atMs)) clock.frame = Math.max(clock.now(), atMs);
  };
  try {
    for (const [index, { event }] of events.entries()) {
      runUntil(event.observedAtMs);
      const before = [...waiting].find((other) => event.change !== 'occurred' && isSame(other.event, event));
      if (before !== undefined) {
        waiting.delete(before);
        end(before, 'Replaced');
      }
      const waitingSinceMs = before?.event.waitingSinceMs ?? event.waitingSinceMs;
      ask({ index, event: { ...event, waitingSinceMs }, asked: [], untilMs: event.observedAtMs });
    }
    runUntil(Infinity);
    return done;
  } finally {
    await instances.dispose();
    await kube.close();
  }
}

/** As the operator does: who comes after an objection is not asked, and does not count it. */
function askInOrder(
  event: TriggerEvent,
  { rule, instances }: { rule: CompiledRule; instances: RuleInstances },
  context: PluginContext,
): GateAnswer[] {
  const at = rule.sources.findIndex(({ name }) => name === event.source);
  const own = instances.sources[at];
  const gates: GateAnswer[] = [];
  if (own?.decide !== undefined) gates.push(answer(event.source, () => own.decide?.(rule.sources[at]?.config, event)));
  for (const [i, { name, config }] of rule.filters.entries()) {
    if (gates.some(({ verdict }) => verdict !== 'Pass')) break;
    gates.push(answer(name, () => instances.filters[i]?.decide(config, event, context)));
  }
  return gates;
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
