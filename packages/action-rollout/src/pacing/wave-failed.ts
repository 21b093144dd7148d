import { TriggerError } from '@kube-trigger/core';
import { undoneMark } from '../annotations.js';
import { targetOf } from '../errors.js';
import type { Target } from '../targets/target.js';
import type { Failure, Rolling } from './failures.js';
import type { Member, PaceParts, Wave } from './pace.js';

interface Failed {
  readonly wave: Wave;
  readonly failed: readonly Failure[];
  /** All rollouts that are not complete. */
  readonly rolling: readonly Rolling[];
  readonly waves: readonly Wave[];
}

const SHOWN = 3;

/**
 * The end of a change: which rollouts failed, and why. With `onFailure: undo` those that are not complete are rolled back first; while that
 * does not succeed it rejects with what is in the way, and is tried again.
 */
export async function waveFailed(parts: PaceParts, { wave, failed, rolling, waves }: Failed): Promise<TriggerError> {
  const { pacing } = parts;
  const members = waves.flatMap((each) => each.members);
  const before = members.filter(({ standing }) => standing.at === 'undone').map(({ target }) => target);
  const { undone, kept } = pacing.onFailure === 'undo' ? await undoAll(parts, rolling) : { undone: [], kept: [] };
  const back = [...before, ...undone].map(({ ref }) => targetOf(ref));
  const told = [
    ...(failed.length === 0
      ? []
      : [listed(failed.map(({ target, because }) => `${targetOf(target.ref)} failed: ${because}`))]),
    ...(back.length === 0 ? [] : [`rolled back: ${listed(back)}`]),
    ...(kept.length === 0 ? [] : [`not rolled back: ${listed(kept)}`]),
    ...leftAlone(members),
  ];
  return new TriggerError('KT_ROLLOUT_WAVE_FAILED', [wave.name, ...told].join('; '), {
    retry: 'never',
    fix: back.length === 0 ? STOPPED : undoneFix(undoneMark(parts.rollouts.annotation)),
  });
}

const AGAIN = 'Mend the configuration or the workload: the next change starts again at the first wave';
const STOPPED = `${AGAIN}. Once the rollout is complete, kube-trigger retry goes on with this one`;
const undoneFix = (mark: string) =>
  `${AGAIN}. To try this one again remove the annotation ${mark} from what was rolled back, then kube-trigger retry`;

/** Rejects with the first thing that went wrong, once each was tried. */
async function undoAll({ rollouts }: PaceParts, rolling: readonly Rolling[]) {
  const ours = rolling.filter(({ standing }) => standing.adopted === undefined);
  const tried = await Promise.allSettled(ours.map(({ target, standing }) => rollouts.undo(target, standing.sinceMs)));
  const undone: Target[] = [];
  const kept: string[] = [];
  for (const [index, { target }] of ours.entries()) {
    const end = tried[index];
    if (end?.status === 'rejected') throw end.reason;
    if (end?.value === undefined) undone.push(target);
    else kept.push(`${targetOf(target.ref)} (${end.value})`);
  }
  return { undone, kept };
}

function leftAlone(members: readonly Member[]): string[] {
  const due = members.filter(({ standing }) => standing.at === 'due').length;
  return due === 0 ? [] : [`${due} left alone`];
}

function listed(items: readonly string[]): string {
  const more = items.length - SHOWN;
  return `${items.slice(0, SHOWN).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
