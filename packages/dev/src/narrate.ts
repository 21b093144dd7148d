import type { ActionOutcome, Logger, RuleReport, TriggerError, TriggerEvent } from '@kube-trigger/core';
import type { Line } from './protocol.js';

/** What happened to a rule, for people who wait for it; nothing for what others of its reports say. */
export function narrate(rule: { readonly namespace: string; readonly name: string }, report: RuleReport): Line[] {
  const about = `${rule.namespace}/${rule.name}`;
  const bad = (text: string): Line[] => [{ about, text, tone: 'bad' }];
  switch (report.type) {
    case 'source':
      return report.error === undefined ? [] : bad(`${report.source} cannot see: ${inWords(report.error)}`);
    case 'verdict': {
      const verb = report.verdict === 'drop' ? 'dropped' : 'deferred';
      return [{ about, text: `${changeOf(report.event)}: ${verb} by ${report.gate}: ${report.because}` }];
    }
    case 'waiting':
      return [{ about, text: `${changeOf(report.event)} → ${report.action} waits: ${report.because}` }];
    case 'attemptFailed': {
      const { event, action, nextAttemptAtMs: next } = report;
      const then = next === undefined ? 'given up' : `again at ${new Date(next).toTimeString().slice(0, 8)}`;
      return bad(`${changeOf(event)} → ${action} failed, ${then}: ${inWords(report.error)}`);
    }
    case 'settled':
      return report.actions.flatMap((action) => settled(about, report.event, action));
    case 'undone':
      return [{ about, text: `${report.key} is as it was: nothing to do` }];
    case 'check':
    case 'checkpoint':
      return report.error === undefined ? [] : bad(`${report.type}: ${inWords(report.error)}`);
    case 'tripped':
      return bad(inWords(report.error));
    case 'fault':
      return bad(`${report.where}: ${inWords(report.error)}`);
    default:
      return [];
  }
}

/** Failures were said when they happened. */
function settled(about: string, event: TriggerEvent, { action, outcome, targets }: ActionOutcome): Line[] {
  if (outcome === 'failed' || outcome === 'skipped') return [];
  const where = targets.map(({ target }) => target).join(', ');
  return [{ about, text: `${changeOf(event)} → ${action} ${outcome} ${where}`.trimEnd(), tone: 'good' }];
}

function changeOf({ key, change, changedKeys = [] }: TriggerEvent): string {
  const parts = changedKeys.length === 0 ? '' : ` (${changedKeys.join(', ')})`;
  return `${key} ${change}${parts}`;
}

function inWords({ code, explanation }: TriggerError): string {
  return `${explanation} [${code}]`;
}

/** What the host logs of which `narrate` tells, and that it comes and goes. */
const TOLD = new Set([
  'source degraded',
  'action failed',
  'check failed',
  'checkpoint failed',
  'breaker tripped',
  'breaker reset',
  'plugin fault',
  'operator started',
  'operator stopped',
]);

/** A logger for the host and its plugins whose lines, from `info` on, are said. */
export function narratingLogger(say: (line: Line) => void, facts: Readonly<Record<string, unknown>> = {}): Logger {
  const quiet = () => undefined;
  const tell = (tone?: 'bad') => (more: object, message: string) => {
    if (TOLD.has(message)) return;
    const { plugin, rule, ...rest } = { ...facts, ...more } as Record<string, unknown>;
    const about = typeof plugin === 'string' ? plugin : typeof rule === 'string' ? rule : 'operator';
    const text = Object.keys(rest).length === 0 ? message : `${message} ${JSON.stringify(rest)}`;
    say({ about, text, tone });
  };
  return {
    trace: quiet,
    debug: quiet,
    info: tell(),
    warn: tell('bad'),
    error: tell('bad'),
    child: (more) => narratingLogger(say, { ...facts, ...more }),
  };
}
