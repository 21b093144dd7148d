import { isTriggerError } from '@kube-trigger/core';
import { createKubeClient, type KubeClient, staticAuth, WELL_KNOWN } from '@kube-trigger/kube';
import { type ApiObject, describeOnClusters, eventually, type TestCluster } from '@kube-trigger/testing';
import { fakeContext, fakeDelivery, fakeEvent, RecordingLogger } from '@kube-trigger/testing/contracts';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { workloadProjection } from '../src/index/workload.js';
import { sharedBy } from '../src/shared.js';
import { kindOf } from '../src/targets/kinds.js';
import { CAUSE_ANNOTATION, RolloutAction, type RolloutConfig } from '../src/index.js';

const KINDS = { Deployment: 'deployments', StatefulSet: 'statefulsets', DaemonSet: 'daemonsets' } as const;
type Kind = keyof typeof KINDS;

describeOnClusters('updatePodTemplate', (start) => {
  let cluster: TestCluster;
  let kube: KubeClient;
  let namespace: string;
  beforeAll(async () => {
    cluster = await start();
    kube = clientOf(cluster, cluster.token);
  });
  beforeEach(async () => {
    namespace = await cluster.createNamespace('rollout');
  });
  afterAll(async () => {
    await kube.close();
    await cluster.stop();
  });

  const context = (signal?: AbortSignal) => fakeContext({ rule: { namespace: 'shop', name: 'example' }, signal });
  const configOf = (kind: Kind, name = 'web'): RolloutConfig => ({
    objectRef: { kind, name, namespace },
    strategy: 'annotate',
  });
  const pathOf = (kind: Kind, name = 'web') => `/apis/apps/v1/namespaces/${namespace}/${KINDS[kind]}/${name}`;
  const read = async (kind: Kind) => (await cluster.request('GET', pathOf(kind))).json;
  const run = (kind: Kind, delivery: object = {}, action = new RolloutAction(kube)) =>
    action.run(configOf(kind), fakeDelivery(delivery), context());

  const make = async (kind: Kind, metadata: object = {}) => {
    const body = { metadata: { name: 'web', ...metadata }, spec: specOf(kind) };
    const made = await cluster.request('POST', `/apis/apps/v1/namespaces/${namespace}/${KINDS[kind]}`, body);
    if (made.status !== 201) throw new Error(`${kind}: ${made.status} ${made.text}`);
  };

  describe.each(Object.keys(KINDS) as Kind[])('a %s', (kind) => {
    beforeEach(() => make(kind));

    it('gets a new generation, two annotations and nothing else, by the manager kube-trigger', async () => {
      const before = await read(kind);
      expect(await run(kind)).toEqual({
        outcome: 'done',
        targets: [{ target: `${kind}/${namespace}/web`, outcome: 'done', message: 'generation 2' }],
      });
      const after = await read(kind);
      expect(after.metadata.generation).toBe(2);
      expect(templateOf(after).metadata?.annotations).toEqual({
        'trigger.app.example.com/shop.example': 'combined-1',
        [CAUSE_ANNOTATION]:
          'ConfigMap shop/app-config updated (app.conf) by TriggerRule shop/example at 2026-01-01T00:00:00Z',
      });
      expect(templateOf(after).spec).toEqual(templateOf(before).spec);
      const ours = after.metadata.managedFields?.filter(({ manager }) => manager === 'kube-trigger') ?? [];
      expect(ours.map(({ operation }) => operation)).toEqual(['Update']);
    });

    it('is left alone when it has the revision: in the same process, after a restart, patched again', async () => {
      const action = new RolloutAction(kube);
      await run(kind, {}, action);
      const other = fakeEvent({ id: 'b', key: 'ConfigMap/shop/b' });
      expect((await run(kind, { event: other }, action)).outcome).toBe('unchanged');
      expect((await run(kind, { redelivered: true })).outcome).toBe('unchanged');
      await run(kind);
      expect((await read(kind)).metadata.generation).toBe(2);
    });

    it('passes its check; one that is missing does not', async () => {
      const action = new RolloutAction(kube);
      await expect(action.check(configOf(kind), context())).resolves.toBeDefined();
      const missing = await codeOf(action.check(configOf(kind, 'missing'), context()));
      const patched = await codeOf(action.run(configOf(kind, 'missing'), fakeDelivery(), context()));
      expect([missing, patched]).toEqual(['KT_ROLLOUT_TARGET_NOT_FOUND', 'KT_ROLLOUT_TARGET_NOT_FOUND']);
    });
  });

  it('makes the Deployment controller roll once per revision', async () => {
    await make('Deployment');
    const replicaSets = async () => {
      const { json } = await cluster.request('GET', `/apis/apps/v1/namespaces/${namespace}/replicasets`);
      return json.items?.length;
    };
    const observed = async (generation: number) => {
      const { status } = await read('Deployment');
      return (status as { observedGeneration?: number } | undefined)?.observedGeneration === generation;
    };
    await eventually(async () => (await observed(1)) && (await replicaSets()) === 1);
    await run('Deployment');
    await eventually(async () => (await observed(2)) && (await replicaSets()) === 2);
    await run('Deployment', { redelivered: true });
    await run('Deployment', { revision: 'combined-2', event: fakeEvent({ id: '2', observedAtMs: Date.UTC(2026, 1) }) });
    await eventually(async () => (await observed(3)) && (await replicaSets()) === 3);
  });

  it('names who keeps removing its annotation, as the API server tells it', async () => {
    await make('Deployment');
    const action = new RolloutAction(kube);
    const project = workloadProjection(kindOf({ kind: 'Deployment' }));
    const open = sharedBy(kube).index.open({ resource: WELL_KNOWN.Deployment, namespace, name: 'web', project }, () =>
      Date.now(),
    );
    const rollOnce = (revision: string) =>
      action.run(
        configOf('Deployment'),
        fakeDelivery({ revision, event: fakeEvent({ id: revision, observedAtMs: Date.now() }) }),
        context(),
      );
    for (const [index, revision] of ['r1', 'r2', 'r3'].entries()) {
      expect((await rollOnce(revision)).outcome).toBe('done');
      const patch = { spec: { template: { metadata: { annotations: null }, spec: { hostname: revision } } } };
      await cluster.request('PATCH', `${pathOf('Deployment')}?fieldManager=argocd-controller`, patch, MERGE);
      const removals = () => open.view.get('web')?.removals['trigger.app.example.com/shop.example'];
      await eventually(() => removals()?.times === index + 1);
      expect(removals()?.by).toBe('argocd-controller');
    }
    await expect(rollOnce('r4')).rejects.toThrow('argocd-controller removed trigger.app.example.com/shop.example');
    open.release();
    action.dispose();
  });

  it('leaves alone what is being deleted', async () => {
    await make('StatefulSet', { finalizers: ['example.com/hold'] });
    await cluster.request('DELETE', pathOf('StatefulSet'));
    for (const redelivered of [false, true]) {
      const { targets } = await run('StatefulSet', { redelivered });
      expect(targets.map(({ outcome, message }) => [outcome, message])).toEqual([['unchanged', 'is being deleted']]);
    }
    await cluster.request('PATCH', pathOf('StatefulSet'), { metadata: { finalizers: null } }, MERGE);
  });

  it('says the Role that is missing, and works with exactly that', async () => {
    await make('StatefulSet');
    const restricted = clientOf(cluster, await cluster.serviceAccountToken(namespace, 'restricted'));
    const action = new RolloutAction(restricted);
    const attempts = [
      () => action.check(configOf('StatefulSet'), context()),
      () => action.run(configOf('StatefulSet'), fakeDelivery(), context()),
      () => action.run(configOf('StatefulSet'), fakeDelivery({ redelivered: true }), context()),
    ];
    for (const attempt of attempts) expect(await codeOf(attempt())).toBe('KT_ROLLOUT_FORBIDDEN');
    const error: unknown = await action
      .run(configOf('StatefulSet'), fakeDelivery(), context())
      .catch((e: unknown) => e);
    const said = isTriggerError(error) ? error.explanation : '';
    expect(said).toContain(
      `kube-trigger may not list StatefulSet ${namespace}/web (statefulsets.apps). Add to a Role in namespace ${namespace}`,
    );
    const rule = /\{apiGroups.*\}/.exec(said)?.[0].replaceAll(/(\w+):/g, '"$1":') ?? 'no rule';
    await cluster.grant(namespace, 'restricted', [JSON.parse(rule) as object]);
    await eventually(async () => (await codeOf(action.check(configOf('StatefulSet'), context()))) === undefined);
    expect((await action.run(configOf('StatefulSet'), fakeDelivery(), context())).outcome).toBe('done');
    await restricted.close();
  });
});

const MERGE = { 'content-type': 'application/merge-patch+json' };

function clientOf(cluster: TestCluster, token: string): KubeClient {
  const auth = staticAuth({ server: cluster.url, ca: cluster.ca, token });
  return createKubeClient({ auth, logger: new RecordingLogger() });
}

function specOf(kind: Kind): object {
  const template = { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'web', image: 'web:1' }] } };
  const spec = { selector: { matchLabels: { app: 'web' } }, template };
  return kind === 'StatefulSet' ? { ...spec, serviceName: 'web' } : spec;
}

interface Template {
  readonly metadata?: { readonly annotations?: Record<string, string> };
  readonly spec?: unknown;
}

function templateOf({ spec }: ApiObject): Template {
  return (spec as { template: Template }).template;
}

/** Undefined when it resolves. */
async function codeOf(promise: Promise<unknown>): Promise<string | undefined> {
  return promise.then(
    () => undefined,
    (error: unknown) => (isTriggerError(error) ? error.code : String(error)),
  );
}
