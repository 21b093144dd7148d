import type { KubeClient } from '@kube-trigger/kube';
import { WorkloadIndex } from './index/workload-index.js';
import { Company } from './snapshot/company.js';
import { Pins } from './snapshot/pins.js';
import { Lanes } from './targets/lanes.js';
import { Turns } from './targets/turns.js';

/** Requests under way at a time, of all rules together: enough to keep an API server busy, too few to fill its queues. */
const MAX_IN_FLIGHT = 16;

/** What all rules of one client have in common. */
export interface Shared {
  readonly index: WorkloadIndex;
  readonly lanes: Lanes;
  readonly turns: Turns;
  readonly company: Company;
  readonly pins: Pins;
}

const shared = new WeakMap<KubeClient, Shared>();

export function sharedBy(kube: KubeClient): Shared {
  const known = shared.get(kube);
  if (known !== undefined) return known;
  const made = {
    index: new WorkloadIndex(kube),
    lanes: new Lanes(),
    turns: new Turns(MAX_IN_FLIGHT),
    company: new Company(),
    pins: new Pins(),
  };
  shared.set(kube, made);
  return made;
}
