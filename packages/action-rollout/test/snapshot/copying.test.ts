import { isTriggerError } from '@kube-trigger/core';
import { WELL_KNOWN } from '@kube-trigger/kube';
import { beforeEach, describe, expect, it } from 'vitest';
import { codeOf, keyNamed, SnapshotWorld } from './world.js';

const { ConfigMap, Secret } = WELL_KNOWN;

let world: SnapshotWorld;
beforeEach(() => {
  world = new SnapshotWorld();
});

describe('what cannot be copied', () => {
  it('is an object whose snapshot’s name somebody else has', async () => {
    world.deploy();
    await world.change({ 'app.conf': 'v2' });
    const taken = world.reads;
    await world.change({ 'app.conf': 'v1' });
    const snapshot = { resource: ConfigMap, namespace: 'shop', name: taken };
    world.kube.objects.remove(snapshot);
    world.put(taken, { 'app.conf': 'mine' });
    const error: unknown = await world.change({ 'app.conf': 'v2' }).catch((thrown: unknown) => thrown);
    if (!isTriggerError(error)) throw new Error('was copied');
    expect([error.code, error.message]).toEqual([
      'KT_ROLLOUT_SNAPSHOT_TAKEN',
      `ConfigMap shop/${taken} exists, and is not the snapshot of ConfigMap shop/app-config that must have this name`,
    ]);
    expect(world.get(snapshot)?.data).toEqual({ 'app.conf': 'mine' });
    expect(world.reads).not.toBe(taken);
  });

  it.each(['kubernetes.io/service-account-token', 'bootstrap.kubernetes.io/token'])(
    'is a Secret of type %s',
    async (type) => {
      world.putSecret('token', { token: 'c2VjcmV0' }, type);
      world.deploy({ containers: [{ name: 'web', envFrom: [{ secretRef: { name: 'token' } }] }] });
      expect(await codeOf(world.run({ event: { key: 'Secret/shop/token' } }))).toEqual([
        'KT_ROLLOUT_UNCOPYABLE',
        'never',
      ]);
    },
  );

  it('is an object with too long a name', async () => {
    const name = 'a'.repeat(243);
    world.put(name, {});
    world.deploy({ containers: [{ name: 'web', envFrom: [{ configMapRef: { name } }] }] });
    expect(await codeOf(world.run({ event: { key: `ConfigMap/shop/${name}` } }))).toEqual([
      'KT_ROLLOUT_UNCOPYABLE',
      'never',
    ]);
  });

  it('is told with the Role that is missing', async () => {
    world.deploy();
    world.kube.forbid('create', ConfigMap);
    const error: unknown = await world.change({ 'app.conf': 'v2' }).catch((thrown: unknown) => thrown);
    if (!isTriggerError(error)) throw new Error('was copied');
    expect([error.code, world.generation()]).toEqual(['KT_ROLLOUT_FORBIDDEN', 1]);
    expect(error.explanation).toContain('Add to a Role in namespace shop');
    expect(error.explanation).toContain(
      'resources: ["configmaps"], verbs: ["get", "list", "create", "patch", "delete"]',
    );
  });
});

describe('Secrets', () => {
  const MARKER = 'correct-horse-battery-staple';
  const BASE64 = Buffer.from(MARKER).toString('base64');

  it('keep their type, and their values reach nothing but the copy', async () => {
    world.putSecret('db', { password: BASE64 }, 'kubernetes.io/basic-auth');
    world.deploy({ containers: [{ name: 'web', envFrom: [{ secretRef: { name: 'db' } }] }] });
    const notes: unknown[] = [];
    Object.assign(world.action, { events: { record: (note: unknown) => notes.push(note) } });
    const results: unknown[] = [await world.run({ event: { key: 'Secret/shop/db' } })];
    const [name = ''] = world.snapshots(Secret);
    expect(world.get({ resource: Secret, name })).toMatchObject({
      type: 'kubernetes.io/basic-auth',
      immutable: true,
      data: { password: BASE64 },
    });
    world.kube.forbid('create', Secret);
    world.putSecret('db', { password: Buffer.from(`${MARKER}2`).toString('base64') });
    results.push(
      await world.run({ event: { key: 'Secret/shop/db' } }).catch((thrown: unknown) => [String(thrown), thrown]),
    );
    expect(notes).toHaveLength(1);
    const everything = JSON.stringify([results, notes, world.context.logger.lines, world.template(), name]);
    for (const secret of [MARKER, BASE64, BASE64.slice(0, 20)]) expect(everything).not.toContain(secret);
  });

  it('with equal values have names that only the holder of the key can make', async () => {
    const nameWith = async (key: SnapshotWorld['key']) => {
      const other = new SnapshotWorld();
      other.key = key;
      other.putSecret('db', { password: BASE64 });
      other.deploy({ containers: [{ name: 'web', envFrom: [{ secretRef: { name: 'db' } }] }] });
      await other.run({ event: { key: 'Secret/shop/db' } });
      return other.snapshots(Secret)[0];
    };
    expect(await nameWith(keyNamed('a'))).toBe(await nameWith(keyNamed('a')));
    expect(await nameWith(keyNamed('a'))).not.toBe(await nameWith(keyNamed('b')));
  });
});
