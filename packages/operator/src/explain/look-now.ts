import {
  type ActionContext,
  type CheckpointStore,
  type CompiledRule,
  type Logger,
  type PluginContext,
  type RuleInstances,
  RuleRunner,
  type Source,
  toTriggerError,
  type TriggerEvent,
} from '@kube-trigger/core';
import { setTimeout } from 'node:timers/promises';
import { asyncScheduler } from 'rxjs';

export interface GateAnswer {
  readonly gate: string;
  readonly verdict: 'Pass' | 'Stop' | 'Drop' | 'Defer' | 'Error';
  readonly because?: string;
  readonly until?: string;
}

export interface LookNow {
  /** What differs from the checkpoint: each of these would be asked and delivered now. */
  readonly events: readonly TriggerEvent[];
  /** Ids of events whose delivery began already, by the checkpoint (which follows within seconds). */
  readonly begun: ReadonlySet<string>;
  readonly sources: readonly SourceLook[];
}

export interface SourceLook {
  readonly name: string;
  readonly state: 'Opening' | 'Synced' | 'Degraded';
  readonly because?: string;
}

const LOOK_MS = 20;

export interface LookOptions {
  readonly rule: CompiledRule;
  readonly instances: RuleInstances;
  readonly checkpoints: CheckpointStore;
  readonly logger: Logger;
  /** How long sources may take to say what there is. */
  readonly withinMs: number;
}

/** Runs the rule's sources against the checkpoint as the operator would, with neither gates nor actions, until each has said what there is. */
export async function lookNow({ rule, instances, checkpoints, logger, withinMs }: LookOptions): Promise<LookNow> {
  const events: TriggerEvent[] = [];
  const begun = new Set<string>();
  // Whatever a filter wants to look at is read as for an action.
  const needsObject = rule.filters.some((item) => item.needsObject);
  const action = rule.actions.slice(0, 1).map((item) => ({ ...item, needsObject }));
  const runner = new RuleRunner(
    { ...rule, filters: [], actions: action },
    {
      sources: instances.sources.map(withoutGate),
      filters: [],
      actions: action.map(() => ({
        run: (_config, { event, redelivered }) => {
          events.push(event);
          if (redelivered) begun.add(event.id);
          return Promise.resolve({ outcome: 'unchanged', targets: [] });
        },
      })),
      dispose: () => Promise.resolve(),
    },
    { checkpoints, scheduler: asyncScheduler, random: Math.random, logger },
  );
  const states = new Map(rule.sources.map(({ name }): [string, SourceLook] => [name, { name, state: 'Opening' }]));
  runner.reports.subscribe((report) => {
    if (report.type !== 'source' || report.state === 'opening') return;
    const state = report.state === 'synced' ? 'Synced' : 'Degraded';
    const because = report.error === undefined ? {} : { because: report.error.explanation };
    states.set(report.source, { name: report.source, state, ...because });
  });
  const isComplete = () =>
    runner.counts.underWay === 0 && [...states.values()].every(({ state }) => state !== 'Opening');
  try {
    await runner.start();
    // A tripped breaker would hold up what is asked for here; it is told apart.
    runner.resume();
    for (let leftMs = withinMs; leftMs > 0 && !isComplete(); leftMs -= LOOK_MS) await setTimeout(LOOK_MS);
  } finally {
    await runner.stop();
  }
  return { events, begun, sources: [...states.values()] };
}

/** All of the source but its own gate. */
function withoutGate(source: Source): Source {
  return {
    open: (config, context) => source.open(config, context),
    ...(source.identity === undefined ? {} : { identity: (config) => source.identity?.(config) ?? '' }),
    ...(source.read === undefined ? {} : { read: source.read.bind(source) }),
  };
}

/** Every gate's answer to one event, also of those that come after an objection. */
export function askGates(
  event: TriggerEvent,
  { rule, instances }: { rule: CompiledRule; instances: RuleInstances },
  context: PluginContext,
): GateAnswer[] {
  const at = rule.sources.findIndex(({ name }) => name === event.source);
  const source = instances.sources[at];
  const own =
    source?.decide === undefined ? [] : [answer(event.source, () => source.decide?.(rule.sources[at]?.config, event))];
  const filters = rule.filters.map(({ name, config }, i) =>
    answer(name, () => instances.filters[i]?.decide(config, event, context)),
  );
  return [...own, ...filters];
}

/** The actions' objections to one event, after their checks: only where none of them has something to do. */
export function askActions(
  event: TriggerEvent,
  { rule, instances }: { rule: CompiledRule; instances: RuleInstances },
  context: PluginContext,
): GateAnswer[] {
  const idle = rule.actions.map(({ name, config }, i): GateAnswer =>
    answer(name, () => {
      const because = instances.actions[i]?.idle?.(config, event, context);
      return because === undefined ? {} : { drop: because };
    }),
  );
  return idle.every(({ verdict }) => verdict === 'Drop') ? idle : [];
}

/** One gate's verdict; what it throws is one, too. */
export function answer(gate: string, ask: () => unknown): GateAnswer {
  try {
    const said = ask() as Partial<Record<'drop' | 'because', string>> & { deferUntilMs?: number };
    if (said.drop !== undefined) return { gate, verdict: 'Drop', because: said.drop };
    if (said.deferUntilMs === undefined) return { gate, verdict: 'Pass' };
    const until = Number.isFinite(said.deferUntilMs) ? { until: new Date(said.deferUntilMs).toISOString() } : {};
    return { gate, verdict: 'Defer', ...(said.because === undefined ? {} : { because: said.because }), ...until };
  } catch (thrown) {
    return { gate, verdict: 'Error', because: toTriggerError(thrown).explanation };
  }
}

/** What each action's own check says of its target and rights. */
export async function checkTargets(
  { rule, instances }: { rule: CompiledRule; instances: RuleInstances },
  context: ActionContext,
): Promise<GateAnswer[]> {
  return Promise.all(
    rule.actions.map(async ({ name, config }, i): Promise<GateAnswer> => {
      try {
        await instances.actions[i]?.check?.(config, context);
        return { gate: name, verdict: 'Pass' };
      } catch (thrown) {
        return { gate: name, verdict: 'Error', because: toTriggerError(thrown).explanation };
      }
    }),
  );
}
