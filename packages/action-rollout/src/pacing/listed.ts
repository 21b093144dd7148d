import { type Resource, WELL_KNOWN } from '@kube-trigger/kube';
import type { KindRef } from '../targets/kinds.js';
import type { Pacing } from './config.js';
import { historyResources } from './history.js';

/** What pacing lists beside the targets: pods, to see them crash, and for an undo the earlier templates. */
export function listedFor(pacing: Pacing | undefined, kinds: readonly KindRef[]): readonly Resource[] {
  if (pacing === undefined) return [];
  return [WELL_KNOWN.Pod, ...(pacing.onFailure === 'undo' ? historyResources(kinds) : [])];
}
