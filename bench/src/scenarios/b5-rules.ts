import type { TestCluster } from '@kube-trigger/testing';
import { pause } from '../pause.js';
import type { Controller } from '../suite/controller.js';
import { Fixture, rollsOnChange } from '../suite/fixture.js';
import { Observer } from '../suite/observer.js';
import { atRate, each } from '../suite/pace.js';
import type { Scenario } from '../suite/scenario.js';
import type { Stage } from '../suite/stage.js';
import { warmUp } from '../suite/warm-up.js';

const FEW = 10;
const FULL = { many: 10_000, perSecond: 2000, seconds: 5, turns: 6 };
const QUICK = { many: 300, perSecond: 300, seconds: 2, turns: 3 };
/** MiB. What 10,000 rules take is more than half of the manifests' memory limit; a docs page says what to set. */
const HEAP = 1024;
/** Checkpoints and statuses of the start are written by then. */
const SETTLING_MS = 5000;

/**
 * The same events (labels of ten ConfigMaps, each named by a rule) among ten rules and among many; nothing is to be done for any. Two
 * controllers, each with its namespace, take turns: how fast the machine is changes within seconds, and is then the same for both. What one uses
 * while the other has its turn is what it uses anyway, and not counted.
 */
export const b5: Scenario = {
  id: 'B5',
  title: `CPU per event with ${FEW} rules and with many, in one namespace`,
  async run(stage) {
    const { many, turns } = stage.quick ? QUICK : FULL;
    const cluster = await stage.startCluster();
    const few = await Side.start(stage, cluster, FEW);
    const more = await Side.start(stage, cluster, many);
    await pause(SETTLING_MS);
    stage.progress(`${turns} turns each`);
    await turn(stage, few, more); // compiles what events need
    await turn(stage, more, few);
    for (const side of [few, more]) side.startsCounting();
    for (let i = 0; i < turns; i += 1) {
      await turn(stage, few, more);
      await turn(stage, more, few);
    }
    const rules = many.toLocaleString('en');
    return [
      { name: `CPU per event, ${FEW} rules`, value: few.cpuUsPerEvent, unit: 'µs' },
      { name: `CPU per event, ${rules} rules`, value: more.cpuUsPerEvent, unit: 'µs' },
      { name: 'events per second, with many rules', value: more.perSecond, unit: 'events/s' },
      {
        name: 'CPU per event, many rules over few',
        value: more.cpuUsPerEvent / few.cpuUsPerEvent,
        unit: '×',
        target: { atMost: 1.2 },
      },
      { name: `resident with ${rules} rules, at most`, value: more.peakMiB, unit: 'MiB' },
    ];
  },
};

/** One of the two makes events of its own, the other waits. */
async function turn(stage: Stage, active: Side, waiting: Side): Promise<void> {
  const { perSecond, seconds } = stage.quick ? QUICK : FULL;
  const spent = [active.cpuMs, waiting.cpuMs] as const;
  const { started, seconds: took } = await atRate(perSecond, seconds, (i) => active.event(i));
  await pause(1000);
  active.tookPart({ events: started, seconds: took, cpuMs: active.cpuMs - spent[0] });
  waiting.waited({ seconds: took, cpuMs: waiting.cpuMs - spent[1] });
}

/** A controller, its namespace, and what it has used in its turns and in those of the other. */
class Side {
  #busy = { events: 0, seconds: 0, cpuMs: 0 };
  #idle = { seconds: 0, cpuMs: 0 };

  private constructor(
    private readonly controller: Controller,
    private readonly fixture: Fixture,
  ) {}

  static async start(stage: Stage, cluster: TestCluster, rules: number): Promise<Side> {
    stage.progress(`${rules} rules`);
    const fixture = await Fixture.in(cluster);
    await each(rules, (i) => fixture.configMap(`app-${i}`));
    await each(FEW, (i) => fixture.deployment(`app-${i}`, `app-${i}`));
    await each(rules, (i) => fixture.rule(`app-${i}`, rollsOnChange(`app-${i}`, `app-${i % FEW}`)));
    await using observer = await Observer.on(fixture);
    const controller = await stage.startController(cluster, {
      namespace: fixture.namespace,
      nodeArgs: [`--max-old-space-size=${HEAP}`],
    });
    await warmUp(stage, { controller, fixture, observer, source: 'app-0' });
    return new Side(controller, fixture);
  }

  get cpuMs(): number {
    return this.controller.usage().cpuMs;
  }

  get peakMiB(): number {
    return this.controller.usage().peakRssBytes / 2 ** 20;
  }

  get perSecond(): number {
    return this.#busy.events / this.#busy.seconds;
  }

  get cpuUsPerEvent(): number {
    const anywayMs = (this.#idle.cpuMs / this.#idle.seconds) * this.#busy.seconds;
    return ((this.#busy.cpuMs - anywayMs) * 1000) / this.#busy.events;
  }

  startsCounting(): void {
    this.#busy = { events: 0, seconds: 0, cpuMs: 0 };
    this.#idle = { seconds: 0, cpuMs: 0 };
  }

  event(i: number): Promise<void> {
    return this.fixture.touch(`app-${i % FEW}`, `n${i}`);
  }

  tookPart({ events, seconds, cpuMs }: { events: number; seconds: number; cpuMs: number }): void {
    this.#busy.events += events;
    this.#busy.seconds += seconds;
    this.#busy.cpuMs += cpuMs;
  }

  waited({ seconds, cpuMs }: { seconds: number; cpuMs: number }): void {
    this.#idle.seconds += seconds;
    this.#idle.cpuMs += cpuMs;
  }
}
