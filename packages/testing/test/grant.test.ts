import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeOnClusters, eventually, type TestCluster } from '../src/index.js';

describeOnClusters('rights of a service account', (start) => {
  let cluster: TestCluster;
  beforeAll(async () => {
    cluster = await start();
  });
  afterAll(() => cluster.stop());

  it('are those that it was granted, each time some more, in its namespace only', async () => {
    const [own, other] = [await cluster.createNamespace('own'), await cluster.createNamespace('other')];
    const authorization = `Bearer ${await cluster.serviceAccountToken(own, 'reader')}`;
    const read = async (namespace: string, plural: string) =>
      (await cluster.request('GET', `/api/v1/namespaces/${namespace}/${plural}`, undefined, { authorization })).status;
    expect([await read(own, 'configmaps'), await read(own, 'secrets')]).toEqual([403, 403]);
    await cluster.grant(own, 'reader', [{ apiGroups: [''], resources: ['configmaps'], verbs: ['list'] }]);
    await eventually(async () => (await read(own, 'configmaps')) === 200);
    expect(await read(own, 'secrets')).toBe(403);
    await cluster.grant(own, 'reader', [{ apiGroups: [''], resources: ['secrets'], verbs: ['list'] }]);
    await eventually(async () => (await read(own, 'secrets')) === 200);
    expect([await read(own, 'configmaps'), await read(other, 'configmaps')]).toEqual([200, 403]);
  });

  it('are refused where there is no such namespace', async () => {
    await expect(cluster.grant('not-there', 'reader', [])).rejects.toThrow('roles of reader: 404');
  });
});
