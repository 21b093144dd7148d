import { describeOnClusters } from '@kube-trigger/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { buildOperator, definitionTexts, Random } from './harness.js';
import { KillLoop } from './kill-loop.js';

/** Set to repeat a failing run: its message names the seed. */
const SEED = Number(process.env['KILL_LOOP_SEED'] ?? Date.now() % 1_000_000_000);

describe('an operator that is killed with -9 again and again', () => {
  beforeAll(buildOperator);

  describeOnClusters('rolls exactly once per change', (start, name) => {
    const cycles = name === 'embedded' ? 100 : 10;
    it(`over ${cycles} kills at random points of edit-rollout cycles`, async () => {
      await using cluster = await start({ own: true, controllers: false, crds: definitionTexts() });
      const loop = new KillLoop({ cluster, random: new Random(SEED), cycles, stations: 3 });
      await loop.run();
      expect(loop.coverage.kills).toBe(cycles);
      if (cycles < 100) return;
      // A loop that never met these windows would prove little.
      const { untouched, begunOnly, rolledNotSettled, revertsWithoutRoll, revertsRolledBack } = loop.coverage;
      const met = { untouched, begunOnly, rolledNotSettled, revertsWithoutRoll, revertsRolledBack };
      expect(Object.entries(met).filter(([, times]) => times === 0)).toEqual([]);
    }, 600_000);
  });
});
