import { selectorMatches } from '@kube-trigger/kube';
import { targetOf } from '../errors.js';
import type { Target } from '../targets/target.js';
import type { Wave } from './config.js';

/**
 * Who comes when: one list per wave, and last, if there is anyone left, those that no wave names. A target is in the first wave that names it
 * by its labels; shares are dealt out among the others by name. So it follows from what is there alone: after a restart the waves are
 * the same, and one target more or less moves others by one place at most.
 */
export function wavesOf(targets: readonly Target[], waves: readonly Wave[] = []): Target[][] {
  const named = waves.map((): Target[] => []);
  const others: Target[] = [];
  for (const target of inOrder(targets)) {
    const index = waves.findIndex((wave) => isByLabels(wave) && selectorMatches(wave, target.workload.labels));
    (named[index] ?? others).push(target);
  }
  let [percent, counted, taken] = [0, 0, 0];
  const shares = waves.map((wave, index) => {
    if (isByLabels(wave)) return named[index] ?? [];
    percent += wave.percent ?? 0;
    counted += wave.count ?? 0;
    const begin = taken;
    taken = Math.ceil((others.length * percent) / 100) + counted;
    return others.slice(begin, taken);
  });
  const rest = others.slice(taken);
  return rest.length === 0 ? shares : [...shares, rest];
}

function isByLabels({ percent, count }: Wave): boolean {
  return percent === undefined && count === undefined;
}

function inOrder(targets: readonly Target[]): Target[] {
  return targets
    .map((target) => ({ target, by: [target.ref.name, targetOf(target.ref)].join('\n') }))
    .toSorted((a, b) => (a.by < b.by ? -1 : 1))
    .map(({ target }) => target);
}
