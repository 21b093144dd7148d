import { describeOnClusters, eventually, type TestCluster } from '@kube-trigger/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { KUBECTL, said, SnapshotStage, VOLUME, volumeOf } from './stage.js';

const NAME = /^app-config-[0-9a-z]{10}$/;
const POINTER = 'trigger.app.example.com/ConfigMap.app-config';

describeOnClusters('configSnapshot', (start) => {
  let cluster: TestCluster;
  let stage: SnapshotStage;
  beforeAll(async () => {
    cluster = await start();
  });
  beforeEach(async () => {
    stage = await SnapshotStage.open(cluster);
    await stage.configMap('app-config', { 'app.conf': 'v1', 'log.conf': 'quiet' });
    return () => stage[Symbol.asyncDispose]();
  });
  afterAll(() => cluster.stop());

  describe.each(['Deployment', 'StatefulSet', 'DaemonSet'])('a %s', (kind) => {
    beforeEach(() => stage.workload(kind, VOLUME));

    it('is pointed to an immutable copy of what changed, in one patch', async () => {
      const [done = ''] = await stage.change({ 'app.conf': 'v2' });
      const template = await stage.template(kind);
      const name = volumeOf(template) ?? '';
      expect(name).toMatch(NAME);
      expect(done).toBe(`${kind} done: generation 2; reads ConfigMap app-config as ${name}`);
      expect(template.metadata?.annotations).toEqual({
        [`trigger.app.example.com/${stage.namespace}.example`]: '{"app.conf":"v2"}',
        'trigger.app.example.com/cause': expect.stringMatching(/^ConfigMap .*\/app-config updated by TriggerRule/),
        [POINTER]: name,
      });
      const [snapshot] = await stage.snapshots();
      expect(snapshot).toMatchObject({
        immutable: true,
        data: { 'app.conf': 'v2', 'log.conf': 'quiet' },
        metadata: { name, labels: { 'app.kubernetes.io/managed-by': 'kube-trigger' } },
      });
      // The garbage collector may take the rule away again, which is not in this cluster: owners.test.ts has both.
      expect(snapshot?.metadata.ownerReferences?.[0]?.kind).toBe(kind);
    });

    it.runIf(KUBECTL !== undefined)(
      'gets its old configuration back by kubectl rollout undo, and keeps it until a change',
      async () => {
        await stage.change({ 'app.conf': 'v2' });
        const two = volumeOf(await stage.template(kind));
        await stage.observed(kind);
        await stage.change({ 'app.conf': 'v3' });
        const three = volumeOf(await stage.template(kind));
        expect(three).not.toBe(two);
        await stage.observed(kind);
        await stage.kubectl('rollout', 'undo', `${kind}/web`);
        const undone = await stage.template(kind);
        expect([volumeOf(undone), undone.metadata?.annotations?.[POINTER]]).toEqual([two, two]);
        expect((await stage.read<{ data: object }>('ConfigMap', two ?? '')).data).toMatchObject({ 'app.conf': 'v2' });
        await stage.observed(kind);
        const [after = ''] = await stage.change({ 'app.conf': 'v4' });
        expect(after).toMatch(`${kind} done: generation 5; reads ConfigMap app-config as app-config-`);
      },
    );
  });

  it('goes into one patch with what else changes', async () => {
    await stage.configMap('other', { a: '1' });
    await stage.workload('Deployment', {
      containers: [
        {
          name: 'web',
          image: 'web:1',
          envFrom: [{ configMapRef: { name: 'other' } }, { configMapRef: { name: 'app-config' } }],
        },
      ],
    });
    const results = await Promise.all([
      stage.run({ revision: 'both' }),
      stage.run({ revision: 'both', event: { key: `ConfigMap/${stage.namespace}/other` } }),
    ]);
    const { spec } = await stage.template();
    const names = spec.containers?.[0]?.envFrom?.map(({ configMapRef }) => configMapRef?.name) ?? [];
    expect(names).toEqual([expect.stringMatching(/^other-.{10}$/), expect.stringMatching(NAME)]);
    expect(await stage.generation()).toBe(2);
    expect(
      results
        .flatMap(said)
        .map((line) => line.split(':')[0])
        .toSorted(),
    ).toEqual(['Deployment done', 'Deployment unchanged']);
  });

  it('deletes snapshots beyond the history that nothing refers to, and no others', async () => {
    const history = { configSnapshot: { history: 1 } };
    await stage.workload('Deployment', VOLUME, { revisionHistoryLimit: 1 });
    await stage.change({ 'app.conf': 'v2' }, {}, history);
    // Without replicas every rollout is complete at once, on a cluster without nodes too; and then old revisions go.
    await stage.patch('Deployment', 'web', { spec: { replicas: 0 } });
    const names: string[] = [];
    for (const version of ['v3', 'v4', 'v5', 'v6']) {
      await stage.change({ 'app.conf': version }, {}, history);
      names.push(volumeOf(await stage.template()) ?? '');
      await stage.observed();
    }
    const named = async (kind: string) => {
      const { text } = await stage.cluster.request('GET', stage.path(kind));
      return names.filter((name) => text.includes(`"${name}"`)).toSorted();
    };
    await eventually(
      async () => {
        await stage.run({ redelivered: true }, history);
        const used = await named('ReplicaSet');
        expect([used.length, used.includes(names.at(-1) ?? '')]).toEqual([2, true]);
        expect((await stage.snapshots()).map(({ metadata }) => metadata.name ?? '').toSorted()).toEqual(used);
        return true;
      },
      { because: 'one old revision should be left, and its snapshot' },
    );
  });
});
