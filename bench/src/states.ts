import { CAUSE_ANNOTATION } from '@kube-trigger/action-rollout';

/*
 * A numbered change is told by its target alone, without looking into digests: state n of a source is a ConfigMap with the single data
 * key `state-<999999 - n>`. From one state to a later one two keys change, and as a cause shows the first of the changed keys in order,
 * it always names the newest.
 */
const LAST = 999_999;

/** The `data` of a source in this state. */
export function dataOf(state: number): Record<string, string> {
  if (!Number.isInteger(state) || state < 0 || state > LAST) throw new RangeError(`state ${state}`);
  return { [`state-${String(LAST - state).padStart(6, '0')}`]: String(state) };
}

/** The state of a ConfigMap's `data`, if it is one of these. */
export function stateOf(data: Readonly<Record<string, string>> | undefined): number | undefined {
  const state = Number(Object.values(data ?? {})[0]);
  return Number.isInteger(state) ? state : undefined;
}

/** The newest state that the cause on a pod template names; undefined where it names none. */
export function newestIn(annotations: Readonly<Record<string, string>>): number | undefined {
  return newestNamed(annotations[CAUSE_ANNOTATION] ?? '');
}

/** The newest state that a text names whose keys are in order. */
export function newestNamed(text: string): number | undefined {
  const found = /\bstate-(\d{6})\b/.exec(text)?.[1];
  return found === undefined ? undefined : LAST - Number(found);
}
