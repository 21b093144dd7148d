import { pause } from '../pause.js';
import { Crowd, type Plural } from '../suite/crowd.js';
import { each } from '../suite/pace.js';
import type { Scenario } from '../suite/scenario.js';

const FULL = { size: { namespaces: 20, configMaps: 750, secrets: 1000 }, rules: 50, updates: 10_000 };
const QUICK = { size: { namespaces: 5, configMaps: 60, secrets: 80 }, rules: 10, updates: 1000 };
/** Checkpoints and statuses of the start are written by then. */
const SETTLING_MS = 10_000;

/**
 * Rules that each name one object among many that nobody asked for, of which some change. What the operator uses anyway is measured over the same
 * time right after, and is not the updates'.
 */
export const b4: Scenario = {
  id: 'B4',
  title: '50 rules naming 50 objects among 35,000',
  notAgainst: 'peers do not say when they have seen everything',
  async run(stage) {
    const { size, rules, updates } = stage.quick ? QUICK : FULL;
    const crowd = await Crowd.on(stage, size);
    const perNamespace = Math.ceil(rules / crowd.fixtures.length);
    await each(rules, async (i) => {
      const fixture = crowd.fixtures[i % crowd.fixtures.length];
      const kind = i % 2 === 0 ? 'configMap' : 'secret';
      await fixture?.rule(`named-${i}`, {
        sources: [{ [kind]: { name: `${kind.toLowerCase()}s-${Math.floor(i / crowd.fixtures.length)}` } }],
        actions: [{ updatePodTemplate: { objectRef: { kind: 'Deployment', name: 'web' } } }],
      });
    });
    const controller = await crowd.start();
    for (const fixture of crowd.fixtures) await fixture.rulesReady();
    await pause(SETTLING_MS);
    const atStart = crowd.link.receivedBytes;
    const before = controller.usage().cpuMs;
    const startedAtMs = performance.now();
    stage.progress(`${updates} updates of objects that no rule names`);
    await each(updates, (i) => {
      const fixture = crowd.fixtures[i % crowd.fixtures.length] ?? crowd.fixtures[0];
      const plural: Plural = i % 2 === 0 ? 'configmaps' : 'secrets';
      const among = plural === 'configmaps' ? size.configMaps : size.secrets;
      const index = perNamespace + (Math.floor(i / crowd.fixtures.length) % (among - perNamespace));
      return fixture === undefined ? Promise.resolve() : crowd.change(fixture, plural, index);
    });
    await pause(1000);
    const after = controller.usage();
    const received = crowd.link.receivedBytes - atStart;
    const tookMs = performance.now() - startedAtMs;
    stage.progress('the same time without');
    await pause(tookMs);
    const anywayMs = controller.usage().cpuMs - after.cpuMs;
    return [
      { name: 'resident at most', value: after.peakRssBytes / 2 ** 20, unit: 'MiB', target: { atMost: 95 } },
      { name: 'received per rule until ready', value: atStart / rules, unit: 'bytes', target: { atMost: 60_000 } },
      // Bookmarks and proofs of life; an object would be 20,000.
      {
        name: 'received per update of another object',
        value: received / updates,
        unit: 'bytes',
        target: { atMost: 200 },
      },
      {
        name: 'CPU for all updates',
        value: (after.cpuMs - before - anywayMs) / 1000,
        unit: 's',
        target: { atMost: 0.2 },
      },
      { name: 'CPU in the same time without', value: anywayMs / 1000, unit: 's' },
    ];
  },
};
