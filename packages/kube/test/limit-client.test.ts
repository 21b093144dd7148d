import type { RbacRule } from '@kube-trigger/core';
import { RecordingKubeClient } from '@kube-trigger/testing/contracts';
import { firstValueFrom } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { type KubeClient, limitClient, WELL_KNOWN, type WatchScope } from '../src/index.js';

const { ConfigMap, Secret, Pod } = WELL_KNOWN;
const cm = { resource: ConfigMap, namespace: 'shop', name: 'cm' };

const RBAC: RbacRule[] = [
  {
    apiGroups: [''],
    resources: ['configmaps'],
    verbs: ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete'],
  },
  { apiGroups: [''], resources: ['secrets'], verbs: ['get', 'watch', 'list'], resourceNames: ['tls'] },
  { apiGroups: [''], resources: ['secrets'], verbs: ['create'], inOperatorNamespace: true },
  { apiGroups: [''], resources: ['pods/exec'], verbs: ['create'] },
];

function limited(): { inner: RecordingKubeClient; client: KubeClient } {
  const inner = new RecordingKubeClient();
  inner.objects.put(ConfigMap, { metadata: { name: 'cm', namespace: 'shop' } });
  inner.objects.put(Secret, { metadata: { name: 'tls', namespace: 'shop' } });
  return { inner, client: limitClient(inner, { rbac: RBAC, operatorNamespace: 'operator' }) };
}

const project = { id: 'name', of: () => 1 };
const scope = (more: Partial<WatchScope<number>>): WatchScope<number> => ({ resource: ConfigMap, project, ...more });
const first = (client: KubeClient, more: Partial<WatchScope<number>>) => firstValueFrom(client.watch(scope(more)));
const object = (name: string) => ({ metadata: { name } });
const secret = (name: string) => ({ resource: Secret, namespace: 'shop', name });

describe('a client limited to what a plugin declared', () => {
  it.each<[what: string, ask: (client: KubeClient) => Promise<unknown>]>([
    ['get configmaps', (client) => client.get(cm)],
    ['list configmaps', (client) => client.list(ConfigMap, { namespace: 'shop' })],
    ['watch configmaps', (client) => first(client, { namespace: 'shop' })],
    ['create configmaps', (client) => client.create(ConfigMap, 'shop', object('new'))],
    ['update configmaps', (client) => client.update(cm, object('cm'))],
    ['patch configmaps', (client) => client.patch(cm, { data: {} }, { type: 'merge' })],
    ['delete configmaps', (client) => client.delete(cm)],
    ['get secrets', (client) => client.get(secret('tls'))],
    ['watch secrets', (client) => first(client, { resource: Secret, namespace: 'shop', name: 'tls' })],
    ['create secrets', (client) => client.create(Secret, 'operator', object('key'))],
  ])('lets through: %s', async (what, ask) => {
    const { inner, client } = limited();
    await ask(client);
    expect(inner.said).toContain(what);
  });

  it.each<[what: RegExp, ask: (client: KubeClient) => Promise<unknown>]>([
    [/get pods in namespace shop/, (client) => client.get({ resource: Pod, namespace: 'shop', name: 'p' })],
    [/get secrets in namespace shop/, (client) => client.get(secret('other'))],
    [/list secrets/, (client) => client.list(Secret, { namespace: 'shop' })],
    [/list secrets/, (client) => client.pages(Secret)[Symbol.asyncIterator]().next()],
    [/list secrets/, (client) => first(client, { resource: Secret, namespace: 'shop' })],
    [/create secrets in namespace shop/, (client) => client.create(Secret, 'shop', object('key'))],
    [/update secrets/, (client) => client.update(secret('tls'), object('tls'))],
    [/patch secrets/, (client) => client.patch(secret('tls'), {}, { type: 'merge' })],
    [/patch configmaps\/status/, (client) => client.patch(cm, {}, { type: 'merge', subresource: 'status' })],
    [/delete secrets/, (client) => client.delete(secret('tls'))],
    [/get pods/, (client) => client.request({ path: '/api/v1/namespaces/shop/pods/p' })],
    [/get pods\/log/, (client) => client.request({ path: '/api/v1/namespaces/shop/pods/p/log' })],
    [/watch pods/, (client) => client.request({ path: '/api/v1/pods', query: { watch: true } })],
    [/deletecollection configmaps/, (client) => client.request({ method: 'DELETE', path: '/api/v1/configmaps' })],
    [/get pods\/exec/, (client) => client.exec({ namespace: 'shop', pod: 'p', container: 'c', command: ['ls'] })],
    [/list deployments.apps/, (client) => client.request({ path: '/apis/apps/v1/deployments' })],
    [/post \/logs/, (client) => client.request({ method: 'POST', path: '/logs' })],
  ])('refuses: %s', async (what, ask) => {
    const { inner, client } = limited();
    await expect(ask(client)).rejects.toMatchObject({
      code: 'KT_PLUGIN_UNDECLARED',
      retry: 'never',
      message: expect.stringMatching(what) as string,
    });
    expect(inner.requests).toEqual([]);
  });

  it('sends raw requests on that it allows, and those for the version', async () => {
    const { inner } = limited();
    const sent: string[] = [];
    const recording = Object.assign(Object.create(inner) as KubeClient, {
      request: ({ path }: { path: string }) => Promise.resolve(void sent.push(path)),
    });
    const client = limitClient(recording, { rbac: RBAC, operatorNamespace: 'operator' });
    for (const path of ['/version', '/api/v1', '/apis/apps/v1', '/api/v1/configmaps?limit=1']) {
      await client.request({ path });
    }
    await client.request({ method: 'POST', path: '/api/v1/namespaces/shop/pods/p/exec', query: { command: 'ls' } });
    expect(sent).toHaveLength(5);
  });

  it('is not closed by a plugin', async () => {
    const { inner, client } = limited();
    let closed = false;
    inner.close = () => Promise.resolve(void (closed = true));
    await client.close();
    expect(closed).toBe(false);
  });
});
