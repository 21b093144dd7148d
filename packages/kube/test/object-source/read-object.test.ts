import { RecordingKubeClient } from '@kube-trigger/testing/contracts';
import { expect, it, vi } from 'vitest';
import { type KubeObject, readObject, WELL_KNOWN } from '../../src/index.js';

const { ConfigMap, Namespace } = WELL_KNOWN;
const context = { signal: new AbortController().signal };

function clusterWith(object: object, resource = ConfigMap): RecordingKubeClient {
  const kube = new RecordingKubeClient();
  kube.objects.put(resource, object as KubeObject);
  return kube;
}

it('reads what a key names, without who wrote which field', async () => {
  const metadata = { namespace: 'shop', name: 'cm', labels: { a: 'b' }, managedFields: [{ manager: 'kubectl' }] };
  const kube = clusterWith({ metadata, data: { 'app.conf': 'x' } });
  const object = await readObject(kube, { resource: ConfigMap, key: 'ConfigMap/shop/cm' }, context);
  expect(object).toMatchObject({ metadata: { name: 'cm', labels: { a: 'b' } }, data: { 'app.conf': 'x' } });
  expect(object?.metadata).not.toHaveProperty('managedFields');
});

it('reads cluster-scoped objects', async () => {
  const kube = clusterWith({ metadata: { name: 'shop' } }, Namespace);
  const object = await readObject(kube, { resource: Namespace, key: 'Namespace/shop' }, context);
  expect(object?.metadata.name).toBe('shop');
});

it('is null where there is none, and rejects where that cannot be told', async () => {
  const kube = new RecordingKubeClient();
  const read = () => readObject(kube, { resource: ConfigMap, key: 'ConfigMap/shop/cm' }, context);
  expect(await read()).toBeNull();
  kube.forbid('get', ConfigMap);
  await expect(read()).rejects.toMatchObject({ code: 'KT_KUBE_FORBIDDEN' });
});

it('reads nothing beyond 2 MiB', async () => {
  const kube = clusterWith({ metadata: { namespace: 'shop', name: 'cm' } });
  const get = vi.spyOn(kube, 'get');
  await readObject(kube, { resource: ConfigMap, key: 'ConfigMap/shop/cm' }, context);
  expect(get).toHaveBeenCalledWith(
    { resource: ConfigMap, namespace: 'shop', name: 'cm' },
    { ...context, maxBytes: 2 ** 21 },
  );
});
