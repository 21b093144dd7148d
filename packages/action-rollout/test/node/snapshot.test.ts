import { createKubeClient, digestKeyProvider, type KubeClient, type KubeObject, staticAuth } from '@kube-trigger/kube';
import { BUSYBOX, describeOnNode, eventually, type TestCluster } from '@kube-trigger/testing';
import { fakeContext, fakeDelivery, fakeEvent, RecordingLogger } from '@kube-trigger/testing/contracts';
import { asyncScheduler } from 'rxjs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { RolloutAction, type RolloutConfig } from '../../src/index.js';

const CONFIG: RolloutConfig = { referencing: true, strategy: 'annotate', configSnapshot: { history: 2 } };
const MERGE = { 'content-type': 'application/merge-patch+json' };

interface PodObject extends KubeObject {
  readonly status?: { readonly phase?: string; readonly containerStatuses?: { readonly ready: boolean }[] };
}

/** What pods read is told by the kubelet's mounts, not by templates. */
describeOnNode('configSnapshot', (start) => {
  let cluster: TestCluster;
  let namespace: string;
  let kube: KubeClient;
  let action: RolloutAction;
  beforeAll(async () => {
    cluster = await start();
    namespace = await cluster.createNamespace('config-snapshot');
    const auth = staticAuth({ server: cluster.url, ca: cluster.ca, token: cluster.token });
    kube = createKubeClient({ auth, logger: new RecordingLogger() });
    action = new RolloutAction(kube, undefined, digestKeyProvider(kube, namespace));
  });
  afterAll(async () => {
    action?.dispose();
    await kube?.close();
    await cluster?.stop();
  });

  const web = () => `/apis/apps/v1/namespaces/${namespace}/deployments/web`;
  const change = async (greeting: string) => {
    await cluster.request('PATCH', `/api/v1/namespaces/${namespace}/configmaps/app`, { data: { greeting } }, MERGE);
    const event = fakeEvent({ key: `ConfigMap/${namespace}/app`, changedKeys: ['greeting'], observedAtMs: Date.now() });
    const context = { ...fakeContext({ rule: { namespace } }), scheduler: asyncScheduler };
    return action.run(CONFIG, fakeDelivery({ event, revision: greeting }), context);
  };
  /** What the running pods read, in words that tell nothing of which is which. */
  const read = async () => {
    const { json } = await cluster.request<{ items: PodObject[] }>('GET', `/api/v1/namespaces/${namespace}/pods`);
    const running = json.items.filter(
      ({ metadata, status }) =>
        metadata.deletionTimestamp === undefined && status?.containerStatuses?.[0]?.ready === true,
    );
    const command = ['sh', '-c', 'cat /etc/app/greeting; echo " $GREETING $(cat /etc/one)"'];
    const told = await Promise.all(
      running.map(({ metadata: { name = '' } }) => kube.exec({ namespace, pod: name, command })),
    );
    return told.map(({ stdout }) => stdout.bytes.toString().trim()).toSorted();
  };

  it('keeps what old pods read while new ones read the change, and an undo brings it back', async () => {
    const env = [{ name: 'GREETING', valueFrom: { configMapKeyRef: { name: 'app', key: 'greeting' } } }];
    const volumeMounts = [
      { name: 'app', mountPath: '/etc/app' },
      { name: 'app', mountPath: '/etc/one', subPath: 'greeting' },
    ];
    const container = { name: 'web', image: BUSYBOX, command: ['sleep', '3600'], env, volumeMounts };
    const spec = {
      terminationGracePeriodSeconds: 0,
      containers: [container],
      volumes: [{ name: 'app', configMap: { name: 'app' } }],
    };
    await cluster.request('POST', `/api/v1/namespaces/${namespace}/configmaps`, {
      metadata: { name: 'app' },
      data: { greeting: 'one' },
    });
    await cluster.request('POST', `/apis/apps/v1/namespaces/${namespace}/deployments`, {
      metadata: { name: 'web' },
      spec: {
        // A new pod comes beside the old one, which goes when the new one was ready for so long.
        minReadySeconds: 10,
        strategy: { rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
        selector: { matchLabels: { app: 'web' } },
        template: { metadata: { labels: { app: 'web' } }, spec },
      },
    });
    const reads = (...expected: string[]) =>
      eventually(async () => (expect(await read()).toEqual(expected), true), {
        because: `pods should read ${expected.join()}`,
        timeoutMs: 60_000,
      });
    await reads('one one one');
    expect((await change('two')).outcome).toBe('done');
    await reads('two two two');
    const second = (await cluster.request('GET', web())).json;
    expect((await change('three')).outcome).toBe('done');
    // The kubelet looks at mounts every minute or so; a reference to the ConfigMap itself would follow. The copy cannot.
    await reads('three three three', 'two two two');
    await reads('three three three');
    const { template } = second.spec as { template: object };
    await cluster.request('PATCH', web(), [{ op: 'replace', path: '/spec/template', value: template }], {
      'content-type': 'application/json-patch+json',
    });
    await reads('two two two');
  }, 180_000);
});
