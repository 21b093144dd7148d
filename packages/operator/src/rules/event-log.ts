import type { RuleReport, SettledReport, TriggerEvent, UnderWay } from '@kube-trigger/core';
import { RESULT, SHOWN, short, timeText } from './status-text.js';
import type { ActionResultItem, GateVerdict, HistoryItem, PendingItem } from './trigger-rule.js';

/** What is known of an event that is under way. */
interface Trace {
  readonly gates: ReadonlyMap<string, GateVerdict>;
  readonly waits?: Omit<PendingItem, 'source' | 'key' | 'since'> | undefined;
}

const NOTHING: Trace = { gates: new Map() };
/** Who looks again sooner does so all the time: its next look would be a write of the status for each. */
export const FAR_MS = 10_000;

/**
 * The last events of a rule with every verdict on their way, and what those under way wait for: the answer to "why did it (not) fire?".
 * Names and reasons only, never values. Bounded by the keys under way.
 */
export class EventLog {
  /** Made for the first one: most rules have nothing under way. */
  #traces: Map<string, Trace> | undefined;

  constructor(
    public history: readonly HistoryItem[],
    private readonly now: () => number,
  ) {}

  apply(report: RuleReport): void {
    switch (report.type) {
      case 'verdict':
        return this.#verdict(report);
      case 'attemptFailed':
        if (report.nextAttemptAtMs === undefined) return;
        return this.#waits(report.event, {
          state: 'Retrying',
          by: report.action,
          because: short(`${report.error.code}: ${report.error.explanation}`),
          until: timeText(report.nextAttemptAtMs),
        });
      case 'waiting':
        return this.#waits(report.event, {
          state: 'Waiting',
          by: report.action,
          because: short(report.because),
          ...(report.againAtMs - this.now() >= FAR_MS ? { until: timeText(report.againAtMs) } : {}),
        });
      case 'undone':
        this.#traces?.delete(idOf(report));
        return;
      case 'settled':
        this.#settled(report);
    }
  }

  pending(underWay: readonly UnderWay[], isHeld: boolean): readonly PendingItem[] {
    return underWay.slice(0, SHOWN).map(({ source, key, sinceMs }) => {
      const waits = this.#traces?.get(idOf({ source, key }))?.waits;
      const state = isHeld ? { state: 'Held' as const } : (waits ?? { state: 'Delivering' as const });
      return { source, key, since: timeText(sinceMs), ...state };
    });
  }

  #verdict(report: Extract<RuleReport, { type: 'verdict' }>): void {
    const { event, gate: name, because } = report;
    const verdict = report.verdict === 'drop' ? ('Dropped' as const) : ('Deferred' as const);
    const id = idOf(event);
    const trace = this.#traces?.get(id) ?? NOTHING;
    const gates = new Map(trace.gates).set(name, { name, verdict, because: short(because) });
    (this.#traces ??= new Map()).set(id, { ...trace, gates });
    if (report.verdict === 'defer')
      this.#waits(event, { state: 'Deferred', by: name, because: short(because), until: timeText(report.untilMs) });
  }

  #waits(event: TriggerEvent, waits: NonNullable<Trace['waits']>): void {
    const id = idOf(event);
    (this.#traces ??= new Map()).set(id, { ...(this.#traces?.get(id) ?? NOTHING), waits });
  }

  #settled({ event, outcome, actions, tookMs }: SettledReport): void {
    const gates = [...(this.#traces?.get(idOf(event)) ?? NOTHING).gates.values()];
    this.#traces?.delete(idOf(event));
    const dropped = gates.find(({ verdict }) => verdict === 'Dropped');
    const failure = actions.find(({ error }) => error !== undefined)?.error?.explanation;
    const because = dropped === undefined ? failure : `${dropped.name}: ${dropped.because}`;
    const item: HistoryItem = {
      time: timeText(this.now()),
      source: event.source,
      key: event.key,
      change: event.change,
      ...(event.changedKeys === undefined ? {} : { changedKeys: event.changedKeys.slice(0, SHOWN) }),
      ...(event.manual === undefined ? {} : { manualBy: event.manual.by }),
      result: RESULT[outcome],
      ...(because === undefined ? {} : { because: short(because) }),
      tookSeconds: Math.max(0, Math.round(tookMs / 100) / 10),
      ...(gates.length === 0 ? {} : { gates: gates.slice(0, SHOWN) }),
      ...(actions.length === 0 ? {} : { actions: actions.slice(0, SHOWN).map(resultOf) }),
    };
    this.history = [item, ...this.history].slice(0, SHOWN);
  }
}

function resultOf({ action, outcome, attempts, targets, error }: SettledReport['actions'][number]): ActionResultItem {
  const because = error === undefined ? {} : { because: short(`${error.code}: ${error.explanation}`) };
  return { name: action, result: RESULT[outcome], attempts, targets: targets.length, ...because };
}

function idOf({ source, key }: { readonly source: string; readonly key: string }): string {
  return `${source}\n${key}`;
}
