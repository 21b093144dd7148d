import type { RuleStatus } from '../rules/trigger-rule.js';
import type { GateAnswer } from './look-now.js';

interface Judged {
  readonly metadata: { readonly generation?: number };
  readonly spec?: { readonly suspend?: boolean };
  readonly status?: RuleStatus;
}

/** What stands between any change and the actions of a rule, by its status: each with its verdict, in the order of a change's way. */
export function standingGates({ metadata, spec, status = {} }: Judged): GateAnswer[] {
  const { generation = 0 } = metadata;
  const { observedGeneration, tripped, sources = [], actions = [] } = status;
  const accepted = status.conditions?.find(({ type }) => type === 'Accepted');
  const goesOn = status.acceptedGeneration === generation;
  return [
    observedGeneration === generation
      ? pass('operator', `looked at generation ${generation}`)
      : stop(
          'operator',
          `no operator has looked at generation ${generation} yet; is one running, and for this namespace?`,
        ),
    accepted === undefined || accepted.status === 'True' || goesOn
      ? pass('accepted', accepted?.message ?? '')
      : stop('accepted', accepted.message),
    spec?.suspend === true ? stop('suspend', 'spec.suspend is true; kube-trigger resume') : pass('suspend', ''),
    tripped === undefined || tripped === null
      ? pass('breaker', '')
      : stop('breaker', `${tripped}; kube-trigger resume`),
    ...sources.map(({ name, state, keys = 0, lastEvent, message }) => {
      const seen = `${state}, ${keys} ${keys === 1 ? 'key' : 'keys'}, last change ${lastEvent ?? 'none since the baseline'}`;
      return state === 'Synced' ? pass(name, seen) : stop(name, message ?? `${state}: it cannot be seen yet`);
    }),
    ...actions.map(({ name, lastResult, reason, message, nextAttempt }) => {
      const last = [lastResult ?? 'not run yet', reason, message].filter((part) => part !== undefined).join(': ');
      const again = nextAttempt === undefined ? last : `${last}; next attempt ${nextAttempt}`;
      return lastResult === 'Failed' || lastResult === 'Retrying' ? stop(name, again) : pass(name, again);
    }),
  ];
}

function pass(gate: string, because: string): GateAnswer {
  return { gate, verdict: 'Pass', ...(because === '' ? {} : { because }) };
}

function stop(gate: string, because: string): GateAnswer {
  return { gate, verdict: 'Stop', because };
}
