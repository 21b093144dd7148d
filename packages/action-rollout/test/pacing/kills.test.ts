import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Pacing } from '../../src/pacing/config.js';
import { patchesIn } from '../world.js';
import { Fleet } from './fleet.js';

const NAMES = ['a', 'b', 'c', 'd', 'e', 'f'];

const pacing = fc.constantFrom<Pacing>(
  { waves: [{ count: 1 }, { percent: 50 }] },
  { waves: [{ matchLabels: { tier: 'canary' } }], concurrency: 1 },
  { concurrency: '50%' },
  { waves: [{ percent: 40 }], progress: 'time', waveIntervalSeconds: 5, minIntervalSeconds: 60 },
);

/** What happens before the next run: a kill at its n-th patch, before the API server has it or after, or nothing. */
const step = fc.record({
  kill: fc.option(fc.record({ at: fc.integer({ min: 1, max: 3 }), arrives: fc.boolean() }), { nil: undefined }),
  completes: fc.subarray(NAMES),
});

it('loses nothing and does nothing twice, wherever it is killed', async () => {
  await fc.assert(
    fc.asyncProperty(pacing, fc.array(step, { maxLength: 12 }), async (config, steps) => {
      const fleet = new Fleet();
      for (const name of NAMES) fleet.put(name, name === 'e' ? { tier: 'canary' } : {});
      let redelivered = false;
      for (const { kill, completes } of steps) {
        for (const name of fleet.with('combined-1').filter((each) => completes.includes(each))) fleet.complete(name);
        await fleet.clock.advance(1000);
        await runUntilKilled(fleet, config, { kill, redelivered });
        redelivered = true;
      }
      let end = 'waiting';
      for (let left = 30; end === 'waiting' && left > 0; left -= 1) {
        for (const name of fleet.with('combined-1')) fleet.complete(name);
        await fleet.clock.advance(10_000);
        end = (await fleet.run(config, { redelivered })).outcome;
        redelivered = true;
      }
      expect([end, fleet.with('combined-1')]).toEqual(['unchanged', NAMES]);
      expect(NAMES.map((name) => fleet.get(name).metadata.generation)).toEqual(NAMES.map(() => 2));
    }),
    { numRuns: 60 },
  );
});

interface Fate {
  readonly kill: { readonly at: number; readonly arrives: boolean } | undefined;
  readonly redelivered: boolean;
}

async function runUntilKilled(fleet: Fleet, config: Pacing, { kill, redelivered }: Fate): Promise<void> {
  if (kill === undefined) return void (await fleet.run(config, { redelivered }));
  const killed = new AbortController();
  const before = patchesIn(fleet.kube);
  fleet.kube.intercept = ({ verb }) => {
    if (verb !== 'patch' || patchesIn(fleet.kube) - before < kill.at) return;
    killed.abort(new Error('killed'));
    if (!kill.arrives) throw new Error('killed');
  };
  await fleet.run(config, { redelivered }, {}, killed.signal).catch(() => undefined);
  fleet.kube.intercept = undefined;
  fleet.restart();
}
