import { TriggerError } from '@kube-trigger/core';
import { fakeDelivery, fakeEvent } from '@kube-trigger/testing/contracts';
import { beforeEach, describe, expect, it } from 'vitest';
import { restarted } from '../world.js';
import { CONFIG, SnapshotWorld, told } from './world.js';

let world: SnapshotWorld;
beforeEach(() => {
  world = new SnapshotWorld();
});

describe('several changes together', () => {
  const pod = {
    containers: [
      { name: 'web', envFrom: [{ configMapRef: { name: 'app-config' } }, { configMapRef: { name: 'other' } }] },
    ],
    imagePullSecrets: [{ name: 'pull' }],
  };
  const keys = ['ConfigMap/shop/app-config', 'ConfigMap/shop/other', 'Secret/shop/pull'];
  beforeEach(() => {
    world.put('other', { a: '1' });
    world.putSecret('pull', {});
    world.deploy(pod);
  });
  const together = (some = keys) => {
    const { changedKeys: _, ...unknown } = fakeEvent({ observedAtMs: world.context.scheduler.now() });
    return Promise.allSettled(
      some.map((key) =>
        world.deliver(fakeDelivery({ event: { ...unknown, key, id: key }, id: key, revision: 'both' })),
      ),
    );
  };
  const pointed = () => JSON.stringify(world.template().spec).match(/"(app-config|other)-[0-9a-z]{10}"/g)?.length ?? 0;

  it.each([[keys], [keys.toReversed()], [[keys[2], keys[0], keys[1]] as string[]]])(
    'are one patch, in whatever order: %j',
    async (order) => {
      const results = await together(order);
      expect([world.generation(), pointed()]).toEqual([2, 2]);
      expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'fulfilled']);
    },
  );

  it('do not wait for one that fails', async () => {
    world.kube.intercept = ({ verb, name }) => {
      if (verb === 'get' && name === 'other') throw new TriggerError('KT_KUBE_SERVER_ERROR', 'boom');
    };
    const results = await together();
    expect([pointed(), results.filter(({ status }) => status === 'rejected').length]).toEqual([1, 1]);
    world.kube.intercept = undefined;
    expect(
      told(await world.run({ revision: 'both', redelivered: true, event: { key: 'ConfigMap/shop/other' } })),
    ).toMatch(/^done/);
    expect(pointed()).toBe(2);
  });

  it('that come one after the other are each pointed, also with an equal revision', async () => {
    await together([keys[0] ?? '']);
    await together([keys[1] ?? '']);
    expect(pointed()).toBe(2);
  });
});

describe('a process that is killed', () => {
  it('after any of its requests leaves each target pointed once', async () => {
    for (let killAt = 1; ; killAt += 1) {
      const attempt = new SnapshotWorld();
      attempt.deploy();
      attempt.put('app-config', { 'app.conf': 'v2' });
      const killed = new AbortController();
      let requests = 0;
      attempt.kube.intercept = ({ verb }) => {
        if (verb !== 'list' && verb !== 'watch' && (requests += 1) === killAt) killed.abort(new Error('killed'));
      };
      const context = { ...attempt.context, signal: killed.signal };
      const ended = await attempt.action.run(CONFIG, fakeDelivery(), context).then(
        () => 'done',
        () => 'killed',
      );
      attempt.kube.intercept = undefined;
      const next = new SnapshotWorld(restarted(attempt.kube));
      next.put('app-config', { 'app.conf': 'v2' });
      await next.run({ redelivered: true });
      expect([killAt, next.generation(), next.snapshots()]).toEqual([killAt, 2, [next.reads]]);
      if (ended === 'done') break;
    }
  });
});
