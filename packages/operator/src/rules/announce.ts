import type { Compilation, RuleIdentity, RuleReport, TriggerEvent } from '@kube-trigger/core';
import type { EventRecorder } from '@kube-trigger/kube';
import { API_GROUP_VERSION } from '../api/resources.js';
import { reasonOf } from './conditions.js';

/** Turns what happened to a rule into Events on it: what `kubectl describe` shows, with the reasons of the conditions. */
export function announce(
  events: EventRecorder,
  rule: RuleIdentity,
  news: RuleReport | { readonly type: 'compiled'; readonly compilation: Compilation },
): void {
  const { namespace, name, uid } = rule;
  const regarding = { apiVersion: API_GROUP_VERSION, kind: 'TriggerRule', namespace, name, uid };
  const normal = (reason: string, message: string) => events.record({ regarding, type: 'Normal', reason, message });
  const warn = (reason: string, message: string) => events.record({ regarding, type: 'Warning', reason, message });
  switch (news.type) {
    case 'compiled':
      if ('issues' in news.compilation) {
        const { issues, reason } = news.compilation;
        warn(reason, issues.map((issue) => `${issue.path}: ${issue.message}`).join('; '));
      } else if (news.compilation.tolerated !== undefined) {
        const { issues, reason } = news.compilation.tolerated;
        const told = issues.map((issue) => `${issue.path}: ${issue.message}`).join('; ');
        warn(reason, `${told}. The rule was valid before and goes on as it was`);
      }
      return;
    case 'source':
      if (news.error !== undefined) warn(reasonOf(news.error), `${news.source}: ${news.error.explanation}`);
      return;
    case 'check':
      if (news.error !== undefined) warn(reasonOf(news.error), `${news.action}: ${news.error.explanation}`);
      return;
    case 'attemptFailed':
      warn(reasonOf(news.error), `${news.action} for ${subject(news.event)}: ${news.error.explanation}`);
      return;
    case 'settled': {
      if (news.outcome === 'dropped') return;
      const targets = news.actions.flatMap((action) =>
        action.targets.map((target) => `${target.target} ${target.outcome}`),
      );
      const told = `${subject(news.event)}: ${targets.slice(0, 5).join(', ')}${targets.length > 5 ? ` +${targets.length - 5}` : ''}`;
      if (news.outcome === 'failed')
        warn('GivenUp', `${subject(news.event)} was given up; kube-trigger retry delivers it again`);
      else normal(news.outcome === 'done' ? 'Fired' : 'Unchanged', told);
      return;
    }
    case 'checkpoint':
    case 'fault':
      if (news.error !== undefined) warn(reasonOf(news.error), news.error.explanation);
      return;
    case 'tripped':
      warn('Tripped', news.error.explanation);
      return;
    case 'resumed':
      normal('Resumed', 'The breaker was reset; held changes are delivered');
      return;
    case 'waiting':
    case 'verdict':
  }
}

function subject(event: TriggerEvent): string {
  const keys =
    event.changedKeys === undefined || event.changedKeys.length === 0
      ? ''
      : ` (${event.changedKeys.slice(0, 5).join(', ')})`;
  return `${event.key} ${event.change}${keys}`;
}
