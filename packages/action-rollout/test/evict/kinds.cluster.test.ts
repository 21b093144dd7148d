import { isTriggerError } from '@kube-trigger/core';
import { type ApiObject, describeOnClusters, eventually, installCrd, type TestCluster } from '@kube-trigger/testing';
import { fakeContext } from '@kube-trigger/testing/contracts';
import { asyncScheduler } from 'rxjs';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { RolloutAction } from '../../src/index.js';
import { installRollouts, rolloutOf } from '../kinds.js';
import { configOf, EvictStage, LABELS } from './stage.js';

const DONE = 'combined-1 event-1';
const ARGO = 'argoproj.io/v1alpha1';
const GAMES = 'evictions.example.com/v1';

describeOnClusters('strategy: evict with other kinds', (start, server) => {
  let cluster: TestCluster;
  let stage: EvictStage;
  beforeAll(async () => {
    // One's own, for its node and kinds.
    cluster = await start({ own: true });
    await installRollouts(cluster);
    const node = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'played' } };
    if (server === 'kube-apiserver') await cluster.request('POST', '/api/v1/nodes', node);
  });
  beforeEach(async () => {
    stage = await EvictStage.open(cluster);
    return () => stage[Symbol.asyncDispose]();
  });
  afterAll(() => cluster.stop());

  /** What their controllers, which are not there, would make: pods by way of a ReplicaSet. */
  const makeReplicaSet = async (name: string, labels: object, owner: ApiObject) => {
    const { apiVersion = '', kind = '', metadata } = owner;
    const controller = { apiVersion, kind, name: metadata.name, uid: metadata.uid, controller: true };
    const spec = { replicas: 2, selector: { matchLabels: labels }, template: stage.template(labels) };
    const body = { metadata: { name, labels, ownerReferences: [controller] }, spec };
    await stage.make(stage.pathOf('replicasets'), body);
    return stage.allReady(2);
  };
  const specAt = async (path: string) => (await stage.read(path)).spec;
  const replaced = () => [...stage.node.deleted.keys()].toSorted();

  it('replaces the pods of a DaemonSet', async () => {
    const path = stage.pathOf('daemonsets', 'web');
    const spec = { selector: { matchLabels: LABELS }, template: stage.template() };
    await stage.make(stage.pathOf('daemonsets'), { metadata: { name: 'web' }, spec });
    const before = await stage.allReady(1);
    const wanted = async () => (await stage.read<ApiObject>(path)).status as { desiredNumberScheduled?: number };
    await eventually(async () => (await wanted()).desiredNumberScheduled === 1);
    const untouched = await specAt(path);
    const { said, result } = await stage.drive(stage.named('DaemonSet'));
    expect([result.outcome, result.targets[0]?.message]).toEqual(['done', '1 of 1 pods replaced']);
    expect(said[0]).toMatch(/^DaemonSet\/.*\/web: 1 of 1 pods replaced; waiting for .*: 0 of 1 are ready$/);
    expect(replaced()).toEqual(before);
    expect([await specAt(path), await stage.markOf(path)]).toEqual([untouched, DONE]);
  });

  it('replaces the pods of an Argo Rollout one by one, and leaves the workload alone that it refers to', async () => {
    const labels = { ...LABELS, 'rollouts-pod-template-hash': '7d4f8' };
    const deployment = { replicas: 0, selector: { matchLabels: LABELS }, template: stage.template() };
    await stage.make(stage.pathOf('deployments'), { metadata: { name: 'web' }, spec: deployment });
    const rollout = await stage.make(stage.pathOf('rollouts', '', ARGO), rolloutOf('web'));
    const before = await makeReplicaSet('canary-7d4f8', labels, rollout);
    stage.node.leastReady = Infinity;
    const untouched = await specAt(stage.pathOf('deployments', 'web'));
    const { namespace } = stage;
    const config = configOf({ objectRef: { kind: 'Rollout', name: 'canary', namespace } });
    const action = new RolloutAction(stage.kube);
    await action.check(config, { ...fakeContext({ rule: { namespace: 'shop' } }), scheduler: asyncScheduler });
    const { result, done } = await stage.drive(config);
    // It looks at the pods in check as it does later.
    expect(
      stage.kube
        .stats()
        .watches.filter(({ resource }) => resource.plural === 'pods')
        .map((watch) => watch.labelSelector),
    ).toEqual(['app=web']);
    action.dispose();
    expect([result.outcome, done]).toEqual(['done', [`Rollout/${namespace}/canary`]]);
    expect([replaced(), stage.node.leastReady]).toEqual([before.toSorted(), 1]);
    expect(await stage.markOf(stage.pathOf('rollouts', 'canary', ARGO))).toBe(DONE);
    expect(await stage.markOf(stage.pathOf('deployments', 'web'))).toBeUndefined();
    expect(await specAt(stage.pathOf('deployments', 'web'))).toEqual(untouched);
  });

  it('keeps its mark by server-side apply too, under a manager of its own', async () => {
    const before = await stage.makeWorkload('deployments');
    const path = stage.pathOf('deployments', 'web');
    const { result } = await stage.drive(stage.named('Deployment', { patchType: 'apply' }), { killed: true });
    expect([result.outcome, replaced()]).toEqual(['done', before.toSorted()]);
    const { metadata } = await stage.read(path);
    expect(metadata.annotations?.['trigger.app.example.com/shop.example']).toBe(DONE);
    const ours = metadata.managedFields?.filter(({ manager }) => manager.startsWith('kube-trigger'));
    expect(ours?.map(({ manager, operation }) => [manager, operation])).toEqual([
      ['kube-trigger/shop.example', 'Apply'],
    ]);
  });

  describe('a custom kind', () => {
    beforeAll(() => {
      const schema = {
        openAPIV3Schema: {
          type: 'object',
          properties: { spec: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
        },
      };
      const [group] = GAMES.split('/');
      return installCrd(cluster.client, {
        apiVersion: 'apiextensions.k8s.io/v1',
        kind: 'CustomResourceDefinition',
        metadata: { name: `games.${group}` },
        spec: {
          group,
          scope: 'Namespaced',
          names: { plural: 'games', singular: 'game', kind: 'Game', listKind: 'GameList' },
          versions: [{ name: 'v1', served: true, storage: true, schema }],
        },
      });
    });
    const makeGame = (spec: object) =>
      stage.make(stage.pathOf('games', '', GAMES), {
        apiVersion: GAMES,
        kind: 'Game',
        metadata: { name: 'chess' },
        spec,
      });
    const config = () =>
      configOf({ objectRef: { apiVersion: GAMES, kind: 'Game', name: 'chess', namespace: stage.namespace } });

    it('has the pods replaced that have the labels at its spec.selector', async () => {
      const game = await makeGame({ replicas: 2, selector: { matchLabels: LABELS } });
      const before = await makeReplicaSet('chess', LABELS, game);
      stage.node.leastReady = Infinity;
      const { result } = await stage.drive(config(), { killed: true });
      expect([result.outcome, result.targets[0]?.message]).toEqual(['done', '2 of 2 pods replaced']);
      expect([replaced(), stage.node.leastReady]).toEqual([before.toSorted(), 1]);
      expect(await stage.markOf(stage.pathOf('games', 'chess', GAMES))).toBe(DONE);
    });

    it('that says nothing of its pods is refused, with what to write instead', async () => {
      await makeGame({ replicas: 2 });
      const error: unknown = await stage.drive(config()).catch((thrown: unknown) => thrown);
      expect(isTriggerError(error) && [error.code, error.explanation]).toEqual([
        'KT_ROLLOUT_NO_SELECTOR',
        expect.stringContaining('Name the pods instead: selector: {kind: Pod, matchLabels: …}'),
      ]);
    });
  });
});
