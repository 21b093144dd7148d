import { pause } from '../pause.js';
import { Fixture } from '../suite/fixture.js';
import { each } from '../suite/pace.js';
import type { Scenario } from '../suite/scenario.js';

const FULL = { objects: 1000, rules: 20, starts: 7, idleMs: 60_000 };
const QUICK = { objects: 200, rules: 20, starts: 3, idleMs: 10_000 };

/** From the start of the process, with the credentials of a pod, to the first `/readyz` that says so; and what it then takes when nothing happens. */
export const b8: Scenario = {
  id: 'B8',
  title: 'start to ready, and idle memory, with 1,000 objects and 20 rules',
  notAgainst: 'peers do not say when they are ready',
  async run(stage) {
    const { objects, rules, starts, idleMs } = stage.quick ? QUICK : FULL;
    const cluster = await stage.startCluster();
    const fixture = await Fixture.in(cluster);
    await each(objects, (i) => fixture.configMap(`app-${i}`));
    await fixture.deployment('web');
    await each(rules, (i) =>
      fixture.rule(`app-${i}`, {
        sources: [{ configMap: i === 0 ? {} : { name: `app-${i}` } }],
        actions: [{ updatePodTemplate: { objectRef: { kind: 'Deployment', name: 'web' } } }],
      }),
    );
    const { url, token, ca } = cluster;
    const { namespace } = fixture;
    const pod = ca === undefined ? undefined : { url, token, ca, namespace };
    const startOnce = () => stage.startController(cluster, { namespace, pod });
    const readyS: number[] = [];
    const cpuS: number[] = [];
    for (let i = 0; i < starts; i += 1) {
      stage.progress(`start ${i + 1} of ${starts}`);
      const controller = await startOnce();
      await controller.ready();
      readyS.push((performance.now() - controller.startedAtMs) / 1000);
      cpuS.push(controller.usage().cpuMs / 1000);
      await fixture.rulesReady();
      await controller.stop();
    }
    const controller = await startOnce();
    await controller.ready();
    stage.progress('idle');
    await pause(idleMs);
    const { rssBytes } = controller.usage();
    return [
      { name: 'start to ready, median', value: median(readyS), unit: 's', target: { atMost: 1.5 } },
      { name: 'CPU until ready, median', value: median(cpuS), unit: 's' },
      { name: `resident, idle, ${rules} rules`, value: rssBytes / 2 ** 20, unit: 'MiB', target: { atMost: 90 } },
    ];
  },
};

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
