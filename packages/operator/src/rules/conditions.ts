import type { CompiledRule, RuleIssue, TriggerError } from '@kube-trigger/core';
import type { Condition, DeadLetter } from './trigger-rule.js';

export interface Trouble {
  /** Which source or action. */
  readonly where: string;
  readonly error: TriggerError;
}

export interface RuleFacts {
  readonly phase: { issues: readonly RuleIssue[]; reason: string } | 'suspended' | 'standby' | CompiledRule;
  readonly opening: readonly string[];
  readonly degraded: readonly Trouble[];
  readonly checks: readonly Trouble[];
  readonly failing: readonly Trouble[];
  readonly checkpoint: TriggerError | undefined;
  readonly fault: TriggerError | undefined;
  readonly tripped: string | undefined;
  readonly deadLetters: readonly DeadLetter[];
}

type Finding = Pick<Condition, 'type' | 'status' | 'reason' | 'message'>;

/**
 * The conditions by kstatus' reading: `Ready` is True only when every source is watched and nothing is known to be in the way; `Stalled`
 * is True when nothing but a person's deed goes on (see sigs.k8s.io/cli-utils, pkg/kstatus).
 */
export function conditionsOf(facts: RuleFacts): Finding[] {
  const { phase } = facts;
  if (typeof phase !== 'string' && 'issues' in phase) return invalid(phase);
  return [
    { type: 'Accepted', status: 'True', reason: 'Accepted', message: 'The rule is valid.' },
    ready(facts),
    stalled(facts),
  ];
}

function invalid({ issues, reason }: { issues: readonly RuleIssue[]; reason: string }): Finding[] {
  const message = issues.map((issue) => `${issue.path}: ${issue.message}`).join('; ');
  return [
    { type: 'Accepted', status: 'False', reason, message },
    { type: 'Ready', status: 'False', reason, message: 'The rule is not valid and does nothing; see Accepted.' },
    { type: 'Stalled', status: 'True', reason, message: 'The rule must be changed; see Accepted.' },
  ];
}

function ready(facts: RuleFacts): Finding {
  const not = (reason: string, message: string): Finding => ({ type: 'Ready', status: 'False', reason, message });
  if (facts.phase === 'suspended')
    return not('Suspended', 'spec.suspend is true; changes are acted on when it is false again.');
  if (facts.phase === 'standby') return not('Standby', 'No operator leads at the moment.');
  if (facts.tripped !== undefined) return not('Tripped', facts.tripped);
  if (facts.checkpoint !== undefined) return not(reasonOf(facts.checkpoint), facts.checkpoint.explanation);
  const trouble = facts.degraded[0] ?? facts.checks[0] ?? facts.failing[0];
  if (trouble !== undefined) return not(reasonOf(trouble.error), `${trouble.where}: ${trouble.error.explanation}`);
  if (facts.fault !== undefined) return not(reasonOf(facts.fault), facts.fault.explanation);
  if (facts.opening.length > 0)
    return not('Syncing', `Waiting for the first inventory of ${facts.opening.join(', ')}.`);
  return { type: 'Ready', status: 'True', reason: 'Watching', message: 'Every source is watched.' };
}

function stalled(facts: RuleFacts): Finding {
  const is = (reason: string, message: string): Finding => ({ type: 'Stalled', status: 'True', reason, message });
  if (facts.tripped !== undefined) return is('Tripped', facts.tripped);
  const letter = facts.deadLetters[0];
  if (letter !== undefined)
    return is('DeadLetters', `${letter.key} was given up (${letter.reason}): ${letter.message}`);
  return { type: 'Stalled', status: 'False', reason: 'NotStalled', message: 'Nothing waits for a person.' };
}

/** `KT_KUBE_NOT_FOUND` → `KubeNotFound`: conditions take one CamelCase word. */
export function reasonOf(error: TriggerError): string {
  return error.code
    .replace(/^KT_/, '')
    .split('_')
    .map((word) => word.charAt(0) + word.slice(1).toLowerCase())
    .join('');
}
