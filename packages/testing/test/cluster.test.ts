import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { startReal } from '../src/cluster.js';
import { envtestWanted } from '../src/envtest.js';

describe.skipIf(!envtestWanted())('the shared real cluster', () => {
  it('is the same for everyone who starts it, and goes on when one of them stops', async () => {
    const first = await startReal();
    const namespace = await first.createNamespace('shared');
    const { url } = first;
    await first.stop();

    await using second = await startReal();
    expect(second.url).toBe(url);
    const { json } = await second.request('GET', `/api/v1/namespaces/${namespace}`);
    expect(json.metadata.deletionTimestamp).toBeDefined();
  });

  it('refuses what would disturb others', async () => {
    await using cluster = await startReal();
    await expect(cluster.restart()).rejects.toThrow('start({ own: true }) to restart');
    await expect(cluster.compact()).rejects.toThrow('start({ own: true }) to compact');
  });

  it('writes kubeconfigs', async () => {
    await using cluster = await startReal();
    const path = await cluster.writeKubeconfig();
    expect(await readFile(path, 'utf8')).toBe(cluster.kubeconfig());
    expect(cluster.kubeconfig()).toContain(`server: ${cluster.url}`);
  });
});

describe.skipIf(!envtestWanted())('a real cluster of one’s own', () => {
  it('may be compacted: then a watch from before is too old', async () => {
    await using cluster = await startReal({ own: true, controllers: false });
    const namespace = await cluster.createNamespace('own');
    const configMaps = `/api/v1/namespaces/${namespace}/configmaps`;
    const before = await cluster.request('POST', configMaps, { metadata: { name: 'before' } });
    await cluster.request('POST', configMaps, { metadata: { name: 'after' } });
    await cluster.compact();

    const { resourceVersion } = before.json.metadata;
    await using watch = await cluster.watch(`${configMaps}?watch=true&resourceVersion=${resourceVersion}`);
    const event = await watch.next();
    expect([event.type, event.object.code, event.object.reason]).toEqual(['ERROR', 410, 'Expired']);
  });
});
