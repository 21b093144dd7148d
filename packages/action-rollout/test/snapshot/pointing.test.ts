import { TriggerError } from '@kube-trigger/core';
import { type KubeObject, WELL_KNOWN } from '@kube-trigger/kube';
import { beforeEach, describe, expect, it } from 'vitest';
import { restarted } from '../world.js';
import { CONFIG, codeOf, SnapshotWorld, told, VOLUME } from './world.js';

const { ConfigMap, Deployment } = WELL_KNOWN;
const POINTER = 'trigger.app.example.com/ConfigMap.app-config';
const WEB = { resource: Deployment, namespace: 'shop', name: 'web' };
const APP_CONFIG = { resource: ConfigMap, namespace: 'shop', name: 'app-config' };

let world: SnapshotWorld;
beforeEach(() => {
  world = new SnapshotWorld();
});

describe('a change', () => {
  it('points every reference that containers read by, and no credentials of others', async () => {
    const env = (kind: string, name: string) => ({
      name: 'A',
      valueFrom: { [kind]: { name, key: 'app.conf', optional: true } },
    });
    const both = (name: string) => ({
      env: [{ name: 'PLAIN', value: 'app-config' }, env('configMapKeyRef', name), env('secretKeyRef', 'app-config')],
      envFrom: [{ configMapRef: { name } }, { secretRef: { name: 'app-config' } }],
    });
    const sources = (name: string) => [
      { configMap: { name, items: [{ key: 'app.conf', path: 'a' }] } },
      { secret: { name: 'app-config' } },
    ];
    const podOf = (name: string) => ({
      initContainers: [{ name: 'init', ...both(name) }],
      containers: [{ name: 'web', ...both(name), volumeMounts: [{ name: 'a', mountPath: '/a', subPath: 'app.conf' }] }],
      volumes: [
        { name: 'a', configMap: { name, defaultMode: 256, optional: true } },
        { name: 'b', projected: { sources: sources(name) } },
        { name: 'c', secret: { secretName: 'app-config' } },
        { name: 'd', csi: { driver: 'd', nodePublishSecretRef: { name: 'app-config' } } },
      ],
      imagePullSecrets: [{ name: 'app-config' }],
    });
    world.deploy(podOf('app-config'));
    await world.change({ 'app.conf': 'v2' });
    const [snapshot = ''] = world.snapshots();
    expect(world.template().spec).toEqual(podOf(snapshot));
    expect([world.template().annotations[POINTER], world.generation()]).toEqual([snapshot, 2]);
  });

  it('costs one read and one copy, then a look and a patch for each target', async () => {
    world.deploy();
    await world.action.check(CONFIG, world.context);
    const before = world.kube.said.length;
    await world.change({ 'app.conf': 'v2' });
    const asked = world.kube.said.slice(before);
    expect(asked.slice(0, 4)).toEqual([
      'get configmaps',
      'create configmaps',
      'get deployments.apps',
      'patch deployments.apps',
    ]);
    // Afterwards a look at how many there are: no list of anything else while there is nothing to delete.
    expect(asked.slice(4)).toEqual(['list configmaps', 'get configmaps']);
  });

  it('is recognised at the next one, keys and all, whatever stands for the object', async () => {
    const key = (name: string) => ({
      env: [{ name: 'A', valueFrom: { configMapKeyRef: { name: 'app-config', key: name } } }],
    });
    world.deploy({ containers: [{ name: 'web', ...key('app.conf') }] });
    await world.change({ 'app.conf': 'v2' });
    world.put('app-config', { 'app.conf': 'v2', 'log.conf': 'loud' });
    expect(told(await world.run({ event: { changedKeys: ['log.conf'] } }))).toBe(
      'unchanged: does not use what changed (log.conf)',
    );
    world.put('app-config', { 'app.conf': 'v3', 'log.conf': 'loud' });
    expect(told(await world.run({ event: { changedKeys: ['app.conf'] } }))).toMatch(
      /^done: generation 3; reads ConfigMap app-config as /,
    );
  });

  it('back to an earlier state is the earlier snapshot', async () => {
    world.deploy();
    await world.change({ 'app.conf': 'v2' });
    const two = world.reads;
    await world.change({ 'app.conf': 'v3' });
    await world.change({ 'app.conf': 'v2' });
    expect(world.reads).toBe(two);
  });

  it('of an object in another namespace than the workloads’ rolls as ever, and nothing is looked at there', async () => {
    world.deploy();
    const { referencing: _, ...rest } = CONFIG;
    const config = { ...rest, objectRef: { kind: 'Deployment', name: 'web' } };
    const event = { key: 'ConfigMap/other/app-config', manual: { by: 'alice' } };
    expect(told(await world.run({ event }, config))).toBe('done: generation 2');
    expect(world.kube.requests.filter(({ namespace }) => namespace === 'other')).toEqual([]);
  });

  it('that a timer asks for, or that the target does not read, rolls as ever', async () => {
    world.deploy({ containers: [{ name: 'web' }], imagePullSecrets: [{ name: 'app-config' }] });
    const objectRef = { kind: 'Deployment', name: 'web' };
    const { referencing: _, ...rest } = CONFIG;
    const config = { ...rest, objectRef };
    expect(told(await world.run({}, config))).toBe('done: generation 2');
    expect(
      told(await world.run({ event: { id: 'occurrence-1', key: 'Timer/shop/x', change: 'occurred' } }, config)),
    ).toBe('done: generation 3');
    expect(world.snapshots()).toEqual([]);
  });

  it('of a workload without replicas waits for nothing when its pods would read an old snapshot', async () => {
    const spec = { replicas: 0 };
    world.deploy(VOLUME, { spec });
    expect(await world.change({ 'app.conf': 'v2' })).toBe(
      'unchanged: has no replicas: pods that start later read the new state',
    );
    await world.kube.patch(WEB, { spec: { replicas: 1 } }, { type: 'merge' });
    await world.change({ 'app.conf': 'v3' });
    await world.kube.patch(WEB, { spec: { replicas: 0 } }, { type: 'merge' });
    expect(await world.change({ 'app.conf': 'v4' })).toMatch(/^done/);
  });

  it('of an object that is gone leaves its readers with their snapshot', async () => {
    world.deploy();
    await world.change({ 'app.conf': 'v2' });
    world.kube.objects.remove(APP_CONFIG);
    const result = told(await world.run({ event: { change: 'deleted', revision: '' } }));
    expect(result).toBe(`unchanged: keeps ${world.reads}: there is no ConfigMap app-config any more`);
    expect(world.snapshots()).toEqual([world.reads]);
  });
});

