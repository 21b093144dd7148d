import { describeOnClusters, eventually, never } from '@kube-trigger/testing';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { type Controllers, startControllers } from '../../src/controllers/index.js';
import { Bench, workload } from './bench.js';
import { TcpLink } from './tcp-link.js';

const options = ({ cluster, policyVersion }: Bench, server: string) => ({
  server,
  policyVersion,
  token: cluster.token,
  ...(cluster.ca === undefined ? {} : { ca: cluster.ca }),
  podReadyDelayMs: 20,
});

function timers(): number {
  return process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
}

describeOnClusters('the controllers', (start) => {
  let bench: Bench;
  let link: TcpLink;
  /** Those under test are reached over the link. */
  const restart = async (): Promise<Controllers> => {
    await bench.controllers.stop();
    bench.controllers = await startControllers(options(bench, link.url));
    return bench.controllers;
  };
  beforeAll(async () => {
    bench = await Bench.start(start);
    link = await TcpLink.to(bench.cluster.url);
    await restart();
  });
  afterAll(async () => {
    await bench?.[Symbol.asyncDispose]();
    await link?.[Symbol.asyncDispose]();
  });
  beforeEach(() => bench.renew());

  it('end a rollout over connections that break all the time, with no pod too many', async () => {
    await using pods = await bench.watch('pods');
    await bench.create('deployments', workload('web', { replicas: 30 }));
    let cuts = 0;
    const cutting = setInterval(() => {
      link.cut();
      cuts++;
    }, 40);
    await eventually(() => cuts > 25);
    clearInterval(cutting);
    await bench.rolledOut('deployments', 'web');
    const uids = new Set(pods.pending().map((event) => event.object.metadata.uid));
    expect(uids.size).toBe(30);
    expect(await bench.list('replicasets')).toHaveLength(1);
  });

  it('see after an outage what was changed and deleted meanwhile', async () => {
    await bench.create('deployments', workload('web', { replicas: 2 }));
    await bench.create('deployments', workload('gone', { replicas: 1 }));
    await bench.rolledOut('deployments', 'web');
    await bench.rolledOut('deployments', 'gone');
    link.sever();
    await bench.restamp('deployments', 'web', { v: '2' });
    const [pod] = await bench.list('pods', 'app=web');
    await bench.cluster.request('DELETE', bench.path('pods', pod?.metadata.name), { gracePeriodSeconds: 0 });
    await bench.create('statefulsets', workload('db', { replicas: 1, serviceName: 'db' }));
    await never(async () => (await bench.list('replicasets', 'app=web')).length > 1, { forMs: 500 });
    link.repair();
    await bench.rolledOut('deployments', 'web');
    await bench.rolledOut('statefulsets', 'db');
    expect(await bench.list('replicasets', 'app=web')).toHaveLength(2);
  });

  it('go on after the API server was restarted', async () => {
    await bench.create('deployments', workload('web', { replicas: 2 }));
    await bench.rolledOut('deployments', 'web');
    await bench.cluster.restart();
    // This client's own idle connections may have broken, too.
    await eventually(() => bench.restamp('deployments', 'web', { v: '2' }));
    await bench.rolledOut('deployments', 'web');
    expect(await bench.list('replicasets')).toHaveLength(2);
  });

  it('do nothing to what is as it should be when they start', async () => {
    await bench.create('deployments', workload('web', { replicas: 2 }));
    await bench.create('statefulsets', workload('db', { replicas: 2, serviceName: 'db' }));
    await bench.create('daemonsets', workload('agent'));
    await bench.rolledOut('deployments', 'web');
    await bench.rolledOut('statefulsets', 'db');
    await bench.rolledOut('daemonsets', 'agent');
    const kinds = ['deployments', 'replicasets', 'pods', 'statefulsets', 'daemonsets', 'controllerrevisions'];
    const versions = async () =>
      Promise.all(kinds.map(async (kind) => (await bench.list(kind)).map((object) => object.metadata.resourceVersion)));
    let before = await versions();
    // Let the last status writes come in first.
    await eventually(
      async () => {
        const now = await versions();
        const same = JSON.stringify(now) === JSON.stringify(before);
        before = now;
        return same;
      },
      { intervalMs: 200 },
    );
    await restart();
    await never(async () => JSON.stringify(await versions()) !== JSON.stringify(before), {
      forMs: 500,
      intervalMs: 100,
    });
    expect(before.flat().length).toBeGreaterThan(9);
  });

  it('are silent while nothing happens', async () => {
    await bench.create('deployments', workload('web', { replicas: 1 }));
    await bench.rolledOut('deployments', 'web');
    let before = -1;
    await eventually(
      () => {
        const same = link.received === before;
        before = link.received;
        return same;
      },
      { intervalMs: 250 },
    );
    await never(() => link.received > before, { forMs: 1500, because: 'an idle controller sends nothing' });
    expect(link.connections).toBeLessThan(20);
  });

  /** Counted right after a request of the test's own client, whose keep-alive timer is then there both times. */
  const timersOfOthers = async () => {
    await bench.cluster.request('GET', '/version');
    return timers();
  };

  it('leave no timer and no connection when they are stopped', async () => {
    await bench.controllers.stop();
    await expect.poll(() => link.connections).toBe(0);
    const before = await timersOfOthers();
    bench.controllers = await startControllers(options(bench, link.url));
    // Its deadline of ten minutes is a timer.
    await bench.create('deployments', workload('web', { replicas: 1 }));
    await bench.until('deployments', 'web', ({ status }) => status?.['replicas'] === 1);
    expect(link.connections).toBeGreaterThan(0);
    await bench.controllers.stop();
    await expect.poll(() => link.connections).toBe(0);
    await expect.poll(timersOfOthers).toBeLessThanOrEqual(before);
    await restart();
  });

  it('say so when the API server cannot be reached at the start', async () => {
    link.sever();
    const starting = startControllers({ ...options(bench, link.url), startTimeoutMs: 300 });
    await expect(starting).rejects.toThrow(/did not list all kinds within 300 ms/);
    link.repair();
  });
});
