import { WELL_KNOWN } from '@kube-trigger/kube';
import { expect } from 'vitest';
import type { ExampleStage } from './stage.js';

const SEED = 'kubetrigger-statefulset-1560220263';

/** What each folder of examples/ shows, by its name. */
export const SCENARIOS: Readonly<Record<string, (stage: ExampleStage) => Promise<void>>> = {
  'rolling-update': async (stage) => {
    await stage.ready();
    const cm = { resource: WELL_KNOWN.ConfigMap, namespace: SEED, name: 'cm' };
    const busybox = { resource: WELL_KNOWN.StatefulSet, namespace: SEED, name: 'busybox' };
    const cause = await stage.rolls(busybox, () =>
      stage.kube.patch(cm, { data: { message: 'world' } }, { type: 'merge' }),
    );
    expect(cause).toMatch(/^ConfigMap .*\/cm updated \(message\) by TriggerRule default\/example/);
  },
};
