import { describeOnClusters, eventually, never } from '@kube-trigger/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { crashAnnotation } from '../../src/controllers/index.js';
import { Bench, condition, revision, type Thing, workload } from './bench.js';

const quick = { strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 1 } } };

describeOnClusters('the Deployment controller', (start) => {
  let bench: Bench;
  beforeAll(async () => {
    bench = await Bench.start(start);
  });
  afterAll(() => bench?.[Symbol.asyncDispose]());
  beforeEach(() => bench.renew());

  const sizes = async () =>
    (await bench.list('replicasets')).map((set) => set.spec.replicas ?? 0).toSorted((a, b) => a - b);

  it('rolls a new Deployment out and says so in its status', async () => {
    await bench.create('deployments', workload('web', { replicas: 3 }));
    const done = await bench.rolledOut('deployments', 'web');
    expect(revision(done)).toBe('1');
    expect(condition(done, 'Available')).toMatchObject({ status: 'True', reason: 'MinimumReplicasAvailable' });
    const settled = await bench.until(
      'deployments',
      'web',
      (web) => condition(web, 'Progressing')?.reason === 'NewReplicaSetAvailable',
    );
    expect(settled.status).toMatchObject({ replicas: 3, updatedReplicas: 3, readyReplicas: 3, availableReplicas: 3 });
    expect(settled.status).not.toHaveProperty('unavailableReplicas');
    const [set] = await bench.list('replicasets');
    const hash = set?.metadata.labels?.['pod-template-hash'];
    expect(hash).toMatch(/^[a-z0-9]{6,}$/);
    expect(set?.metadata.name).toBe(`web-${hash}`);
    for (const pod of await bench.list('pods'))
      expect(pod.metadata.labels).toEqual({ app: 'web', 'pod-template-hash': hash });
  });

  it('replaces the pods within maxSurge and maxUnavailable when the template changes', async () => {
    await bench.create('deployments', workload('web', { replicas: 4, ...quick }));
    await bench.rolledOut('deployments', 'web');
    await using changes = await bench.watch('replicasets');
    const wanted = new Map((await bench.list('replicasets')).map((set) => [set.metadata.name, set]));
    await bench.restamp('deployments', 'web', { v: '2' });
    const done = await bench.rolledOut('deployments', 'web');
    expect(revision(done)).toBe('2');
    expect(await sizes()).toEqual([0, 4]);
    await eventually(() => changes.pending().some(({ object }) => (object as Thing).status?.['readyReplicas'] === 4));
    for (const { object } of changes.pending()) {
      wanted.set(object.metadata.name, object as Thing);
      const sets = [...wanted.values()];
      const total = sets.reduce((sum, set) => sum + (set.spec.replicas ?? 0), 0);
      expect(total).toBeLessThanOrEqual(5);
      expect(total).toBeGreaterThanOrEqual(3);
    }
    expect(changes.pending().length).toBeGreaterThan(4);
  });

  it('makes no ReplicaSet and no pod too many', async () => {
    await using sets = await bench.watch('replicasets');
    await using pods = await bench.watch('pods');
    await bench.create('deployments', workload('web', { replicas: 25 }));
    await bench.rolledOut('deployments', 'web');
    const added = (stream: typeof pods) => stream.pending().filter((event) => event.type === 'ADDED').length;
    await expect.poll(() => added(pods)).toBe(25);
    await never(() => added(pods) > 25 || added(sets) > 1, { forMs: 300 });
  });

  it('starts no rollout for anything but the template', async () => {
    await bench.create('deployments', workload('web', { replicas: 1 }));
    await bench.rolledOut('deployments', 'web');
    const before = (await bench.list('pods')).map((pod) => pod.metadata.uid);
    await bench.merge('deployments', 'web', {
      metadata: { labels: { a: 'b' }, annotations: { c: 'd' } },
      spec: { replicas: 2 },
    });
    await bench.rolledOut('deployments', 'web');
    const [set, ...others] = await bench.list('replicasets');
    expect(others).toEqual([]);
    expect(set?.metadata.annotations).toMatchObject({ c: 'd' });
    expect((await bench.list('pods')).map((pod) => pod.metadata.uid)).toEqual(expect.arrayContaining(before));
  });

  it('takes an earlier ReplicaSet again, under a new revision, when the template goes back', async () => {
    await bench.create('deployments', workload('web', { replicas: 1 }, { annotations: { v: '1' } }));
    await bench.rolledOut('deployments', 'web');
    const [first] = await bench.list('replicasets');
    await bench.restamp('deployments', 'web', { v: '2' });
    await bench.rolledOut('deployments', 'web');
    await bench.restamp('deployments', 'web', { v: '1' });
    expect(revision(await bench.rolledOut('deployments', 'web'))).toBe('3');
    const again = await bench.get('replicasets', first?.metadata.name ?? '');
    expect(again.spec.replicas).toBe(1);
    expect(again.metadata.annotations).toMatchObject({ 'deployment.kubernetes.io/revision-history': '1' });
    expect(await sizes()).toEqual([0, 1]);
  });

  it('leaves a paused Deployment as it is, except for its size', async () => {
    await bench.create('deployments', workload('web', { replicas: 1 }));
    await bench.rolledOut('deployments', 'web');
    await bench.merge('deployments', 'web', {
      spec: { paused: true, replicas: 2, template: { metadata: { annotations: { v: '2' } } } },
    });
    const paused = await bench.until('deployments', 'web', (web) => web.status?.['readyReplicas'] === 2);
    expect(condition(paused, 'Progressing')).toMatchObject({ status: 'Unknown', reason: 'DeploymentPaused' });
    expect(await sizes()).toEqual([2]);
    await never(async () => (await bench.list('replicasets')).length > 1, { forMs: 300 });
    await bench.merge('deployments', 'web', { spec: { paused: false } });
    await bench.rolledOut('deployments', 'web');
    expect(await sizes()).toEqual([0, 2]);
  });

  it('with Recreate, makes the first new pod after the last old one is gone', async () => {
    await bench.create('deployments', workload('web', { replicas: 3, strategy: { type: 'Recreate' } }));
    await bench.rolledOut('deployments', 'web');
    await using pods = await bench.watch('pods');
    await bench.restamp('deployments', 'web', { v: '2' });
    await bench.rolledOut('deployments', 'web');
    await eventually(() => pods.pending().filter((event) => event.type === 'ADDED').length === 3);
    const types = pods.pending().map((event) => event.type);
    expect(types.filter((type) => type === 'DELETED')).toHaveLength(3);
    expect(types.indexOf('ADDED')).toBeGreaterThan(types.lastIndexOf('DELETED'));
  });

  it('keeps no more old ReplicaSets than revisionHistoryLimit', async () => {
    await bench.create('deployments', workload('web', { replicas: 1, revisionHistoryLimit: 1 }));
    for (const v of ['2', '3', '4']) {
      await bench.rolledOut('deployments', 'web');
      await bench.restamp('deployments', 'web', { v });
    }
    await bench.rolledOut('deployments', 'web');
    await eventually(async () => (await bench.list('replicasets')).length === 2);
    // Which old one stays is up to the version: 1.20 goes by whole seconds of age.
    expect((await bench.list('replicasets')).map(revision)).toContain('4');
  });

  it('counts a pod as available only after minReadySeconds', async () => {
    await bench.create('deployments', workload('web', { replicas: 1, minReadySeconds: 2 }));
    const ready = await bench.until('deployments', 'web', (web) => web.status?.['readyReplicas'] === 1);
    expect(ready.status).not.toHaveProperty('availableReplicas');
    expect(condition(ready, 'Available')).toMatchObject({ status: 'False', reason: 'MinimumReplicasUnavailable' });
    const available = await bench.until('deployments', 'web', (web) => web.status?.['availableReplicas'] === 1);
    expect(condition(available, 'Available')).toMatchObject({ status: 'True' });
  });

  describe('when the new pods crash', () => {
    const crash = { [crashAnnotation]: 'true' };

    it('keeps the old ones, declares the rollout stuck after progressDeadlineSeconds, and recovers by a rollback', async () => {
      await bench.create('deployments', workload('web', { replicas: 3, progressDeadlineSeconds: 2, ...quick }));
      await bench.rolledOut('deployments', 'web');
      await bench.restamp('deployments', 'web', crash);
      const stuck = await bench.until('deployments', 'web', (web) => condition(web, 'Progressing')?.status === 'False');
      expect(condition(stuck, 'Progressing')).toMatchObject({ reason: 'ProgressDeadlineExceeded' });
      expect(condition(stuck, 'Available')).toMatchObject({ status: 'True' });
      expect(stuck.status).toMatchObject({ availableReplicas: 2, updatedReplicas: 2, unavailableReplicas: 2 });
      const waiting = (await bench.list('pods')).filter((pod) =>
        JSON.stringify(pod.status).includes('CrashLoopBackOff'),
      );
      expect(waiting).toHaveLength(2);
      await bench.restamp('deployments', 'web', { [crashAnnotation]: null });
      const healed = await bench.rolledOut('deployments', 'web');
      expect(revision(healed)).toBe('3');
      await bench.until(
        'deployments',
        'web',
        (web) => condition(web, 'Progressing')?.reason === 'NewReplicaSetAvailable',
      );
    });

    it('spreads a new size over the old and the new ReplicaSet in proportion', async () => {
      const strategy = { type: 'RollingUpdate', rollingUpdate: { maxSurge: 3, maxUnavailable: 2 } };
      await bench.create('deployments', workload('web', { replicas: 10, strategy }));
      await bench.rolledOut('deployments', 'web');
      await bench.restamp('deployments', 'web', crash);
      await expect.poll(sizes, { timeout: 10_000 }).toEqual([5, 8]);
      await bench.merge('deployments', 'web', { spec: { replicas: 15 } });
      await expect.poll(sizes, { timeout: 10_000 }).toEqual([7, 11]);
    });
  });
});

