import { PASS, type TriggerEvent, type Verdict } from '@kube-trigger/core';

const NOUNS = { created: 'a creation', updated: 'an update', deleted: 'a deletion' } as const;

/** The verdict of the option `on`: a change that it does not list is dropped. */
export function decideOn(on: readonly string[], { change }: Pick<TriggerEvent, 'change'>): Verdict {
  if (change === 'occurred' || on.includes(change)) return PASS;
  return { drop: `${NOUNS[change]}; on lists ${on.join(', ')}` };
}
