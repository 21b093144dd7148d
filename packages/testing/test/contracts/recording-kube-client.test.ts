import { isTriggerError } from '@kube-trigger/core';
import { type KubeObject, WELL_KNOWN, type WatchEvent } from '@kube-trigger/kube';
import { beforeEach, describe, expect, it } from 'vitest';
import { RecordingKubeClient, uncovered } from '../../src/contracts/index.js';

const { ConfigMap, Pod } = WELL_KNOWN;
const CM = { resource: ConfigMap, namespace: 'shop', name: 'cm' };

let kube: RecordingKubeClient;
beforeEach(() => {
  kube = new RecordingKubeClient();
});

const put = (name: string, data: object = {}, labels: Record<string, string> = {}) =>
  kube.objects.put(ConfigMap, { metadata: { name, namespace: 'shop', labels }, data } as KubeObject);

const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'resolved',
    (error: unknown) => (isTriggerError(error) ? error.code : error),
  );

describe('objects', () => {
  it('get a version with each change, a generation with each change of the body, and neither with none', () => {
    const versions = [
      put('cm', { a: '1' }),
      put('cm', { a: '1' }),
      put('cm', { a: '1' }, { x: 'y' }),
      put('cm', { a: '2' }),
    ];
    expect(versions.map(({ metadata }) => [metadata.resourceVersion, metadata.generation])).toEqual([
      ['1', 1],
      ['1', 1],
      ['2', 1],
      ['3', 2],
    ]);
    expect(new Set(versions.map(({ metadata }) => metadata.uid)).size).toBe(1);
  });

  it('are merged by RFC 7396', async () => {
    put('cm', { a: '1', b: '2' });
    await kube.patch(CM, { data: { b: null, c: '3' } }, { type: 'merge' });
    expect(await kube.get(CM)).toMatchObject({ data: { a: '1', c: '3' } });
    expect(await kube.get(CM)).not.toHaveProperty('data.b');
  });

  it('are copies: what a plugin does to them stays with it', async () => {
    put('cm', { a: '1' });
    const copy = await kube.get<{ data: { a: string } }>(CM);
    copy.data.a = 'changed';
    expect(await kube.get(CM)).toMatchObject({ data: { a: '1' } });
  });
});

describe('failures', () => {
  it('are those of a server: not found, forbidden, conflict', async () => {
    expect(await codeOf(kube.get(CM))).toBe('KT_KUBE_NOT_FOUND');
    put('cm');
    expect(await codeOf(kube.create(ConfigMap, 'shop', { metadata: { name: 'cm' } }))).toBe('KT_KUBE_CONFLICT');
    kube.forbid('get', ConfigMap);
    expect(await codeOf(kube.get(CM))).toBe('KT_KUBE_FORBIDDEN');
    expect(await kube.canI({ verb: 'get', resource: ConfigMap })).toEqual({ allowed: false });
    expect(await kube.canI({ verb: 'list', resource: ConfigMap })).toEqual({ allowed: true });
  });

  it('include what it does not know: nothing is made up', async () => {
    expect(await codeOf(kube.patch(CM, {}, { type: 'strategic' }))).toBe('KT_KUBE_INVALID');
    expect(await codeOf(kube.request({ path: '/version' }))).toBe('KT_KUBE_INVALID');
  });

  it('include an aborted signal, before and while it waits', async () => {
    put('cm');
    const stopped = new Error('stopped');
    expect(await codeOf(kube.get(CM, { signal: AbortSignal.abort(stopped) }))).toBe(stopped);
    kube.intercept = () => new Promise(() => {});
    const controller = new AbortController();
    const waiting = codeOf(kube.get(CM, { signal: controller.signal }));
    expect(kube.held).toBe(1);
    controller.abort(stopped);
    expect([await waiting, kube.held]).toEqual([stopped, 0]);
  });
});

describe('a watch', () => {
  const watch = (labelSelector?: string) => {
    const events: string[] = [];
    const project = { id: 'none', of: () => undefined };
    const subscription = kube
      .watch({ resource: ConfigMap, namespace: 'shop', labelSelector, project })
      .subscribe((event: WatchEvent<undefined>) =>
        events.push('name' in event ? `${event.type} ${event.name}` : event.type),
      );
    return { events, subscription };
  };

  it('says what is, synced, and what changes; an object that leaves the selection is absent', () => {
    put('a', {}, { app: 'web' });
    put('b', {}, { app: 'db' });
    kube.objects.put(Pod, { metadata: { name: 'p', namespace: 'shop', labels: { app: 'web' } } });
    const { events, subscription } = watch('app=web');
    put('c', {}, { app: 'web' });
    put('a', {}, { app: 'moved' });
    put('b', { x: '1' }, { app: 'db' });
    kube.objects.remove({ ...CM, name: 'c' });
    subscription.unsubscribe();
    put('d', {}, { app: 'web' });
    expect(events).toEqual(['present a', 'synced', 'present c', 'absent a', 'absent c']);
    expect(kube.held).toBe(0);
  });

  it('is interrupted when it is forbidden, and says everything again afterwards', () => {
    put('a');
    const { events, subscription } = watch();
    kube.forbid('watch', ConfigMap);
    kube.resumeWatches();
    expect(events).toEqual(['present a', 'synced', 'interrupted', 'present a', 'synced']);
    subscription.unsubscribe();
  });

  it.each([
    ['app=web', ['a']],
    ['app==web', ['a']],
    ['app!=web', ['b', 'c']],
    ['app in (web,db),tier', ['b']],
    ['app notin (web)', ['b', 'c']],
    ['!app', ['c']],
    ['', ['a', 'b', 'c']],
  ])('selects by %j', (selector, names) => {
    put('a', {}, { app: 'web' });
    put('b', {}, { app: 'db', tier: 'x' });
    put('c');
    const { events, subscription } = watch(selector);
    expect(events).toEqual([...names.map((name) => `present ${name}`), 'synced']);
    subscription.unsubscribe();
  });
});

describe('uncovered', () => {
  const request = { verb: 'get', resource: ConfigMap, namespace: 'shop', name: 'cm' };
  it.each([
    [{ apiGroups: [''], resources: ['configmaps'], verbs: ['get'] }, []],
    [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }, []],
    [{ apiGroups: [''], resources: ['configmaps'], verbs: ['get'], resourceNames: ['cm'] }, []],
    [{ apiGroups: [''], resources: ['configmaps'], verbs: ['get'], resourceNames: ['x'] }, ['get configmaps']],
    [{ apiGroups: ['apps'], resources: ['configmaps'], verbs: ['get'] }, ['get configmaps']],
    [{ apiGroups: [''], resources: ['configmaps'], verbs: ['list'] }, ['get configmaps']],
    [{ apiGroups: [''], resources: ['configmaps/status'], verbs: ['get'] }, ['get configmaps']],
  ])('by %j', (rule, missing) => {
    expect(uncovered([request, request], [rule])).toEqual(missing);
  });

  it('names subresources', () => {
    expect(uncovered([{ verb: 'create', resource: Pod, subresource: 'exec' }], [])).toEqual(['create pods/exec']);
  });
});
