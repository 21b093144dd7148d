import { isTriggerError } from '@kube-trigger/core';
import { createKubeClient, type KubeClient, staticAuth } from '@kube-trigger/kube';
import { type ApiObject, BUSYBOX, describeOnNode, eventually, type TestCluster } from '@kube-trigger/testing';
import { configOf, fakeContext, fakeDelivery, fakeEvent, RecordingLogger } from '@kube-trigger/testing/contracts';
import { asyncScheduler } from 'rxjs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import updatePodTemplate, { RolloutAction, type RolloutConfig } from '../../src/index.js';

const MERGE = { 'content-type': 'application/merge-patch+json' };
/** Ends at once with a configuration that it cannot take. */
const SERVER = '[ "$MODE" = bad ] && exit 3; touch /tmp/up; exec sleep 3600';

interface Pod extends ApiObject {
  readonly status?: { readonly containerStatuses?: readonly { readonly restartCount: number }[] };
}

/** With the rights that the plugin declares, and nothing more. */
describeOnNode('updatePodTemplate with waves', (start) => {
  let cluster: TestCluster;
  let namespace: string;
  let kube: KubeClient;
  let action: RolloutAction;

  const post = async (path: string, body: object) => {
    const made = await cluster.request('POST', path, body);
    if (made.status !== 201) throw new Error(`${path}: ${made.status} ${made.text}`);
  };
  const deployment = (name: string) => `/apis/apps/v1/namespaces/${namespace}/deployments/${name}`;
  const read = async (name: string) => (await cluster.request('GET', deployment(name))).json;
  const generation = async (name: string) => (await read(name)).metadata.generation;
  const podsOf = async (app: string) => {
    const { json } = await cluster.request('GET', `/api/v1/namespaces/${namespace}/pods?labelSelector=app%3D${app}`);
    return ((json.items ?? []) as Pod[]).filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  };
  const isComplete = async (name: string) => {
    const { metadata, status } = await read(name);
    const { observedGeneration, replicas, updatedReplicas, availableReplicas } = (status ?? {}) as Record<
      string,
      number
    >;
    return (
      observedGeneration === metadata.generation && replicas === 1 && updatedReplicas === 1 && availableReplicas === 1
    );
  };

  beforeAll(async () => {
    cluster = await start();
    namespace = await cluster.createNamespace('waves');
    await cluster.grant(namespace, 'kube-trigger', updatePodTemplate.rbac);
    const token = await cluster.serviceAccountToken(namespace, 'kube-trigger');
    const auth = staticAuth({ server: cluster.url, token, ca: cluster.ca });
    kube = createKubeClient({ auth, logger: new RecordingLogger() });
    action = new RolloutAction(kube);
    await post(`/api/v1/namespaces/${namespace}/configmaps`, { metadata: { name: 'app' }, data: { MODE: 'good' } });
    for (const [name, tier] of [
      ['canary', 'canary'],
      ['all', 'web'],
    ] as const) {
      const container = {
        name: 'app',
        image: BUSYBOX,
        command: ['sh', '-c', SERVER],
        envFrom: [{ configMapRef: { name: 'app' } }],
        readinessProbe: { exec: { command: ['test', '-e', '/tmp/up'] }, periodSeconds: 1 },
      };
      const template = {
        metadata: { labels: { app: name } },
        spec: { terminationGracePeriodSeconds: 0, containers: [container] },
      };
      const spec = { replicas: 1, selector: { matchLabels: { app: name } }, template };
      await post(deployment(''), { metadata: { name, labels: { tier } }, spec });
    }
    await eventually(async () => (await isComplete('canary')) && (await isComplete('all')), { timeoutMs: 90_000 });
  }, 120_000);
  afterAll(async () => {
    action?.dispose();
    await kube?.close();
    await cluster?.stop();
  });

  const setMode = async (MODE: string) =>
    cluster.request('PATCH', `/api/v1/namespaces/${namespace}/configmaps/app`, { data: { MODE } }, MERGE);

  /** As the host does: again, until it is through; says how it ended. */
  const roll = async (id: string, eachTime: () => Promise<void> = () => Promise.resolve()) => {
    const config = configOf(updatePodTemplate, {
      referencing: true,
      pacing: { waves: [{ matchLabels: { tier: 'canary' } }], onFailure: 'undo' },
    }) as RolloutConfig;
    const event = fakeEvent({ id, key: `ConfigMap/${namespace}/app`, changedKeys: ['MODE'], observedAtMs: Date.now() });
    const context = { ...fakeContext({ rule: { namespace } }), scheduler: asyncScheduler };
    const delivery = fakeDelivery({ event, id, revision: id, redelivered: true });
    return eventually(
      async () => {
        await eachTime();
        try {
          const { outcome } = await action.run(config, delivery, context);
          return outcome === 'waiting' ? undefined : outcome;
        } catch (thrown) {
          if (isTriggerError(thrown)) return `${thrown.code}: ${thrown.message}`;
          throw thrown;
        }
      },
      { because: `${id} should end`, timeoutMs: 120_000, intervalMs: 500 },
    );
  };

  it('rolls the canary, and the others once it is up', async () => {
    await setMode('better');
    const early: string[] = [];
    const end = await roll('better', async () => {
      const [canary, others] = [await isComplete('canary'), await generation('all')];
      if ((await generation('canary')) === 2 && !canary && others !== 1) early.push('rolled before the canary was up');
    });
    expect([end, early]).toEqual(['unchanged', []]);
    expect([await generation('canary'), await generation('all')]).toEqual([2, 2]);
  }, 150_000);

  it('rolls a canary that crashes back, keeps its old pod, and leaves the others alone', async () => {
    const [before] = await podsOf('canary');
    await setMode('bad');
    const gone: string[] = [];
    const end = await roll('bad', async () => {
      const names = (await podsOf('canary')).map(({ metadata }) => metadata.name ?? '');
      if (!names.includes(before?.metadata.name ?? '-')) gone.push(names.join());
    });
    expect(gone).toEqual([]);
    expect(end).toMatch(
      /^KT_ROLLOUT_WAVE_FAILED: wave 1 of 2: 0 of 1 done; Deployment\/\S+\/canary failed: pod canary-\S+, container app: CrashLoopBackOff \(exit code 3, \d+ restarts\); rolled back: Deployment\/\S+\/canary; 1 left alone$/,
    );
    await eventually(async () => (await isComplete('canary')) && (await podsOf('canary')).length === 1, {
      because: 'the canary should be as it was',
      timeoutMs: 60_000,
    });
    expect((await podsOf('canary'))[0]?.metadata.name).toBe(before?.metadata.name);
    expect(await generation('all')).toBe(2);
    expect(await roll('bad')).toMatch(/rolled back: Deployment/);
    expect(await generation('canary')).toBe(4);
  }, 180_000);
});
