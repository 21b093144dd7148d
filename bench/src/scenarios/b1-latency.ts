import { percentile } from '../judge.js';
import { Fixture } from '../suite/fixture.js';
import { type Change, Observer } from '../suite/observer.js';
import { atRate } from '../suite/pace.js';
import type { Figure, Scenario } from '../suite/scenario.js';
import { warmUp } from '../suite/warm-up.js';

/** A rule's breaker allows 100 actions a minute on one target, and its checkpoint one write a second. */
const FULL = { pairs: 400, perSecond: 200, seconds: 30 };
const QUICK = { pairs: 60, perSecond: 30, seconds: 10 };
/** How long the last changes may take once nothing is written any more. */
const AFTERMATH_MS = 15_000;

/** Every change is of a ConfigMap whose rule rolls a Deployment of its own. */
export const b1: Scenario = {
  id: 'B1',
  title: 'from the write of a ConfigMap to the new pod template of its Deployment',
  async run(stage) {
    const { pairs, perSecond, seconds } = stage.quick ? QUICK : FULL;
    const cluster = await stage.startCluster();
    const fixture = await Fixture.in(cluster);
    await fixture.pairs(pairs);
    const observer = stage.use(await Observer.on(fixture));
    const controller = await stage.startController(cluster, { namespace: fixture.namespace });
    await warmUp(stage, { controller, fixture, observer, source: 'app-0' });

    stage.progress(`${perSecond} changes/s for ${seconds} s over ${pairs} rules`);
    const rollsBefore = observer.rolls;
    const cpuBefore = controller.usage().cpuMs;
    const { started, seconds: took } = await atRate(perSecond, seconds, async (i) => {
      const name = `app-${i % pairs}`;
      observer.sending(name, i + 1);
      await fixture.write(name, i + 1);
    });
    await observer.allRolled(AFTERMATH_MS);
    const cpuMs = controller.usage().cpuMs - cpuBefore;
    return [
      ...latencies(observer.changes),
      { name: 'changes without a roll', value: unanswered(observer.changes), unit: 'changes', target: { atMost: 0 } },
      { name: 'rolls per change', value: (observer.rolls - rollsBefore) / started, unit: '×' },
      { name: 'CPU of the controller per change', value: cpuMs / started, unit: 'ms' },
      { name: 'changes per second that were written', value: started / took, unit: 'events/s' },
    ];
  },
};

function unanswered(changes: readonly Change[]): number {
  return changes.filter(({ rolledAtMs }) => rolledAtMs === undefined).length;
}

/** The API server's own latency is that of the very same changes, as the recorder's plain watch saw them. */
function latencies(changes: readonly Change[]): Figure[] {
  const seen = changes.flatMap(({ sentAtMs, seenAtMs }) => (seenAtMs === undefined ? [] : [seenAtMs - sentAtMs]));
  const rolled = changes.map(({ sentAtMs, rolledAtMs = Number.POSITIVE_INFINITY }) => rolledAtMs - sentAtMs);
  const at = (values: readonly number[], percent: number) => percentile(values, percent) ?? Number.NaN;
  const own = (percent: number) => at(rolled, percent) - at(seen, percent);
  return [
    { name: 'API server: write → watch, p50', value: at(seen, 50), unit: 'ms' },
    { name: 'API server: write → watch, p99', value: at(seen, 99), unit: 'ms' },
    { name: 'write → rolled, p50', value: at(rolled, 50), unit: 'ms' },
    { name: 'write → rolled, p99', value: at(rolled, 99), unit: 'ms' },
    { name: 'above the API server, p50', value: own(50), unit: 'ms', target: { atMost: 15 } },
    { name: 'above the API server, p99', value: own(99), unit: 'ms', target: { atMost: 75 } },
    { name: 'write → rolled over write → watch, p50', value: at(rolled, 50) / at(seen, 50), unit: '×' },
  ];
}
