import { createKubeClient, type KubeClient, staticAuth } from '@kube-trigger/kube';
import { type ApiObject, describeOnClusters, eventually, installCrd, type TestCluster } from '@kube-trigger/testing';
import { fakeContext, fakeDelivery, fakeEvent, RecordingLogger } from '@kube-trigger/testing/contracts';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { RolloutAction, type RolloutConfig } from '../src/index.js';
import { cronJobVersion } from './kinds.js';

const REVISION = 'trigger.app.example.com/shop.example';
const ANNOTATE = { strategy: 'annotate' } as const;

describeOnClusters('updatePodTemplate of many kinds', (start, server) => {
  let cluster: TestCluster;
  let kube: KubeClient;
  let namespace: string;
  let action: RolloutAction;
  beforeAll(async () => {
    cluster = await start();
    const auth = staticAuth({ server: cluster.url, ca: cluster.ca, token: cluster.token });
    kube = createKubeClient({ auth, logger: new RecordingLogger() });
  });
  beforeEach(async () => {
    namespace = await cluster.createNamespace('kinds');
    action = new RolloutAction(kube);
    return () => action.dispose();
  });
  afterAll(async () => {
    await kube.close();
    await cluster.stop();
  });

  const pathOf = (group: string, plural: string, name = '') =>
    `/apis/${group}/namespaces/${namespace}/${plural}${name === '' ? '' : `/${name}`}`;
  const make = async (path: string, body: object) => {
    const made = await cluster.request('POST', path, body);
    if (made.status !== 201) throw new Error(`${path}: ${made.status} ${made.text}`);
    return made.json;
  };
  const read = async (path: string) => (await cluster.request('GET', path)).json;
  const run = (config: RolloutConfig, delivery: object = {}, rule = 'example') => {
    const event = fakeEvent({ key: `ConfigMap/${namespace}/app-config`, observedAtMs: Date.now() });
    const context = fakeContext({ rule: { namespace: 'shop', name: rule, uid: rule } });
    return action.run(config, fakeDelivery({ event, ...delivery }), context);
  };
  const outcomes = async (config: RolloutConfig, delivery: object = {}) =>
    (await run(config, delivery)).targets.map(({ target, outcome }) => `${target} ${outcome}`).toSorted();

  const template = (pod: object = {}, labels: object = { app: 'web' }) => ({
    metadata: { labels },
    spec: { containers: [{ name: 'web', image: 'web:1', ...pod }] },
  });
  const makeDeployment = (name: string, pod: object = {}, metadata: object = {}) =>
    make(pathOf('apps/v1', 'deployments'), {
      metadata: { name, ...metadata },
      spec: { replicas: 1, selector: { matchLabels: { app: name } }, template: template(pod, { app: name }) },
    });
  const all = { envFrom: [{ configMapRef: { name: 'app-config' } }] };

  it('rolls who uses the key that changed, by the index that watches keep', async () => {
    const env = (key: string) => [{ name: 'A', valueFrom: { configMapKeyRef: { name: 'app-config', key } } }];
    await makeDeployment('whole', all);
    await makeDeployment('key', { env: env('app.conf') });
    await makeDeployment('other-key', { env: env('log.conf') });
    await makeDeployment('stranger');
    const requests = kube.stats().requests;
    expect(await outcomes({ referencing: true, ...ANNOTATE })).toEqual([
      `Deployment/${namespace}/key done`,
      `Deployment/${namespace}/other-key unchanged`,
      `Deployment/${namespace}/whole done`,
    ]);
    expect(kube.stats().requests - requests).toBeGreaterThan(2);
    await makeDeployment('late', all);
    await eventually(async () => {
      const targets = await outcomes({ referencing: true, ...ANNOTATE }, { revision: 'combined-2' });
      return targets.includes(`Deployment/${namespace}/late done`);
    });
  });

  it('rolls who has the labels', async () => {
    await makeDeployment('a', {}, { labels: { tier: 'web' } });
    await makeDeployment('b', {}, { labels: { tier: 'db' } });
    const selector = {
      kind: 'Deployment',
      namespace,
      matchExpressions: [{ key: 'tier', operator: 'In' as const, values: ['web'] }],
    };
    expect(await outcomes({ selector, ...ANNOTATE })).toEqual([`Deployment/${namespace}/a done`]);
  });

  it('patches all of 500, each once', async () => {
    // Paused, so that they make no pods.
    const names = Array.from({ length: 500 }, (_, n) => `w${n}`);
    for (let at = 0; at < names.length; at += 50) {
      await Promise.all(
        names.slice(at, at + 50).map((name) =>
          make(pathOf('apps/v1', 'deployments'), {
            metadata: { name },
            spec: {
              replicas: 1,
              paused: true,
              selector: { matchLabels: { app: name } },
              template: template(all, { app: name }),
            },
          }),
        ),
      );
    }
    const kinds = [{ kind: 'Deployment' }];
    expect((await run({ referencing: true, kinds, ...ANNOTATE })).targets.length).toBe(500);
    const { items = [] } = await read(`${pathOf('apps/v1', 'deployments')}?limit=600`);
    expect([items.length, new Set(items.map(({ metadata }) => metadata.generation))]).toEqual([500, new Set([2])]);
  });

  it.each(['merge', 'apply'] as const)('writes by %s what two rules keep side by side', async (patchType) => {
    await makeDeployment('web');
    const config: RolloutConfig = { objectRef: { kind: 'Deployment', name: 'web', namespace }, ...ANNOTATE, patchType };
    expect((await run(config)).outcome).toBe('done');
    const late = { event: fakeEvent({ id: 'event-2', observedAtMs: Date.now() + 60_000 }) };
    expect((await run(config, { ...late, revision: 'theirs' }, 'other')).outcome).toBe('done');
    expect((await run(config, { ...late, revision: 'combined-2' })).outcome).toBe('done');
    const after = await read(pathOf('apps/v1', 'deployments', 'web'));
    expect(annotationsAt(after, 'spec', 'template')).toMatchObject({
      [REVISION]: 'combined-2',
      'trigger.app.example.com/shop.other': 'theirs',
    });
    const managers = after.metadata.managedFields?.map(({ manager }) => manager) ?? [];
    const expected =
      patchType === 'merge' ? ['kube-trigger'] : ['kube-trigger/shop.example', 'kube-trigger/shop.other'];
    expect(managers).toEqual(expect.arrayContaining(expected));
  });

  it('does not make by apply what has gone', async () => {
    await makeDeployment('web');
    const config: RolloutConfig = {
      objectRef: { kind: 'Deployment', name: 'web', namespace },
      ...ANNOTATE,
      patchType: 'apply',
    };
    await action.check(config, fakeContext());
    await cluster.request('DELETE', pathOf('apps/v1', 'deployments', 'web'));
    await expect(run(config)).rejects.toThrow(/web/);
    expect((await cluster.request('GET', pathOf('apps/v1', 'deployments', 'web'))).status).toBe(404);
  });

  it('restarts as kubectl does, and keeps the revision beside the template', async () => {
    await makeDeployment('web');
    const config: RolloutConfig = {
      objectRef: { kind: 'Deployment', name: 'web', namespace },
      strategy: 'restartedAt',
    };
    expect((await run(config)).outcome).toBe('done');
    const after = await read(pathOf('apps/v1', 'deployments', 'web'));
    expect(annotationsAt(after, 'spec', 'template')).toEqual({
      'kubectl.kubernetes.io/restartedAt': '2026-01-01T00:00:00Z',
    });
    expect(after.metadata.annotations).toMatchObject({ [REVISION]: 'combined-1' });
    const again = new RolloutAction(kube);
    const result = await again.run(config, fakeDelivery({ redelivered: true }), fakeContext());
    expect(result.outcome).toBe('unchanged');
    again.dispose();
  });

  it('changes a CronJob’s template and starts no run', async () => {
    const version = await cronJobVersion(cluster);
    await make(pathOf(version, 'cronjobs'), {
      metadata: { name: 'report' },
      spec: {
        schedule: '0 3 1 1 *',
        jobTemplate: { spec: { template: { ...template(), spec: { ...template().spec, restartPolicy: 'Never' } } } },
      },
    });
    expect((await run({ objectRef: { kind: 'CronJob', name: 'report', namespace }, ...ANNOTATE })).outcome).toBe(
      'done',
    );
    const after = await read(pathOf(version, 'cronjobs', 'report'));
    expect(annotationsAt(after, 'spec', 'jobTemplate', 'spec', 'template')).toMatchObject({ [REVISION]: 'combined-1' });
    expect((await read(pathOf('batch/v1', 'jobs'))).items).toEqual([]);
  });

  describe('a custom kind', () => {
    const group = `apps-${server}.example.com`;
    const crd = (pods: object) => ({
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: `games.${group}` },
      spec: {
        group,
        scope: 'Namespaced',
        names: { plural: 'games', singular: 'game', kind: 'Game', listKind: 'GameList' },
        versions: [
          {
            name: 'v1',
            served: true,
            storage: true,
            schema: {
              openAPIV3Schema: {
                type: 'object',
                properties: { spec: { type: 'object', properties: { pods, strict: { type: 'object' } } } },
              },
            },
          },
        ],
      },
    });
    const configAt = (podTemplatePath: string): RolloutConfig => ({
      objectRef: { apiVersion: `${group}/v1`, kind: 'Game', name: 'chess', namespace },
      podTemplatePath,
      ...ANNOTATE,
    });

    it('is waited for until it is installed, then rolled at its path; a schema that drops annotations is said', async () => {
      await expect(action.check(configAt('spec.pods'), fakeContext())).rejects.toThrow('has no kind "Game"');
      await expect(run(configAt('spec.pods'))).rejects.toThrow('has no kind "Game"');
      await installCrd(cluster.client, crd({ type: 'object', 'x-kubernetes-preserve-unknown-fields': true }));
      await make(pathOf(`${group}/v1`, 'games'), {
        apiVersion: `${group}/v1`,
        kind: 'Game',
        metadata: { name: 'chess' },
        spec: { pods: template(), strict: {} },
      });
      await eventually(async () => (await run(configAt('spec.pods')).catch(() => undefined))?.outcome === 'done', {
        timeoutMs: 30_000,
      });
      const after = await read(pathOf(`${group}/v1`, 'games', 'chess'));
      expect(annotationsAt(after, 'spec', 'pods')).toMatchObject({ [REVISION]: 'combined-1' });
      const next = { event: fakeEvent({ id: 'event-2' }), revision: 'combined-2' };
      await expect(run(configAt('spec.strict'), next)).rejects.toThrow('does not keep annotations at spec.strict.meta');
      await expect(run(configAt('spec.nothing'), next)).rejects.toThrow('has no pod template at spec.nothing');
    });
  });
});

function annotationsAt(object: ApiObject, ...path: string[]): unknown {
  const template = path.reduce<unknown>((inner, name) => (inner as Record<string, unknown>)[name], object);
  return (template as { metadata?: { annotations?: unknown } }).metadata?.annotations;
}