describe('beside others', () => {
  it('an edit between the look and the patch is kept, and pointed as well', async () => {
    world.deploy();
    let edits = 0;
    world.kube.intercept = ({ verb, resource }) => {
      if (verb !== 'patch' || resource.kind !== 'Deployment' || edits > 0) return;
      edits += 1;
      const containers = [
        { name: 'sidecar', envFrom: [{ configMapRef: { name: 'app-config' } }] },
        ...VOLUME.containers,
      ];
      const before = world.kube.objects.get(WEB) as KubeObject & { spec: object };
      world.kube.objects.put(Deployment, {
        ...before,
        spec: { template: { metadata: {}, spec: { ...VOLUME, containers } } },
      } as KubeObject);
    };
    await world.change({ 'app.conf': 'v2' });
    const { containers = [] } = world.template().spec as {
      containers?: { envFrom?: { configMapRef: { name: string } }[] }[];
    };
    expect([containers.length, containers[0]?.envFrom?.[0]?.configMapRef.name, world.generation()]).toEqual([
      2,
      world.reads,
      3,
    ]);
  });

  it('gives up for now where somebody edits all the time', async () => {
    world.deploy();
    let edits = 0;
    world.kube.intercept = ({ verb, resource }) => {
      if (verb === 'patch' && resource.kind === 'Deployment')
        world.deploy(VOLUME, { spec: { minReadySeconds: (edits += 1) } });
    };
    expect(await codeOf(world.change({ 'app.conf': 'v2' }))).toEqual(['KT_ROLLOUT_BUSY', 'backoff']);
    expect(edits).toBe(5);
  });

  it('a spec that the API server refuses is not tried again', async () => {
    world.deploy();
    world.kube.intercept = ({ verb, resource }) => {
      if (verb === 'patch' && resource.kind === 'Deployment')
        throw new TriggerError('KT_KUBE_INVALID', 'no', { retry: 'never' });
    };
    expect(await codeOf(world.change({ 'app.conf': 'v2' }))).toEqual(['KT_KUBE_INVALID', 'never']);
    expect(world.kube.said.filter((said) => said === 'patch deployments.apps')).toHaveLength(1);
  });

  it('references that are set back are left alone, and pointed by the next change', async () => {
    world.deploy();
    await world.change({ 'app.conf': 'v2' });
    const { annotations } = world.template();
    world.put('app-config', { 'app.conf': 'v3' });
    const seenAt = world.context.scheduler.now();
    await world.context.scheduler.advance(10);
    // As `kubectl apply` does: the names in the manifest, other annotations as they are.
    const time = new Date(world.context.scheduler.now()).toISOString();
    const managedFields = [{ manager: 'kubectl', time, fieldsV1: { 'f:spec': { 'f:template': {} } } }];
    world.deploy(VOLUME, { annotations, metadata: { managedFields } });
    expect(told(await world.run({ event: { observedAtMs: seenAt } }))).toBe(
      'unchanged: adopted: kubectl changed its pod template after this change',
    );
    expect([world.reads, world.generation()]).toEqual(['app-config', 3]);
    expect(await world.change({ 'app.conf': 'v4' })).toMatch(/^done: generation 4; reads ConfigMap app-config as /);
  });

  it('a template that still reads a snapshot is not adopted, whoever has changed it', async () => {
    world.deploy();
    await world.change({ 'app.conf': 'v2' });
    const seenAt = world.context.scheduler.now();
    await world.context.scheduler.advance(10);
    await world.kube.patch(WEB, { spec: { template: { spec: { hostname: 'new' } } } }, { type: 'merge' });
    world.put('app-config', { 'app.conf': 'v3' });
    expect(told(await world.run({ event: { observedAtMs: seenAt } }))).toMatch(/^done: generation 4; reads /);
  });

  const setBack = (image: string) => {
    const [container] = VOLUME.containers;
    world.deploy({ ...VOLUME, containers: [{ ...container, image }] }, { annotations: world.template().annotations });
  };

  it('setting nothing but the references back again and again is not answered for ever', async () => {
    world.deploy();
    for (const version of ['v2', 'v3', 'v4']) {
      expect(await world.change({ 'app.conf': version })).toMatch(/^done/);
      setBack('web:1');
    }
    expect(await codeOf(world.change({ 'app.conf': 'v5' }))).toEqual(['KT_ROLLOUT_CONTESTED', 'never']);
  });

  it('releases that set them back are', async () => {
    world.deploy();
    for (const version of ['v2', 'v3', 'v4', 'v5', 'v6']) {
      expect(await world.change({ 'app.conf': version })).toMatch(/^done/);
      setBack(`web:${version}`);
    }
  });

  it('undoing to an earlier snapshot is nobody’s removal and nothing that we answer', async () => {
    world.deploy();
    await world.change({ 'app.conf': 'v2' });
    const two = world.kube.objects.get(WEB) as KubeObject;
    await world.change({ 'app.conf': 'v3' });
    world.kube.objects.put(Deployment, two);
    const patches = world.kube.said.filter((said) => said.startsWith('patch deploy')).length;
    await new SnapshotWorld(restarted(world.kube)).context.scheduler.settle();
    expect(world.kube.said.filter((said) => said.startsWith('patch deploy'))).toHaveLength(patches);
    expect(await world.change({ 'app.conf': 'v2' })).toBe(
      `unchanged: reads ConfigMap app-config as ${world.reads} already`,
    );
    expect(await world.change({ 'app.conf': 'v4' })).toMatch(/^done/);
  });
});
