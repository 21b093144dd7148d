import type { Controller } from '../suite/controller.js';
import { Fixture, rollsOnChange } from '../suite/fixture.js';
import { Observer } from '../suite/observer.js';
import { atRate, each } from '../suite/pace.js';
import type { Scenario } from '../suite/scenario.js';
import type { Stage } from '../suite/stage.js';
import { pause } from '../pause.js';
import { warmUp } from '../suite/warm-up.js';

const FEW = 10;
const FULL = { many: 10_000, perSecond: 2000, seconds: 20 };
const QUICK = { many: 300, perSecond: 300, seconds: 8 };
/** MiB. What 10,000 rules take is more than half of the manifests' memory limit; a docs page says what to set. */
const HEAP = 1024;
/** Checkpoints and statuses of the start are written by then. */
const SETTLING_MS = 5000;

/** The same events (labels of the same ten ConfigMaps, each named by a rule) among ten rules and among many. Nothing is to be done for any. */
export const b5: Scenario = {
  id: 'B5',
  title: `CPU per event with ${FEW} rules and with many, in one namespace`,
  async run(stage) {
    const { many } = stage.quick ? QUICK : FULL;
    const few = await cpuPerEvent(stage, FEW);
    const more = await cpuPerEvent(stage, many);
    const rules = many.toLocaleString('en');
    return [
      { name: `CPU per event, ${FEW} rules`, value: few.cpuUs, unit: 'µs' },
      { name: `CPU per event, ${rules} rules`, value: more.cpuUs, unit: 'µs' },
      { name: 'events per second, with many rules', value: more.perSecond, unit: 'events/s' },
      { name: 'CPU per event, many rules over few', value: more.cpuUs / few.cpuUs, unit: '×', target: { atMost: 1.2 } },
      { name: `resident with ${rules} rules, at most`, value: more.peakMiB, unit: 'MiB' },
    ];
  },
};

interface Cost {
  readonly cpuUs: number;
  readonly perSecond: number;
  readonly peakMiB: number;
}

async function cpuPerEvent(stage: Stage, rules: number): Promise<Cost> {
  const { perSecond, seconds } = stage.quick ? QUICK : FULL;
  stage.progress(`${rules} rules`);
  const cluster = await stage.startCluster();
  const fixture = await Fixture.in(cluster);
  await each(rules, (i) => fixture.configMap(`app-${i}`));
  await each(FEW, (i) => fixture.deployment(`app-${i}`, `app-${i}`));
  await each(rules, (i) => fixture.rule(`app-${i}`, rollsOnChange(`app-${i}`, `app-${i % FEW}`)));
  await using observer = await Observer.on(fixture);
  await using controller = await stage.startController(cluster, {
    namespace: fixture.namespace,
    nodeArgs: [`--max-old-space-size=${HEAP}`],
  });
  await warmUp(stage, { controller, fixture, observer, source: 'app-0' });
  await pause(SETTLING_MS);
  const idleMs = await cpuOver(controller, () => pause(5000));
  const before = controller.usage().cpuMs;
  const { started, seconds: took } = await atRate(perSecond, seconds, (i) => fixture.touch(`app-${i % FEW}`, `n${i}`));
  await pause(1000);
  const { cpuMs, peakRssBytes } = controller.usage();
  const spentMs = cpuMs - before - (idleMs * (took + 1)) / 5;
  return { cpuUs: (spentMs * 1000) / started, perSecond: started / took, peakMiB: peakRssBytes / 2 ** 20 };
}

async function cpuOver(controller: Controller, work: () => Promise<void>): Promise<number> {
  const before = controller.usage().cpuMs;
  await work();
  return controller.usage().cpuMs - before;
}
