import { describeOnClusters, eventually, never } from '@kube-trigger/testing';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { crashAnnotation, nodeName } from '../../src/controllers/index.js';
import { Bench, workload } from './bench.js';

describeOnClusters('the DaemonSet controller', (start) => {
  let bench: Bench;
  beforeAll(async () => {
    bench = await Bench.start(start);
  });
  afterAll(() => bench?.[Symbol.asyncDispose]());
  beforeEach(() => bench.renew());

  const create = (spec: object = {}, template: Parameters<typeof workload>[2] = {}) =>
    bench.create('daemonsets', workload('agent', spec, template));
  const stamps = async () => (await bench.list('pods')).map((pod) => pod.metadata.annotations?.['v'] ?? '-').join('');

  it('runs one pod on the node and counts it', async () => {
    await create();
    const { status } = await bench.rolledOut('daemonsets', 'agent');
    expect(status).toMatchObject({
      desiredNumberScheduled: 1,
      currentNumberScheduled: 1,
      numberMisscheduled: 0,
      numberReady: 1,
      numberAvailable: 1,
      updatedNumberScheduled: 1,
    });
    const [pod, ...others] = await bench.list('pods');
    expect(others).toEqual([]);
    expect(pod?.spec.nodeName).toBe(nodeName);
  });

  it('replaces the pod when the template changes, and goes back to an earlier revision', async () => {
    await create({}, { annotations: { v: '1' } });
    await bench.rolledOut('daemonsets', 'agent');
    await using pods = await bench.watch('pods');
    await bench.restamp('daemonsets', 'agent', { v: '2' });
    await bench.rolledOut('daemonsets', 'agent');
    expect(await stamps()).toBe('2');
    await eventually(() => pods.pending().some((event) => event.type === 'ADDED'));
    const types = pods.pending().map((event) => event.type);
    expect(types.indexOf('ADDED')).toBeGreaterThan(types.indexOf('DELETED'));
    await bench.restamp('daemonsets', 'agent', { v: '1' });
    await bench.rolledOut('daemonsets', 'agent');
    const revisions = (await bench.list('controllerrevisions')).map((each) => Number(each['revision']));
    expect(revisions.toSorted((a, b) => a - b)).toEqual([2, 3]);
    const [pod] = await bench.list('pods');
    const hash = pod?.metadata.labels?.['controller-revision-hash'];
    const latest = (await bench.list('controllerrevisions', `controller-revision-hash=${hash}`)).map(
      (each) => each['revision'],
    );
    expect(latest).toEqual([3]);
  });

  it('with OnDelete, waits for someone to delete the pod', async () => {
    await create({ updateStrategy: { type: 'OnDelete' } }, { annotations: { v: '1' } });
    await bench.until('daemonsets', 'agent', ({ status }) => status?.['numberReady'] === 1);
    await bench.restamp('daemonsets', 'agent', { v: '2' });
    await bench.until(
      'daemonsets',
      'agent',
      ({ metadata, status }) => status?.observedGeneration === metadata.generation,
    );
    await never(async () => (await stamps()) !== '1', { forMs: 300 });
    const [pod] = await bench.list('pods');
    await bench.remove('pods', pod?.metadata.name ?? '');
    await eventually(async () => (await stamps()) === '2');
    expect((await bench.rolledOut('daemonsets', 'agent')).status).toMatchObject({ updatedNumberScheduled: 1 });
  });

  it('stays unavailable while its pod crashes', async () => {
    await create({}, { annotations: { [crashAnnotation]: 'true' } });
    await eventually(async () => (await bench.list('pods')).some((pod) => pod.status?.phase === 'Running'));
    const { status } = await bench.until(
      'daemonsets',
      'agent',
      (agent) => agent.status?.['currentNumberScheduled'] === 1,
    );
    expect(status).toMatchObject({ numberReady: 0, numberUnavailable: 1 });
  });

  it('wants no pod where its node selector does not fit, and takes an existing one away', async () => {
    await create();
    await bench.rolledOut('daemonsets', 'agent');
    await bench.merge('daemonsets', 'agent', { spec: { template: { spec: { nodeSelector: { disk: 'fast' } } } } });
    const { status } = await bench.until(
      'daemonsets',
      'agent',
      (agent) => agent.status?.['desiredNumberScheduled'] === 0,
    );
    expect(status).toMatchObject({ currentNumberScheduled: 0 });
    await eventually(async () => (await bench.list('pods')).length === 0);
  });
});