describeOnClusters('the ReplicaSet controller', (start) => {
  let bench: Bench;
  beforeAll(async () => {
    bench = await Bench.start(start);
  });
  afterAll(() => bench?.[Symbol.asyncDispose]());
  beforeEach(() => bench.renew());

  it('replaces a pod that is deleted', async () => {
    await bench.create('replicasets', workload('web', { replicas: 2 }));
    await bench.until('replicasets', 'web', (set) => set.status?.['readyReplicas'] === 2);
    const [gone] = await bench.list('pods');
    await bench.remove('pods', gone?.metadata.name ?? '');
    const pods = await eventually(async () => {
      const now = await bench.list('pods');
      return now.every((pod) => pod.metadata.uid !== gone?.metadata.uid) && now.length === 2 && now;
    });
    expect(pods[0]?.metadata.ownerReferences).toMatchObject([{ kind: 'ReplicaSet', name: 'web', controller: true }]);
  });

  it('sets a pod free whose labels no longer match, and replaces it', async () => {
    await bench.create('replicasets', workload('web', { replicas: 1 }));
    await bench.until('replicasets', 'web', (set) => set.status?.['readyReplicas'] === 1);
    const [taken] = await bench.list('pods');
    await bench.merge('pods', taken?.metadata.name ?? '', { metadata: { labels: { app: 'debug' } } });
    const [freed] = await eventually(async () => {
      const [debug, web] = [await bench.list('pods', 'app=debug'), await bench.list('pods', 'app=web')];
      return web.length === 1 && debug[0]?.metadata.ownerReferences === undefined && debug;
    });
    expect(freed?.metadata.uid).toBe(taken?.metadata.uid);
  });

  it('takes the broken pods first when it shrinks', async () => {
    await bench.create('replicasets', workload('web', { replicas: 3 }));
    await bench.until('replicasets', 'web', (set) => set.status?.['readyReplicas'] === 3);
    const [broken] = await bench.list('pods');
    await bench.merge('pods', broken?.metadata.name ?? '', {
      metadata: { annotations: { [crashAnnotation]: 'true' } },
    });
    await bench.until('replicasets', 'web', (set) => set.status?.['readyReplicas'] === 2);
    await bench.merge('replicasets', 'web', { spec: { replicas: 2 } });
    await eventually(async () => (await bench.list('pods')).length === 2);
    expect((await bench.list('pods')).map((pod) => pod.metadata.name)).not.toContain(broken?.metadata.name);
    expect((await bench.get('replicasets', 'web')).status).toMatchObject({ readyReplicas: 2 });
  });
});
