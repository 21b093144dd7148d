import { describeOnClusters, eventually, never } from '@kube-trigger/testing';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { crashAnnotation } from '../../src/controllers/index.js';
import { Bench, condition, type Thing, workload } from './bench.js';

type Changes = Awaited<ReturnType<Bench['watch']>>;

/** The names of the changed objects, in order. */
function order(changes: Changes, type: string): string[] {
  return changes
    .pending()
    .filter((event) => event.type === type)
    .map((event) => event.object.metadata.name);
}

function isReady(thing: Thing): boolean {
  return condition(thing, 'Ready')?.status === 'True';
}

describeOnClusters('the StatefulSet controller', (start) => {
  let bench: Bench;
  beforeAll(async () => {
    bench = await Bench.start(start);
  });
  afterAll(() => bench?.[Symbol.asyncDispose]());
  beforeEach(() => bench.renew());

  const create = (spec: object = {}, template: Parameters<typeof workload>[2] = {}) =>
    bench.create('statefulsets', workload('db', { replicas: 3, serviceName: 'db', ...spec }, template));
  const names = async () => (await bench.list('pods')).map((pod) => pod.metadata.name);
  const stamps = async () => (await bench.list('pods')).map((pod) => pod.metadata.annotations?.['v'] ?? '-').join('');

  it('creates its pods in order, each when the one before it is ready', async () => {
    await using pods = await bench.watch('pods');
    await create();
    const done = await bench.rolledOut('statefulsets', 'db');
    await expect.poll(() => order(pods, 'ADDED')).toEqual(['db-0', 'db-1', 'db-2']);
    const events = pods.pending();
    for (const [name, next] of [
      ['db-0', 'db-1'],
      ['db-1', 'db-2'],
    ]) {
      const ready = events.findIndex(({ object }) => object.metadata.name === name && isReady(object as Thing));
      const added = events.findIndex(({ object }) => object.metadata.name === next);
      expect(ready).toBeGreaterThanOrEqual(0);
      expect(added).toBeGreaterThan(ready);
    }
    const first = await bench.get('pods', 'db-0');
    expect(first.spec).toMatchObject({ hostname: 'db-0', subdomain: 'db' });
    expect(first.metadata.labels).toMatchObject({
      app: 'db',
      'statefulset.kubernetes.io/pod-name': 'db-0',
      'controller-revision-hash': done.status?.['currentRevision'],
    });
  });

  it('updates from the highest ordinal down, and makes the new revision the current one', async () => {
    await create();
    const before = await bench.rolledOut('statefulsets', 'db');
    await using pods = await bench.watch('pods');
    await bench.restamp('statefulsets', 'db', { v: '2' });
    const after = await bench.rolledOut('statefulsets', 'db');
    await expect.poll(() => order(pods, 'DELETED')).toEqual(['db-2', 'db-1', 'db-0']);
    expect(after.status?.['currentRevision']).not.toBe(before.status?.['currentRevision']);
    expect(after.status).toMatchObject({ currentReplicas: 3, updatedReplicas: 3, replicas: 3 });
    const revisions = await bench.list('controllerrevisions');
    expect(new Set(revisions.map((each) => each['revision']))).toEqual(new Set([1, 2]));
    await bench.restamp('statefulsets', 'db', { v: null });
    const back = await bench.rolledOut('statefulsets', 'db');
    expect(back.status?.['currentRevision']).toBe(before.status?.['currentRevision']);
    const again = await bench.get('controllerrevisions', String(before.status?.['currentRevision']));
    expect(again['revision']).toBe(3);
  });

  it('updates only from the partition on, and remakes the others from their old revision', async () => {
    await create(
      { updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 2 } } },
      { annotations: { v: '1' } },
    );
    await bench.rolledOut('statefulsets', 'db');
    await bench.restamp('statefulsets', 'db', { v: '2' });
    await eventually(async () => (await stamps()) === '112');
    await bench.until(
      'statefulsets',
      'db',
      ({ status }) => status?.['readyReplicas'] === 3 && status['updatedReplicas'] === 1,
    );
    const old = await bench.get('pods', 'db-0');
    await bench.remove('pods', 'db-0');
    await eventually(async () => (await bench.list('pods')).every((pod) => pod.metadata.uid !== old.metadata.uid));
    await eventually(async () => (await stamps()) === '112');
    await bench.merge('statefulsets', 'db', { spec: { updateStrategy: { rollingUpdate: { partition: 0 } } } });
    await bench.rolledOut('statefulsets', 'db');
    expect(await stamps()).toBe('222');
  });

  it('with OnDelete, gives a pod the new template only once someone deletes it', async () => {
    await create({ replicas: 2, updateStrategy: { type: 'OnDelete' } }, { annotations: { v: '1' } });
    await bench.until('statefulsets', 'db', ({ status }) => status?.['readyReplicas'] === 2);
    await bench.restamp('statefulsets', 'db', { v: '2' });
    await bench.until(
      'statefulsets',
      'db',
      ({ metadata, status }) => status?.observedGeneration === metadata.generation,
    );
    await never(async () => (await stamps()) !== '11', { forMs: 300 });
    await bench.remove('pods', 'db-1');
    await eventually(async () => (await stamps()) === '12');
    const { status } = await bench.until('statefulsets', 'db', (db) => db.status?.['updatedReplicas'] === 1);
    expect(status?.['updateRevision']).not.toBe(status?.['currentRevision']);
  });

  it('with Parallel, waits for none when it creates', async () => {
    await create({ podManagementPolicy: 'Parallel' }, { annotations: { [crashAnnotation]: 'true' } });
    await bench.until('statefulsets', 'db', ({ status }) => status?.['replicas'] === 3);
    expect(await names()).toEqual(['db-0', 'db-1', 'db-2']);
  });

  it('stays at the first pod that does not become ready', async () => {
    await create({}, { annotations: { [crashAnnotation]: 'true' } });
    await eventually(async () => (await names()).length > 0);
    await never(async () => (await names()).join() !== 'db-0', { forMs: 300 });
    expect((await bench.get('statefulsets', 'db')).status).not.toHaveProperty('readyReplicas', 1);
  });

  it('shrinks from the highest ordinal down, and makes claims that it keeps', async () => {
    const claim = {
      metadata: { name: 'data' },
      spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
    };
    await create({ volumeClaimTemplates: [claim] });
    await bench.rolledOut('statefulsets', 'db');
    await using pods = await bench.watch('pods');
    await bench.merge('statefulsets', 'db', { spec: { replicas: 1 } });
    await bench.rolledOut('statefulsets', 'db');
    await expect.poll(() => order(pods, 'DELETED')).toEqual(['db-2', 'db-1']);
    expect((await bench.get('pods', 'db-0')).spec['volumes']).toEqual(
      expect.arrayContaining([{ name: 'data', persistentVolumeClaim: { claimName: 'data-db-0' } }]),
    );
    const { json } = await bench.cluster.request('GET', `/api/v1/namespaces/${bench.namespace}/persistentvolumeclaims`);
    expect(json.items?.map((each) => each.metadata.name)).toEqual(['data-db-0', 'data-db-1', 'data-db-2']);
  });

  it('keeps no more idle revisions than revisionHistoryLimit', async () => {
    await create({ replicas: 1, revisionHistoryLimit: 1 });
    for (const v of ['2', '3', '4']) {
      await bench.rolledOut('statefulsets', 'db');
      await bench.restamp('statefulsets', 'db', { v });
    }
    await bench.rolledOut('statefulsets', 'db');
    const numbers = async () => (await bench.list('controllerrevisions')).map((each) => Number(each['revision']));
    await expect.poll(async () => (await numbers()).toSorted((a, b) => a - b), { timeout: 10_000 }).toEqual([3, 4]);
  });
});
