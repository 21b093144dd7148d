import { pause } from '../pause.js';
import { percentile } from '../judge.js';
import { Fixture } from '../suite/fixture.js';
import { type Change, Observer } from '../suite/observer.js';
import { each } from '../suite/pace.js';
import type { Scenario } from '../suite/scenario.js';
import { warmUp } from '../suite/warm-up.js';

const FULL = { targets: 500, others: 20, perSecond: 4, rounds: 3 };
const QUICK = { targets: 100, others: 10, perSecond: 4, rounds: 1 };
const ALL_WITHIN_MS = 60_000;

/** One ConfigMap that many Deployments use changes, while other rules go on with theirs. */
export const b6: Scenario = {
  id: 'B6',
  title: 'one source with many Deployments, and what other rules feel of it',
  async run(stage) {
    const { targets, others, perSecond, rounds } = stage.quick ? QUICK : FULL;
    const cluster = await stage.startCluster();
    const fixture = await Fixture.in(cluster);
    await fixture.pairs(others);
    await fixture.configMap('shared');
    await each(targets, (i) => fixture.deployment(`wide-${i}`, 'shared'));
    await fixture.rule('wide', {
      sources: [{ configMap: { name: 'shared' } }],
      actions: [{ updatePodTemplate: { referencing: true } }],
      delivery: { coalesce: { quietSeconds: 0 } },
    });
    const observer = stage.use(await Observer.on(fixture));
    const controller = await stage.startController(cluster, { namespace: fixture.namespace });
    await warmUp(stage, { controller, fixture, observer, source: 'app-0' });

    let state = 1;
    const alone = await meanwhile(async () => pause(stage.quick ? 4000 : 10_000));
    const tookMs: number[] = [];
    const during = await meanwhile(async () => {
      for (let round = 1; round <= rounds; round += 1) tookMs.push(await fanOut(round));
    });
    const p95 = (changes: readonly Change[]) => percentile(changes.map(latencyOf), 95) ?? Number.NaN;
    return [
      {
        name: `all ${targets} rolled, the slowest of ${rounds}`,
        value: Math.max(...tookMs) / 1000,
        unit: 's',
        target: { atMost: 5 },
      },
      { name: 'other rules meanwhile, p95', value: p95(during), unit: 'ms', target: { atMost: 250 } },
      { name: 'other rules before, p95', value: p95(alone), unit: 'ms' },
      { name: 'rolled per second of the fan-out', value: targets / (Math.max(...tookMs) / 1000), unit: 'events/s' },
    ];

    async function fanOut(round: number): Promise<number> {
      const waiting = new Set(Array.from({ length: targets }, (_, i) => `wide-${i}`));
      const stop = observer.onRoll((target) => waiting.delete(target));
      const startedAtMs = performance.now();
      await fixture.write('shared', round);
      await observer.until(() => waiting.size === 0, ALL_WITHIN_MS);
      stop();
      if (waiting.size > 0) throw new Error(`${waiting.size} of ${targets} were not rolled within a minute`);
      return performance.now() - startedAtMs;
    }

    /** Changes of the other rules' sources, one after the other, for as long as the work takes. */
    async function meanwhile(work: () => Promise<unknown>): Promise<readonly Change[]> {
      const changes: Change[] = [];
      const over = new AbortController();
      const writing = (async () => {
        for (; !over.signal.aborted; state += 1) {
          const name = `app-${state % others}`;
          changes.push(observer.sending(name, state));
          await fixture.write(name, state);
          await pause(1000 / perSecond, over.signal);
        }
      })();
      await work();
      over.abort();
      await writing;
      await observer.until(() => changes.every(({ rolledAtMs }) => rolledAtMs !== undefined), 10_000);
      return changes;
    }
  },
};

/** A change that was never answered took for ever. */
function latencyOf({ sentAtMs, rolledAtMs }: Change): number {
  return rolledAtMs === undefined ? Number.POSITIVE_INFINITY : rolledAtMs - sentAtMs;
}
