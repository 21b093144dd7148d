import type { PluginContext } from '../contract/context.js';
import { toTriggerError, TriggerError } from '../contract/errors.js';
import type { TriggerEvent, Verdict } from '../contract/events.js';
import type { CompiledRule, RuleInstances } from '../rule/compiled-rule.js';
import type { Observation } from './observation.js';
import type { RuleReport } from './report.js';

/** A verdict other than `pass`, and whose it is. */
export interface Objection {
  readonly gate: string;
  readonly verdict: Exclude<Verdict, { pass: true }>;
}

/** Asks the source's own gate and then the rule's filters; undefined when all pass. */
export type Decide = (observation: Observation, event: TriggerEvent) => Objection | undefined;

/** A gate that fails is asked again after so long: never a silent pass, never a silent drop. */
const ASK_AGAIN_MS = 30_000;

export function gatesOf(
  rule: CompiledRule,
  { filters }: RuleInstances,
  on: { readonly context: PluginContext; readonly report: (report: RuleReport) => void },
): Decide {
  const asked = rule.filters.flatMap(({ name, config }, i) => {
    const filter = filters[i];
    return filter === undefined ? [] : [{ name, config, filter }];
  });
  const ask = (gate: string, question: () => unknown): Objection | undefined => {
    let verdict: Verdict;
    try {
      verdict = checked(question());
    } catch (thrown) {
      const error = toTriggerError(thrown);
      on.report({ type: 'fault', where: gate, error });
      const deferUntilMs = on.context.scheduler.now() + ASK_AGAIN_MS;
      verdict = { deferUntilMs, because: `${gate} failed: ${error.message}` };
    }
    return 'pass' in verdict ? undefined : { gate, verdict };
  };
  return ({ source, instance }, event) => {
    const own = 'decide' in instance && instance.decide !== undefined;
    let objection = own ? ask(source.name, () => instance.decide?.(source.config, event)) : undefined;
    for (const { name, config, filter } of asked) {
      objection ??= ask(name, () => filter.decide(config, event, on.context));
    }
    return objection;
  };
}

function checked(answer: unknown): Verdict {
  if (typeof answer === 'object' && answer !== null) {
    const { pass, drop, deferUntilMs, because } = answer as Record<string, unknown>;
    if (pass === true) return { pass };
    if (typeof drop === 'string') return { drop };
    if (typeof deferUntilMs === 'number' && !Number.isNaN(deferUntilMs) && typeof because === 'string')
      return { deferUntilMs, because };
  }
  const kind = answer === null ? 'null' : typeof answer;
  throw new TriggerError('KT_PLUGIN_FAULT', `decide answered with no Verdict (${kind})`);
}
