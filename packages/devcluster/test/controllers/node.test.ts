import { describeOnClusters, eventually, never } from '@kube-trigger/testing';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { crashAnnotation, nodeName } from '../../src/controllers/index.js';
import { Bench, condition } from './bench.js';

describeOnClusters('the node', (start) => {
  let bench: Bench;
  beforeAll(async () => {
    bench = await Bench.start(start);
  });
  afterAll(() => bench?.[Symbol.asyncDispose]());
  beforeEach(() => bench.renew());

  const create = (metadata: object = {}, spec: object = {}) =>
    bench.create('pods', {
      metadata: { name: 'p', ...metadata },
      spec: {
        containers: [
          { name: 'main', image: 'example:1' },
          { name: 'side', image: 'side:1' },
        ],
        ...spec,
      },
    });
  const ready = (status: string) => bench.until('pods', 'p', (pod) => condition(pod, 'Ready')?.status === status);
  const gone = () =>
    eventually(async () => (await bench.cluster.request('GET', bench.path('pods', 'p'))).status === 404, {
      timeoutMs: 5000,
    });

  it('is registered and ready', async () => {
    const node = await eventually(async () => {
      const { json } = await bench.cluster.request('GET', `/api/v1/nodes/${nodeName}`);
      return json.status !== undefined && JSON.stringify(json.status).includes('"KubeletReady"') && json;
    });
    expect(node.metadata.labels).toMatchObject({ 'kubernetes.io/hostname': nodeName });
  });

  it('takes a pod and runs it', async () => {
    await create({}, { initContainers: [{ name: 'init', image: 'init:1' }] });
    const { spec, status } = await ready('True');
    expect(spec.nodeName).toBe(nodeName);
    expect(status).toMatchObject({ phase: 'Running', podIP: expect.stringMatching(/^10\.244\.\d+\.\d+$/) });
    expect(status?.['containerStatuses']).toMatchObject([
      { name: 'main', ready: true, restartCount: 0, state: { running: {} } },
      { name: 'side', ready: true, restartCount: 0, state: { running: {} } },
    ]);
    expect(status?.['initContainerStatuses']).toMatchObject([
      { name: 'init', ready: true, state: { terminated: { exitCode: 0 } } },
    ]);
    expect(status?.conditions?.map(({ type }) => type).toSorted()).toEqual([
      'ContainersReady',
      'Initialized',
      'PodScheduled',
      'Ready',
    ]);
  });

  it('lets the first container crash as long as the annotation says so', async () => {
    await create({ annotations: { [crashAnnotation]: 'true' } });
    const crashing = await ready('False');
    expect(crashing.status?.['containerStatuses']).toMatchObject([
      {
        name: 'main',
        ready: false,
        state: { waiting: { reason: 'CrashLoopBackOff' } },
        lastState: { terminated: { exitCode: 1 } },
      },
      { name: 'side', ready: true },
    ]);
    expect(condition(crashing, 'Ready')).toMatchObject({ reason: 'ContainersNotReady' });
    await bench.merge('pods', 'p', { metadata: { annotations: { [crashAnnotation]: null } } });
    const healed = await ready('True');
    expect(condition(healed, 'Ready')).not.toHaveProperty('reason');
  });

  it('waits for readiness gates', async () => {
    await create({}, { readinessGates: [{ conditionType: 'example.com/gate' }] });
    const closed = await ready('False');
    expect(condition(closed, 'ContainersReady')?.status).toBe('True');
    const conditions = [...(closed.status?.conditions ?? []), { type: 'example.com/gate', status: 'True' }];
    await bench.cluster.request(
      'PATCH',
      `${bench.path('pods', 'p')}/status`,
      { status: { conditions } },
      { 'content-type': 'application/merge-patch+json' },
    );
    const open = await ready('True');
    expect(condition(open, 'example.com/gate')?.status).toBe('True');
  });

  it('ends a deleted pod at once', async () => {
    await create({}, { terminationGracePeriodSeconds: 300 });
    await ready('True');
    await bench.remove('pods', 'p');
    expect(await gone()).toBe(true);
  });

  it('leaves a pod that has finished as it is, and ends it when it is deleted', async () => {
    await create();
    await ready('True');
    const patch = { status: { phase: 'Failed', reason: 'Evicted' } };
    const headers = { 'content-type': 'application/merge-patch+json' };
    await bench.cluster.request('PATCH', `${bench.path('pods', 'p')}/status`, patch, headers);
    await never(async () => (await bench.get('pods', 'p')).status?.phase !== 'Failed', { forMs: 200 });
    await bench.remove('pods', 'p');
    expect(await gone()).toBe(true);
  });

  it('lets a deleted pod stay until its finalizers are gone', async () => {
    await create({ finalizers: ['example.com/hold'] });
    await ready('True');
    await bench.remove('pods', 'p');
    await bench.until('pods', 'p', ({ metadata }) => metadata.deletionTimestamp !== undefined);
    await never(async () => (await bench.cluster.request('GET', bench.path('pods', 'p'))).status === 404, {
      forMs: 300,
    });
    await bench.merge('pods', 'p', { metadata: { finalizers: null } });
    expect(await gone()).toBe(true);
  });

  it('says why it does not take a pod whose node selector does not fit', async () => {
    await create({}, { nodeSelector: { disk: 'fast' } });
    const pod = await bench.until('pods', 'p', (each) => condition(each, 'PodScheduled')?.status === 'False');
    expect(condition(pod, 'PodScheduled')).toMatchObject({
      reason: 'Unschedulable',
      message: expect.stringContaining('selector'),
    });
    expect(pod.status?.phase).toBe('Pending');
  });

  it('leaves the pods of another scheduler alone, also after it has bound them elsewhere', async () => {
    await create({}, { schedulerName: 'mine' });
    await never(async () => (await bench.get('pods', 'p')).spec.nodeName, { forMs: 300 });
    expect((await bench.get('pods', 'p')).status?.phase).toBe('Pending');
  });
});
