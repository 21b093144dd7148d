import { isTriggerError } from '@kube-trigger/core';
import { describeOnClusters, eventually, installCrd, type TestCluster } from '@kube-trigger/testing';
import { fakeContext } from '@kube-trigger/testing/contracts';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import updatePodTemplate, { type RolloutConfig } from '../../src/index.js';
import { cronJobVersion, installRollouts, rolloutOf, ROLLOUTS } from '../kinds.js';
import { type Config, type PodTemplate, SnapshotStage, VOLUME, volumeOf } from './stage.js';

const NAME = /^app-config-[0-9a-z]{10}$/;
const POINTER = 'trigger.app.example.com/ConfigMap.app-config';

describeOnClusters('configSnapshot of other kinds and contents', (start, server) => {
  let cluster: TestCluster;
  let stage: SnapshotStage;
  beforeAll(async () => {
    cluster = await start();
    await installRollouts(cluster);
  });
  beforeEach(async () => {
    stage = await SnapshotStage.open(cluster);
    stage.places['Rollout'] = ROLLOUTS;
    stage.places['CronJob'] = `apis/${await cronJobVersion(cluster)}/cronjobs`;
    await stage.configMap('app-config', { 'app.conf': 'v1' });
    return () => stage[Symbol.asyncDispose]();
  });
  afterAll(() => cluster.stop());

  const cronJob = async () => {
    const template = { metadata: { labels: { app: 'web' } }, spec: { ...VOLUME, restartPolicy: 'Never' } };
    const spec = { schedule: '0 3 1 1 *', jobTemplate: { spec: { template } } };
    await stage.make('CronJob', { metadata: { name: 'report' }, spec });
  };
  const jobTemplate = async () => {
    type CronJob = { spec: { jobTemplate: { spec: { template: PodTemplate } } } };
    return (await stage.read<CronJob>('CronJob', 'report')).spec.jobTemplate.spec.template;
  };
  const CRON_JOBS: Partial<RolloutConfig> = { kinds: [{ kind: 'CronJob' }] };

  it('points the job template of a CronJob, and starts no run', async () => {
    await cronJob();
    const [done] = await stage.change({ 'app.conf': 'v2' }, {}, CRON_JOBS);
    const template = await jobTemplate();
    const name = volumeOf(template);
    expect(name).toMatch(NAME);
    // In `batch/v1beta1` it has no generation.
    expect(done?.replace('generation 2; ', '')).toBe(`CronJob done: reads ConfigMap app-config as ${name}`);
    expect(template.metadata?.annotations?.[POINTER]).toBe(name);
    expect((await cluster.request('GET', stage.path('', '', 'apis/batch/v1/jobs'))).json.items).toEqual([]);
  });

  it('points the workload that an Argo Rollout refers to, and both own the copy', async () => {
    await stage.workload('Deployment', VOLUME, { replicas: 0 });
    await stage.make('Rollout', rolloutOf('web'));
    const [done] = await stage.change({ 'app.conf': 'v2' }, {}, { kinds: [{ kind: 'Rollout' }] });
    const name = volumeOf(await stage.template());
    expect(name).toMatch(NAME);
    expect(done).toBe(`Rollout done: generation 2; reads ConfigMap app-config as ${name}`);
    const [snapshot] = await stage.snapshots();
    expect(snapshot?.metadata.ownerReferences?.map(({ kind }) => kind)).toEqual([
      'Rollout',
      'Deployment',
      'TriggerRule',
    ]);
    expect((await stage.read('Rollout', 'canary')).metadata.annotations ?? {}).toEqual({});
    const [again] = await stage.change({ 'app.conf': 'v3' }, {}, { kinds: [{ kind: 'Rollout' }] });
    expect(again).toContain('Rollout done: generation 3; reads');
  });

  describe('a custom kind', () => {
    const group = `snapshots-${server}.example.com`;
    const open = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
    beforeAll(() =>
      installCrd(cluster.client, {
        apiVersion: 'apiextensions.k8s.io/v1',
        kind: 'CustomResourceDefinition',
        metadata: { name: `games.${group}` },
        spec: {
          group,
          scope: 'Namespaced',
          names: { plural: 'games', singular: 'game', kind: 'Game', listKind: 'GameList' },
          versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: schema } }],
        },
      }),
    );
    // What is at `strict` keeps no annotations.
    const strict = { type: 'object', properties: { spec: open } };
    const schema = {
      type: 'object',
      properties: { spec: { type: 'object', properties: { pods: open, strict } } },
    };
    beforeEach(async () => {
      stage.places['Game'] = `apis/${group}/v1/games`;
      const spec = { pods: { spec: VOLUME }, strict: { spec: VOLUME } };
      await stage.make('Game', { apiVersion: `${group}/v1`, kind: 'Game', metadata: { name: 'chess' }, spec });
    });
    const at = (podTemplatePath: string): Partial<RolloutConfig> => ({
      kinds: [{ apiVersion: `${group}/v1`, kind: 'Game', podTemplatePath }],
    });
    const game = async () =>
      (await stage.read<{ spec: { pods: PodTemplate; strict: PodTemplate } }>('Game', 'chess')).spec;

    it('is pointed at its path, once for each change', async () => {
      const [done] = await stage.change({ 'app.conf': 'v2' }, {}, at('spec.pods'));
      const { pods, strict: other } = await game();
      const name = volumeOf(pods);
      expect(name).toMatch(NAME);
      expect(done).toBe(`Game done: generation 2; reads ConfigMap app-config as ${name}`);
      expect([pods.metadata?.annotations?.[POINTER], volumeOf(other)]).toEqual([name, 'app-config']);
      stage.action.dispose();
      stage.action = stage.newAction();
      const revision = JSON.stringify({ 'app.conf': 'v2' });
      expect((await stage.run({ revision, redelivered: true }, at('spec.pods'))).outcome).toBe('unchanged');
      expect(await stage.generation('Game', 'chess')).toBe(2);
    });

    it('whose schema drops the annotations is left as it was, references and all', async () => {
      const error: unknown = await stage.change({ 'app.conf': 'v2' }, {}, at('spec.strict')).catch((e: unknown) => e);
      expect(isTriggerError(error) && [error.code, error.message]).toEqual([
        'KT_ROLLOUT_TEMPLATE',
        `Game ${stage.namespace}/chess does not keep annotations at spec.strict.metadata.annotations`,
      ]);
      expect(volumeOf((await game()).strict)).toBe('app-config');
      expect(await stage.generation('Game', 'chess')).toBe(1);
    });
  });

  it('copies binary data, byte by byte, and tells it from other binary data', async () => {
    await stage.workload('Deployment', VOLUME);
    const bytes = (...values: number[]) => Buffer.from(values).toString('base64');
    const binaryData = { logo: bytes(0, 255, 128, 10) };
    await stage.patch('ConfigMap', 'app-config', { binaryData });
    await stage.run({ revision: 'one' });
    const one = volumeOf(await stage.template()) ?? '';
    expect(await stage.read('ConfigMap', one)).toMatchObject({
      binaryData,
      data: { 'app.conf': 'v1' },
      immutable: true,
    });
    await stage.patch('ConfigMap', 'app-config', { binaryData: { logo: bytes(0, 255, 128, 11) } });
    await stage.run({ revision: 'two' });
    const two = volumeOf(await stage.template()) ?? '';
    expect(two).not.toBe(one);
    expect(two).toMatch(NAME);
  });

  it('copies an object of 1 MiB, the largest that there is', async () => {
    await stage.workload('Deployment', VOLUME);
    const large = { 'app.conf': 'v2', filler: 'x'.repeat(1024 * 1024 - 2) };
    const [done] = await stage.change(large, { revision: 'large' });
    expect(done).toContain('Deployment done: generation 2; reads');
    const snapshot = await stage.read<Config>('ConfigMap', volumeOf(await stage.template()) ?? '');
    expect(snapshot.data?.['filler']?.length).toBe(large.filler.length);
    // What is there already is compared and marked, not sent again.
    stage.action.dispose();
    stage.action = stage.newAction();
    expect((await stage.run({ revision: 'large', redelivered: true })).outcome).toBe('unchanged');
  });

  it('works with exactly the rights that are printed for the rule, also to delete what is not needed', async () => {
    const config: RolloutConfig = {
      referencing: true,
      strategy: 'annotate',
      configSnapshot: { history: 1 },
      ...CRON_JOBS,
    };
    const kube = stage.client(await cluster.serviceAccountToken(stage.namespace, 'restricted'));
    await grant(updatePodTemplate.rbacFor?.(config) ?? []);
    stage.action.dispose();
    stage.action = stage.newAction(kube);
    await cronJob();
    await eventually(
      () =>
        stage.action.check(config, context()).then(
          () => true,
          () => false,
        ),
      {
        because: 'the API server should know the Role',
      },
    );
    for (const version of ['v2', 'v3', 'v4']) {
      expect((await stage.change({ 'app.conf': version }, {}, config))[0]).toContain('CronJob done');
    }
    const reads = volumeOf(await jobTemplate());
    await eventually(
      async () => {
        await stage.run({ revision: JSON.stringify({ 'app.conf': 'v4' }), redelivered: true }, config);
        return (await stage.snapshots()).map(({ metadata }) => metadata.name).join() === reads;
      },
      { because: 'one snapshot should be left', timeoutMs: 20_000 },
    );
    expect(stage.logger.lines.filter(({ level }) => level === 'warn' || level === 'error')).toEqual([]);
    await kube.close();
  });

  const context = () => fakeContext({ rule: { namespace: stage.namespace } });
  const grant = async (rbac: readonly { apiGroups: unknown; resources: unknown; verbs: unknown }[]) => {
    const group = 'apis/rbac.authorization.k8s.io/v1';
    Object.assign(stage.places, { Role: `${group}/roles`, RoleBinding: `${group}/rolebindings` });
    const rules = rbac.map(({ apiGroups, resources, verbs }) => ({ apiGroups, resources, verbs }));
    await stage.make('Role', { metadata: { name: 'restricted' }, rules });
    await stage.make('RoleBinding', {
      metadata: { name: 'restricted' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'restricted' },
      subjects: [{ kind: 'ServiceAccount', name: 'restricted', namespace: stage.namespace }],
    });
  };
});
