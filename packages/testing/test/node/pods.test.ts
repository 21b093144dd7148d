import { afterAll, beforeAll, expect, it } from 'vitest';
import { BUSYBOX, describeOnNode, eventually, startPod, type TestCluster } from '../../src/index.js';

describeOnNode('a pod', (start) => {
  let cluster: TestCluster;
  let namespace: string;

  beforeAll(async () => {
    cluster = await start();
    namespace = await cluster.createNamespace('pods');
  });
  afterAll(() => cluster?.stop());

  it('runs, and its end is seen', async () => {
    const container = { name: 'main', image: BUSYBOX, command: ['sh', '-c', 'sleep 600'] };
    const pod = await startPod(cluster, namespace, { name: 'sleeper', spec: { containers: [container] } });
    expect(pod).toMatchObject({ status: { phase: 'Running', containerStatuses: [{ ready: true, restartCount: 0 }] } });

    const path = `/api/v1/namespaces/${namespace}/pods/sleeper`;
    expect(await cluster.request('DELETE', path)).toMatchObject({ status: 200 });
    await eventually(async () => (await cluster.request('GET', path)).status === 404, {
      because: 'the kubelet should let the pod go',
      timeoutMs: 30_000,
    });
  });
});
