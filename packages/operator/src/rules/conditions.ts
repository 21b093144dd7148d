import type { Compilation, RuleIssue, TriggerError } from '@kube-trigger/core';
import type { Condition, DeadLetter } from './trigger-rule.js';

export interface Trouble {
  /** Which source or action. */
  readonly where: string;
  readonly error: TriggerError;
}

export interface RuleFacts {
  readonly compilation: Compilation;
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
 * The conditions by kstatus' reading (sigs.k8s.io/cli-utils, pkg/kstatus): `Stalled` is True when nothing but a person's deed goes on,
 * which means failed; `Ready` is True only when every source is watched and nothing is known to be in the way. Never both.
 */
export function conditionsOf(facts: RuleFacts): Finding[] {
  const { compilation } = facts;
  if ('issues' in compilation) return invalid(told(compilation.issues), compilation.reason);
  return [accepted(compilation.tolerated), ready(facts), stalled(facts)];
}

function accepted(tolerated: { issues: readonly RuleIssue[]; reason: string } | undefined): Finding {
  if (tolerated === undefined)
    return { type: 'Accepted', status: 'True', reason: 'Accepted', message: 'The rule is valid.' };
  const { issues, reason } = tolerated;
  const goesOn = 'The rule was valid before a plugin changed and goes on as it was.';
  return { type: 'Accepted', status: 'False', reason, message: `${told(issues)}. ${goesOn}` };
}

function invalid(message: string, reason: string): Finding[] {
  return [
    { type: 'Accepted', status: 'False', reason, message },
    { type: 'Ready', status: 'False', reason, message: `The rule does nothing until it is valid: ${message}` },
    { type: 'Stalled', status: 'True', reason, message: `The rule must be changed: ${message}` },
  ];
}

function told(issues: readonly RuleIssue[]): string {
  return issues.map((issue) => `${issue.path}: ${issue.message}`).join('; ');
}

function ready(facts: RuleFacts): Finding {
  const not = (reason: string, message: string): Finding => ({ type: 'Ready', status: 'False', reason, message });
  const stuck = stuckBecause(facts);
  if (isSuspended(facts)) return not('Suspended', 'spec.suspend is true; changes are acted on when it is false again.');
  if (facts.tripped !== undefined) return not('Tripped', facts.tripped);
  if (facts.checkpoint !== undefined) return not(reasonOf(facts.checkpoint), facts.checkpoint.explanation);
  const trouble = facts.degraded[0] ?? facts.checks[0] ?? facts.failing[0];
  if (trouble !== undefined) return not(reasonOf(trouble.error), `${trouble.where}: ${trouble.error.explanation}`);
  if (stuck !== undefined) return not(stuck.reason, stuck.message);
  if (facts.fault !== undefined) return not(reasonOf(facts.fault), facts.fault.explanation);
  if (facts.opening.length > 0)
    return not('Syncing', `Waiting for the first inventory of ${facts.opening.join(', ')}.`);
  return { type: 'Ready', status: 'True', reason: 'Watching', message: 'Every source is watched.' };
}

function stalled(facts: RuleFacts): Finding {
  const stuck = stuckBecause(facts);
  if (stuck !== undefined) return { type: 'Stalled', status: 'True', ...stuck };
  return { type: 'Stalled', status: 'False', reason: 'NotStalled', message: 'Nothing waits for a person.' };
}

/** What only a person can end. */
function stuckBecause({ tripped, deadLetters }: RuleFacts): { reason: string; message: string } | undefined {
  if (tripped !== undefined) return { reason: 'Tripped', message: tripped };
  const [letter] = deadLetters;
  if (letter === undefined) return undefined;
  const more = deadLetters.length > 1 ? ` (and ${deadLetters.length - 1} more)` : '';
  const message = `${letter.key} was given up (${letter.reason})${more}: ${letter.message}. kube-trigger retry delivers it again`;
  return { reason: 'DeadLetters', message };
}

function isSuspended({ compilation }: RuleFacts): boolean {
  return 'suspend' in compilation && compilation.suspend;
}

/** `KT_KUBE_NOT_FOUND` → `KubeNotFound`: conditions take one CamelCase word. */
export function reasonOf(error: TriggerError): string {
  return error.code
    .replace(/^KT_/, '')
    .split('_')
    .map((word) => word.charAt(0) + word.slice(1).toLowerCase())
    .join('');
}
