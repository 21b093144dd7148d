import { describeOnClusters, eventually, never, type TestCluster } from '@kube-trigger/testing';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { buildOperator, definitionTexts } from './harness.js';
import { LEASE_MS, leads, Replicas } from './replicas.js';

const SOUND = { missing: [], duplicates: [], outOfOrder: [], unexplained: [] };

describeOnClusters('two replicas', (start) => {
  let cluster: TestCluster;
  beforeAll(async () => {
    buildOperator();
    cluster = await start({ own: true, controllers: false, crds: definitionTexts() });
  });
  afterAll(() => cluster?.stop());

  describe.concurrent('side by side', () => {
    it(
      'hand the lease over within 2 s of the end of a leader that got SIGTERM',
      { timeout: 60_000 },
      async ({ expect }) => {
        await using replicas = await Replicas.open(cluster);
        const before = await replicas.holder();
        expect(await replicas.leader.operator.stop('SIGTERM')).toBe(0);
        expect(await replicas.takenFrom(before, 5000)).toBeLessThanOrEqual(2000);
        await replicas.write(2);
        await replicas.has(2, 10_000);
        expect(replicas.verdict).toMatchObject({ ...SOUND, rolls: 2 });
      },
    );

    it(
      'take the lease at most 2 s after it ran out when the leader was killed',
      { timeout: 90_000 },
      async ({ expect }) => {
        await using replicas = await Replicas.open(cluster);
        const before = await replicas.holder();
        await replicas.leader.operator.stop('SIGKILL');
        const [tookMs] = await Promise.all([replicas.takenFrom(before, LEASE_MS + 5000), replicas.write(2)]);
        expect(tookMs).toBeLessThanOrEqual(LEASE_MS + 2000);
        await replicas.has(2, 10_000);
        expect(replicas.verdict).toMatchObject({ ...SOUND, rolls: 2 });
      },
    );

    it('never act as a leader that was stopped for longer than its lease', { timeout: 120_000 }, async ({ expect }) => {
      await using replicas = await Replicas.open(cluster);
      const { leader, standby, trio } = replicas;
      const before = await replicas.holder();

      // Stopped in the middle of a delivery: it has asked to store "begun", and wakes up to the answer.
      const writes = { method: 'PATCH', path: /\/triggercheckpoints\// };
      await eventually(async () => (await trio.remembered())?.begun === undefined, { timeoutMs: 20_000 });
      const begin = leader.proxy.inject(writes, { freeze: 'toClient' });
      await replicas.write(2);
      await eventually(async () => (await trio.remembered())?.begun !== undefined, { timeoutMs: 10_000 });
      leader.operator.signal('SIGSTOP');
      begin.remove();
      await replicas.takenFrom(before, LEASE_MS + 5000);
      await replicas.has(2, 10_000);
      await replicas.write(3);
      await replicas.has(3, 10_000);

      const acts = () => leader.proxy.requestCount({ method: 'PATCH', path: /\/statefulsets\// });
      const actedBefore = acts();
      const asked = leader.proxy.requestCount();
      leader.operator.signal('SIGCONT');
      // It is awake: it asks the API server again. And it knows that it does not lead.
      await eventually(() => leader.proxy.requestCount() > asked, { timeoutMs: 10_000 });
      expect(await leads(leader)).toBe(false);
      await replicas.write(4);
      await replicas.has(4, 10_000);
      expect(acts() - actedBefore).toBe(0);
      expect(await leads(standby)).toBe(true);
      expect(replicas.verdict).toMatchObject({ ...SOUND, rolls: 4 });

      // And it may lead again, once it was elected.
      await standby.operator.stop('SIGTERM');
      await eventually(() => leads(leader), { timeoutMs: 10_000, because: 'the first replica should lead again' });
      await replicas.write(5);
      await replicas.has(5, 10_000);
      expect(acts() - actedBefore).toBe(1);
      expect(replicas.verdict).toMatchObject({ ...SOUND, rolls: 5 });
    });

    it.for([
      ['behind', [120_000, -120_000]],
      ['ahead', [-120_000, 120_000]],
    ] as const)(
      'do no harm when the clock of the standby is four minutes %s',
      { timeout: 120_000 },
      async ([, clocks], { expect }) => {
        await using replicas = await Replicas.open(cluster, clocks);
        const before = await replicas.holder();
        const [leaderAheadMs, standbyAheadMs] = clocks;
        expect(Math.abs((await replicas.holderAheadMs()) - leaderAheadMs)).toBeLessThan(15_000);
        // By the one's clock the other's lease ran out long ago, or will not for minutes.
        await never(async () => (await replicas.holder()) !== before, { forMs: LEASE_MS + 2000 });
        await replicas.write(2);
        await replicas.has(2, 10_000);
        await replicas.leader.operator.stop('SIGKILL');
        const [tookMs] = await Promise.all([replicas.takenFrom(before, LEASE_MS + 5000), replicas.write(3)]);
        expect(tookMs).toBeLessThanOrEqual(LEASE_MS + 2000);
        expect(Math.abs((await replicas.holderAheadMs()) - standbyAheadMs)).toBeLessThan(15_000);
        await replicas.has(3, 10_000);
        expect(replicas.verdict).toMatchObject({ ...SOUND, rolls: 3 });
      },
    );

    it(
      'do not go back to what the standby saw last, when its watches were deaf',
      { timeout: 60_000 },
      async ({ expect }) => {
        await using replicas = await Replicas.open(cluster);
        const { proxy } = replicas.standby;
        const watch = { isWatch: true, path: /\/configmaps/ };
        await eventually(() => proxy.openExchanges(watch) === 1, { because: 'the standby should watch the ConfigMap' });
        proxy.freeze({ direction: 'toClient', only: 'watches' });
        const before = await replicas.holder();
        await replicas.write(2);
        await replicas.has(2, 10_000);
        expect(await replicas.leader.operator.stop('SIGTERM')).toBe(0);
        await replicas.takenFrom(before, 5000);
        await never(() => replicas.verdict.outOfOrder.length > 0, { forMs: 4000 });
        proxy.thaw();
        await replicas.write(3);
        await replicas.has(3, 20_000);
        expect(replicas.verdict).toMatchObject({ ...SOUND, rolls: 3 });
      },
    );

    it('keep the standby warm: it watches the rules, and does nothing else', async ({ expect }) => {
      await using replicas = await Replicas.open(cluster);
      const { proxy, operator } = replicas.standby;
      await eventually(async () => (await operator.notReadyBecause()) === undefined, { because: 'it should be ready' });
      expect(proxy.openExchanges({ isWatch: true, path: /\/triggerrules\?/ })).toBe(1);
      // Asking what one may do writes nothing.
      const writes = Object.keys(proxy.requestCounts()).filter(
        (request) => /^(PATCH|POST|PUT|DELETE) /.test(request) && !request.includes('/selfsubjectaccessreviews'),
      );
      expect(writes).toEqual([]);
    });
  });
});
