import { type ActionResult, isTriggerError } from '@kube-trigger/core';
import { type ApiObject, describeOnClusters, eventually, type TestCluster } from '@kube-trigger/testing';
import { fakeContext, fakeEvent } from '@kube-trigger/testing/contracts';
import { asyncScheduler } from 'rxjs';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { RolloutAction } from '../../src/index.js';
import { PLAYED, type PlayedNode } from './played-node.js';
import { configOf, EvictStage, LABELS, MERGE } from './stage.js';

describeOnClusters('strategy: evict', (start) => {
  let cluster: TestCluster;
  let stage: EvictStage;
  let namespace: string;
  let node: PlayedNode;
  let policy: string;
  beforeAll(async () => {
    cluster = await start();
    const { json } = await cluster.request<{ preferredVersion: { groupVersion: string } }>('GET', '/apis/policy');
    policy = json.preferredVersion.groupVersion;
  });
  beforeEach(async () => {
    stage = await EvictStage.open(cluster);
    ({ namespace, node } = stage);
    return () => stage[Symbol.asyncDispose]();
  });
  afterAll(() => cluster.stop());

  describe.each([
    ['in one process', false],
    ['killed after every step', true],
  ])('%s', (_, killed) => {
    it.each([
      ['Deployment', 'deployments', {}],
      ['StatefulSet', 'statefulsets', { updateStrategy: { type: 'OnDelete' } }],
    ] as const)('replaces each pod of a %s once, one by one, and leaves its spec alone', async (kind, plural, spec) => {
      const before = await stage.makeWorkload(plural, spec);
      const untouched = (await stage.read(stage.pathOf(plural, 'web'))).spec;
      const { done, said, result } = await stage.drive(stage.named(kind), { killed });
      expect([done, result.outcome]).toEqual([[`${kind}/${namespace}/web`], 'done']);
      expect(result.targets[0]?.message).toBe('3 of 3 pods replaced');
      expect(said[0]).toMatch(
        new RegExp(`^${kind}/${namespace}/web: 1 of 3 pods replaced; waiting for .*: 2 of 3 are ready$`),
      );
      const after = await stage.allReady(3);
      expect([...node.deleted.keys()].toSorted()).toEqual(before.toSorted());
      expect(after.filter((uid) => before.includes(uid))).toEqual([]);
      expect(node.leastReady).toBeGreaterThanOrEqual(2);
      expect((await stage.read(stage.pathOf(plural, 'web'))).spec).toEqual(untouched);
      expect(await stage.markOf(stage.pathOf(plural, 'web'))).toBe('combined-1 event-1');
    });
  });

  it('begins with the highest ordinal of a StatefulSet', async () => {
    await stage.makeWorkload('statefulsets');
    await stage.drive(stage.named('StatefulSet'));
    expect([...node.deleted.values()]).toEqual(['web-2', 'web-1', 'web-0']);
  });

  it('repeats nothing for a change that was made, and replaces all again for the next', async () => {
    await stage.makeWorkload('deployments');
    await stage.drive(stage.named('Deployment'));
    const again = await stage.drive(stage.named('Deployment'), { delivery: { redelivered: true } });
    expect([again.result.outcome, again.result.targets[0]?.message]).toEqual([
      'unchanged',
      'has this revision already',
    ]);
    expect(node.deleted.size).toBe(3);
    const event = fakeEvent({ id: 'event-2', observedAtMs: Date.now() + 60_000 });
    const next = await stage.drive(stage.named('Deployment'), {
      delivery: { event, id: 'event-2', revision: 'combined-2' },
    });
    expect([next.result.outcome, node.deleted.size]).toEqual(['done', 6]);
  });

  it('goes on with its own pods when another key moved the combined revision on, in the next process too', async () => {
    await stage.makeWorkload('deployments');
    await stage.drive(stage.named('Deployment'), { enough: () => true });
    await stage.allReady(3);
    const { result } = await stage.drive(stage.named('Deployment'), {
      delivery: { revision: 'combined-9', redelivered: true },
    });
    expect([result.outcome, node.deleted.size]).toEqual(['done', 3]);
  });

  it('waits for what a disruption budget allows, and says which', async () => {
    await stage.makeWorkload('deployments');
    const budgets = stage.pathOf('poddisruptionbudgets', '', policy);
    const spec = { minAvailable: 3, selector: { matchLabels: LABELS } };
    await stage.make(budgets, { metadata: { name: 'web' }, spec });
    await eventually(async () => (await stage.read<ApiObject>(`${budgets}/web`)).status !== undefined);
    const config = stage.named('Deployment');
    const { said } = await stage.drive(config, { enough: ({ outcome }) => outcome === 'waiting' });
    expect(said.at(-1)).toMatch(
      /0 of 3 pods replaced; web-\S+ may not be evicted: The disruption budget web needs 3 healthy pods and has 3/,
    );
    expect(node.deleted.size).toBe(0);
    await cluster.request('PATCH', `${budgets}/web`, { spec: { minAvailable: 2 } }, MERGE);
    const { result } = await stage.drive(config, { delivery: { redelivered: true } });
    expect([result.outcome, node.deleted.size]).toEqual(['done', 3]);
    expect(node.leastReady).toBeGreaterThanOrEqual(2);
  });

  it('says that no waiting helps where a pod has two budgets', async () => {
    await stage.makeWorkload('deployments');
    const budgets = stage.pathOf('poddisruptionbudgets', '', policy);
    for (const name of ['one', 'two']) {
      const spec = { minAvailable: 1, selector: { matchLabels: LABELS } };
      await stage.make(budgets, { metadata: { name }, spec });
      await eventually(async () => (await stage.read<ApiObject>(`${budgets}/${name}`)).status !== undefined);
    }
    const error: unknown = await stage.drive(stage.named('Deployment')).catch((thrown: unknown) => thrown);
    const said = isTriggerError(error) ? `${error.code} ${error.explanation}` : error;
    expect(said).toMatch(/^KT_ROLLOUT_EVICTION Pod \S+ has more than one PodDisruptionBudget. Leave one/);
    expect(node.deleted.size).toBe(0);
  });

  it('loses no more pods when the first replacement does not become ready, and says why it waits', async () => {
    const before = await stage.makeWorkload('statefulsets');
    node.isBroken = ({ metadata }) => !before.includes(metadata.uid ?? '');
    const stuck = (result: ActionResult) => result.outcome === 'waiting' && result.because.includes('CrashLoopBackOff');
    const { said } = await stage.drive(stage.named('StatefulSet'), { enough: stuck });
    expect(said.at(-1)).toBe(
      `StatefulSet/${namespace}/web: 1 of 3 pods replaced; waiting for web-2 (CrashLoopBackOff): 2 of 3 are ready`,
    );
    const again = await stage.drive(stage.named('StatefulSet'), {
      delivery: { redelivered: true },
      enough: () => true,
    });
    expect([again.result.outcome, [...node.deleted.values()]]).toEqual(['waiting', ['web-2']]);
    node.isBroken = () => false;
    expect((await stage.drive(stage.named('StatefulSet'), { delivery: { redelivered: true } })).result.outcome).toBe(
      'done',
    );
  });

  it('replaces as many at a time as maxUnavailable says', async () => {
    await stage.makeWorkload('deployments', { replicas: 6 });
    const { said } = await stage.drive(stage.named('Deployment', { evict: { maxUnavailable: '50%' } }));
    expect(said[0]).toContain('3 of 6 pods replaced');
    expect(node.deleted.size).toBe(6);
    expect(node.leastReady).toBeGreaterThanOrEqual(3);
  });

  it('leaves pods alone that were made after the change', async () => {
    await stage.makeWorkload('deployments');
    const action = new RolloutAction(stage.kube);
    await action.check(stage.named('Deployment'), { ...fakeContext(), scheduler: asyncScheduler });
    const event = fakeEvent({ observedAtMs: Date.now() });
    const [first] = await node.list();
    await cluster.request('DELETE', `${node.pods}/${first?.metadata.name}`);
    await eventually(() => node.deleted.size === 1);
    await stage.allReady(3);
    await eventually(
      async () => (await stage.runOnce(action, stage.named('Deployment'), { event })).outcome !== 'waiting',
      {
        timeoutMs: 30_000,
      },
    );
    action.dispose();
    expect(node.deleted.size).toBe(3);
    expect(await stage.markOf(stage.pathOf('deployments', 'web'))).toBe('- event-1');
  });

  it('needs nothing where no pod may have read the former state', async () => {
    await stage.make(stage.pathOf('deployments'), {
      metadata: { name: 'web' },
      spec: { replicas: 0, selector: { matchLabels: LABELS }, template: stage.template() },
    });
    const { result } = await stage.drive(stage.named('Deployment'));
    expect([result.outcome, await stage.markOf(stage.pathOf('deployments', 'web'))]).toEqual(['unchanged', undefined]);
  });

  describe('pods that are meant as such', () => {
    const makePod = (name: string, labels: object = LABELS) =>
      stage.make(stage.pathOf('pods', '', 'v1'), { metadata: { name, labels }, spec: stage.template().spec });

    it('are replaced under the budget of whoever makes them; what has no controller is left alone', async () => {
      const before = await stage.makeWorkload('statefulsets');
      await makePod('lonely');
      await stage.allReady(4);
      const { result, done } = await stage.drive(
        configOf({ selector: { kind: 'Pod', namespace, matchLabels: LABELS } }),
      );
      expect([result.outcome, done]).toEqual(['done', [`StatefulSet/${namespace}/web`]]);
      expect(result.targets.find(({ target }) => target === `Pod/${namespace}/lonely`)?.message).toContain(
        'has no controller that would make it anew',
      );
      expect([...node.deleted.keys()].toSorted()).toEqual(before.toSorted());
      expect(await stage.markOf(stage.pathOf('statefulsets', 'web'))).toBe('combined-1 event-1');
    });

    it('are evicted by name also without a controller, and that is the end of them', async () => {
      await makePod('web');
      await stage.allReady(1);
      const { result } = await stage.drive(stage.named('Pod'));
      expect([result.outcome, result.targets[0]?.message]).toEqual([
        'done',
        'evicted; it has no controller that makes it anew',
      ]);
      await eventually(() => node.deleted.size === 1);
      await eventually(async () => {
        const again = await stage.drive(stage.named('Pod'), { delivery: { redelivered: true } });
        expect(again.result.outcome).toBe('unchanged');
        return again.result.targets[0]?.message === 'does not exist: one that comes reads the new state';
      });
    });

    it('are found by what they use', async () => {
      const spec = {
        ...PLAYED,
        containers: [{ name: 'web', image: 'web:1', envFrom: [{ configMapRef: { name: 'app-config' } }] }],
      };
      const before = await stage.makeWorkload('deployments', { template: { metadata: { labels: LABELS }, spec } });
      const config = configOf({ referencing: true, kinds: [{ kind: 'Pod' }] });
      const event = fakeEvent({ key: `ConfigMap/${namespace}/app-config`, observedAtMs: Date.now() });
      const { result } = await stage.drive(config, { delivery: { event } });
      expect([result.outcome, [...node.deleted.keys()].toSorted()]).toEqual(['done', before.toSorted()]);
    });
  });

  it('says the Role that is missing, and works with exactly that', async () => {
    await stage.makeWorkload('deployments');
    const restricted = stage.clientOf(await cluster.serviceAccountToken(namespace, 'restricted'));
    const action = new RolloutAction(restricted);
    const config = stage.named('Deployment');
    const missing = async () => {
      const error: unknown = await action.check(config, fakeContext()).then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      return isTriggerError(error) ? /\{apiGroups.*\}/.exec(error.explanation)?.[0] : undefined;
    };
    for (const expected of ['"deployments"', '"pods"', '"pods/eviction"']) {
      const rule = await eventually(async () => {
        const found = await missing();
        return found?.includes(expected) === true ? found : undefined;
      });
      await cluster.grant(namespace, 'restricted', [JSON.parse(rule.replaceAll(/(\w+):/g, '"$1":')) as object]);
    }
    await eventually(async () => (await missing()) === undefined);
    const result = await stage.runOnce(action, config);
    expect(result.outcome).toBe('waiting');
    action.dispose();
    await restricted.close();
  });
});
