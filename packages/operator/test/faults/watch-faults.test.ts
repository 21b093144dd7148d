import { describeOnClusters, eventually, type TestCluster } from '@kube-trigger/testing';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { FaultyNetwork } from './faulty-network.js';
import { buildOperator, definitionTexts } from './harness.js';
import { OperatorRights } from './operator-rights.js';

const SOUND = { missing: [], duplicates: [], outOfOrder: [], unexplained: [] };
/** The longest pause between two attempts, and what a loaded machine takes for the rest. */
const AFTER_OUTAGE_MS = 60_000;
/** A connection that lived for longer than 5 s counts as one that worked. */
const HEALTHY_MS = 6000;

describeOnClusters('an operator on a bad network', (start) => {
  let cluster: TestCluster;
  beforeAll(async () => {
    buildOperator();
    cluster = await start({ own: true, controllers: false, crds: definitionTexts() });
  });
  afterAll(() => cluster?.stop());

  // These wait most of the time, and none of them touches the server that they share.
  describe.concurrent('side by side', () => {
    it('notices connections that fell silent without a FIN: the missed change is rolled within 45 s', async ({
      expect,
    }) => {
      await using network = await FaultyNetwork.open({ cluster, rules: ['app'] });
      await network.write('app', 1);
      await network.has('app', 1, 10_000);
      expect(network.link.silence()).toBeGreaterThan(1);
      await network.write('app', 2);
      await network.has('app', 2, 45_000);
      await network.write('app', 3);
      await network.has('app', 3, 10_000);
      expect(network.verdict('app')).toMatchObject({ ...SOUND, rolls: 3 });
    }, 90_000);

    it.for([
      ['429 with Retry-After', { answer: 429, retryAfterSeconds: 1 }],
      ['500', { answer: 500 }],
      ['503', { answer: 503 }],
    ] as const)(
      'lives through 15 s of %s, asking at most once a second',
      { timeout: 120_000 },
      async ([, fault], { expect }) => {
        await using network = await FaultyNetwork.open({ cluster, rules: ['app', 'other'] });
        await network.write('app', 1);
        await network.has('app', 1, 10_000);
        const { proxy } = network;
        const outage = proxy.inject({}, fault);
        // Open watches do not notice an answer to new requests.
        network.link.cut('reset');
        const before = proxy.requestCount({ path: /\/configmaps/ });
        const allBefore = proxy.requestCount();
        const beganAt = performance.now();
        await network.write('app', 2);
        await eventually(() => performance.now() - beganAt > 15_000, { timeoutMs: 20_000, intervalMs: 250 });
        const asked = proxy.requestCount({ path: /\/configmaps/ }) - before;
        const askedAtAll = proxy.requestCount() - allBefore;
        // Two watches on ConfigMaps, at most one request a second each; and nothing else of it asks more often in sum.
        expect(asked).toBeGreaterThan(0);
        expect(asked).toBeLessThanOrEqual(2 * 15);
        expect(askedAtAll).toBeLessThanOrEqual(5 * 15);
        outage.remove();
        await network.has('app', 2, AFTER_OUTAGE_MS);
        expect(network.verdict('app')).toMatchObject({ ...SOUND, rolls: 2 });
        expect(network.rolls('other')).toBe(0);
      },
    );

    it('says which verb on which resource was withdrawn, and recovers within 60 s of its return', async ({
      expect,
    }) => {
      const rights = new OperatorRights(cluster);
      await using network = await FaultyNetwork.open({ cluster, rules: ['app'], token: rights.token });
      await network.write('app', 1);
      await network.has('app', 1, 10_000);
      await rights.withdraw(network.namespace, 'configmaps');
      network.link.cut('reset');
      const ready = await network.condition('app', { type: 'Ready', status: 'False', message: /configmaps/ }, 60_000);
      expect(ready.message).toMatch(/\b(list|watch)\b/);
      await network.write('app', 2);
      await rights.restore(network.namespace);
      await network.condition('app', { type: 'Ready', status: 'True' }, 60_000);
      await network.has('app', 2, 10_000);
      expect(network.verdict('app')).toMatchObject({ ...SOUND, rolls: 2 });
    }, 180_000);

    it('says that it may not patch the target, and rolls it once when it may again', async ({ expect }) => {
      const rights = new OperatorRights(cluster);
      await using network = await FaultyNetwork.open({ cluster, rules: ['app'], token: rights.token });
      await rights.withdraw(network.namespace, 'statefulsets');
      await network.write('app', 1);
      const ready = await network.condition('app', { type: 'Ready', status: 'False', message: /statefulsets/ }, 60_000);
      expect(ready.message).toMatch(/\bpatch\b/);
      await rights.restore(network.namespace);
      await network.has('app', 1, 60_000);
      await network.condition('app', { type: 'Ready', status: 'True' }, 60_000);
      expect(network.verdict('app')).toMatchObject({ ...SOUND, rolls: 1 });
    }, 180_000);
  });

  describe('one after the other', () => {
    it.for(['reset', 'fin'] as const)(
      'rolls the next change within 2 s of a %s of every connection',
      async (how, { expect }) => {
        await using network = await FaultyNetwork.open({ cluster, rules: ['app'] });
        for (let state = 1; state <= 2; state += 1) {
          // The promise is about a watch that worked: one that failed a moment ago is asked for again more slowly.
          const healthySince = performance.now();
          await eventually(() => performance.now() - healthySince > HEALTHY_MS, { timeoutMs: 2 * HEALTHY_MS });
          expect(network.link.cut(how)).toBeGreaterThan(0);
          await network.write('app', state);
          await network.has('app', state, 2000);
        }
        expect(network.verdict('app')).toMatchObject({ ...SOUND, rolls: 2 });
      },
    );

    it('rolls the next change within 2 s of a FIN in the middle of a line', async ({ expect }) => {
      await using network = await FaultyNetwork.open({ cluster, rules: ['app'] });
      expect(network.proxy.cut('fin', { match: { isWatch: true }, midLine: true })).toBeGreaterThan(0);
      await network.write('app', 1);
      await network.has('app', 1, 2000);
      expect(network.verdict('app')).toMatchObject({ ...SOUND, rolls: 1 });
    });

    it('goes on after the API server was restarted, without a roll for that', async ({ expect }) => {
      await using network = await FaultyNetwork.open({ cluster, rules: ['app', 'other'] });
      await network.write('app', 1);
      await network.has('app', 1, 10_000);
      await cluster.restart();
      await network.write('app', 2);
      await network.has('app', 2, AFTER_OUTAGE_MS);
      await network.write('app', 3);
      await network.has('app', 3, 10_000);
      expect(network.verdict('app')).toMatchObject({ ...SOUND, rolls: 3 });
      expect(network.rolls('other')).toBe(0);
    });

    it('finds by one relist what changed before history was compacted, and acts on it once', async ({ expect }) => {
      const name = 'deleted';
      const sources = { [name]: { configMap: { name, on: ['created', 'updated', 'deleted'] } } };
      const rules = ['edited', 'same', 'untouched', 'remade', 'remade-same', 'reverted', name];
      await using network = await FaultyNetwork.open({ cluster, rules, sources });
      const { proxy } = network;
      await network.write('reverted', 1);
      await network.has('reverted', 1, 10_000);
      const lists = () => proxy.requestCount({ method: 'GET', isWatch: false, path: /\/configmaps$/ });
      const before = lists();

      const outage = proxy.inject({}, { cut: 'reset' });
      network.link.cut('reset');
      await network.write('edited', 1);
      await network.write('same', 0);
      await network.trio('untouched').touch('only-metadata');
      for (const [remade, state] of [
        ['remade', 1],
        ['remade-same', 0],
      ] as const) {
        await network.trio(remade).deleteSource();
        await network.trio(remade).createSource(state);
      }
      await network.write('reverted', 2);
      await network.write('reverted', 1);
      await network.trio(name).deleteSource();
      await cluster.compact();
      outage.remove();

      await network.has('edited', 1, AFTER_OUTAGE_MS);
      await network.has('remade', 1, AFTER_OUTAGE_MS);
      await eventually(() => network.rolls(name) === 1, { timeoutMs: AFTER_OUTAGE_MS });
      // A later change of each is dealt with after everything that the gap caused.
      // The watches of some targets may still be in their longest pause.
      const later = rules.filter((each) => each !== name);
      await Promise.all(later.map((rule) => network.write(rule, 9)));
      await Promise.all(later.map((rule) => network.has(rule, 9, AFTER_OUTAGE_MS)));
      expect(Object.fromEntries(rules.map((rule) => [rule, network.rolls(rule)]))).toEqual({
        edited: 2,
        same: 1,
        untouched: 1,
        remade: 2,
        'remade-same': 1,
        reverted: 2,
        [name]: 1,
      });
      expect(lists(), 'a relist proves that history was gone').toBeGreaterThan(before);
    }, 120_000);
  });
});
