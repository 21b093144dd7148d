import { pause } from '../pause.js';
import type { Controller } from '../suite/controller.js';
import { Crowd, type Plural } from '../suite/crowd.js';
import type { Figure, Scenario } from '../suite/scenario.js';

const FULL = { namespaces: 20, configMaps: 750, secrets: 1000 };
const QUICK = { namespaces: 5, configMaps: 60, secrets: 80 };
const WATCHED: readonly Plural[] = ['configmaps', 'secrets'];
/** Written behind within 3 s; some namespaces have more than one object to write. */
const WRITTEN_BEHIND_MS = 10_000;
const CHANGED = 3;

/** A rule per namespace over all that is in it. The operator is started, stopped, and started again after a few changes. */
export const b3: Scenario = {
  id: 'B3',
  title: 'the first start, and another one, with 15,000 ConfigMaps and 20,000 Secrets that rules select',
  notAgainst: 'peers do not say when they have seen everything',
  async run(stage) {
    const crowd = await Crowd.on(stage, stage.quick ? QUICK : FULL);
    for (const fixture of crowd.fixtures) {
      await fixture.rule('all', {
        sources: [{ configMap: {} }, { secret: {} }],
        actions: [{ updatePodTemplate: { objectRef: { kind: 'Deployment', name: 'web' } } }],
      });
    }
    stage.progress('first start');
    const first = await start(crowd);
    for (const fixture of crowd.fixtures) await fixture.rulesReady();
    await pause(WRITTEN_BEHIND_MS);
    const { peakRssBytes } = first.controller.usage();
    await first.controller.stop();

    const touched = crowd.fixtures.slice(0, CHANGED);
    for (const [i, fixture] of touched.entries()) await crowd.change(fixture, WATCHED[i % 2] ?? 'secrets', 7);
    stage.progress('another start');
    const again = await start(crowd);
    await pause(WRITTEN_BEHIND_MS);
    for (const fixture of crowd.fixtures) {
      const wanted = touched.includes(fixture) ? 2 : 1;
      if ((await fixture.generation('web')) !== wanted)
        throw new Error(`the Deployment of ${fixture.namespace} was not rolled as often as its objects were changed`);
    }
    return figuresOf({ ...first, peakMiB: peakRssBytes / 2 ** 20 }, again);
  },
};

interface Start {
  readonly controller: Controller;
  readonly seconds: number;
  readonly cpuS: number;
  readonly peakMiB: number;
  readonly bytes: number;
}

async function start(crowd: Crowd): Promise<Start> {
  const before = crowd.link.receivedBytes;
  const controller = await crowd.start();
  await controller.synced(WATCHED, crowd.fixtures.length * WATCHED.length);
  const seconds = (performance.now() - controller.startedAtMs) / 1000;
  const { cpuMs, peakRssBytes } = controller.usage();
  const bytes = crowd.link.receivedBytes - before;
  return { controller, seconds, cpuS: cpuMs / 1000, peakMiB: peakRssBytes / 2 ** 20, bytes };
}

function figuresOf(first: Start, again: Start): Figure[] {
  return [
    { name: 'first start, until all is seen', value: first.seconds, unit: 's', target: { atMost: 20 } },
    { name: 'first start, CPU', value: first.cpuS, unit: 's' },
    { name: 'first start, resident at most', value: first.peakMiB, unit: 'MiB', target: { atMost: 150 } },
    { name: 'another start, until all is seen', value: again.seconds, unit: 's', target: { atMost: 5 } },
    { name: 'another start, CPU', value: again.cpuS, unit: 's' },
    { name: 'another start, resident at most', value: again.peakMiB, unit: 'MiB', target: { atMost: 150 } },
    {
      name: 'received at another start, over the first',
      value: again.bytes / first.bytes,
      unit: '×',
      target: { atMost: 0.1 },
    },
  ];
}
