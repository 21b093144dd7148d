import type { ActionResult } from '@kube-trigger/core';
import { createKubeClient, type KubeClient, staticAuth } from '@kube-trigger/kube';
import { type ApiObject, BUSYBOX, describeOnNode, eventually, type TestCluster } from '@kube-trigger/testing';
import { fakeContext, fakeDelivery, fakeEvent, RecordingLogger } from '@kube-trigger/testing/contracts';
import { asyncScheduler, firstValueFrom, race, timer } from 'rxjs';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import updatePodTemplate, { RolloutAction, type RolloutConfig } from '../../src/index.js';

const LABELS = { app: 'web' };
const MERGE = { 'content-type': 'application/merge-patch+json' };

interface Pod extends ApiObject {
  readonly status?: { readonly conditions?: readonly { type: string; status: string }[] };
}

/** With the identity that the declared RBAC gives, and nothing more. */
describeOnNode('strategy: evict', (start) => {
  let cluster: TestCluster;
  let admin: KubeClient;
  let kube: KubeClient;
  let namespace: string;

  const clientWith = (token: string) =>
    createKubeClient({
      auth: staticAuth({ server: cluster.url, token, ca: cluster.ca }),
      logger: new RecordingLogger(),
    });
  const make = async (path: string, body: object) => {
    const made = await cluster.request('POST', path, body);
    if (made.status !== 201) throw new Error(`${path}: ${made.status} ${made.text}`);
  };
  beforeAll(async () => {
    cluster = await start();
    admin = clientWith(cluster.token);
  });
  beforeEach(async () => {
    namespace = await cluster.createNamespace('evict');
    await cluster.grant(namespace, 'kube-trigger', updatePodTemplate.rbac);
    kube = clientWith(await cluster.serviceAccountToken(namespace, 'kube-trigger'));
    await make(`/api/v1/namespaces/${namespace}/configmaps`, { metadata: { name: 'app' }, data: { GREETING: 'one' } });
    return () => kube.close();
  });
  afterAll(async () => {
    await admin?.close();
    await cluster?.stop();
  });

  const makeWorkload = async (plural: string, spec: object) => {
    const container = { name: 'web', image: BUSYBOX, command: ['sleep', '3600'] };
    const template = {
      metadata: { labels: LABELS },
      spec: {
        // With none the name is free for the next pod while the container of the last one still runs.
        terminationGracePeriodSeconds: 1,
        containers: [{ ...container, envFrom: [{ configMapRef: { name: 'app' } }] }],
      },
    };
    await make(`/apis/apps/v1/namespaces/${namespace}/${plural}`, {
      metadata: { name: 'web' },
      spec: { replicas: 3, selector: { matchLabels: LABELS }, template, ...spec },
    });
    return allReady();
  };
  const pods = async () => (await cluster.request('GET', `/api/v1/namespaces/${namespace}/pods`)).json.items as Pod[];
  const allReady = () =>
    eventually(
      async () => {
        const ready = (await pods()).filter(isReady);
        return ready.length === 3 ? ready.map(({ metadata }) => metadata.uid) : undefined;
      },
      { because: 'three pods should be ready', timeoutMs: 90_000 },
    );
  const greetings = async () =>
    Promise.all(
      (await pods()).filter(isReady).map(async ({ metadata }) => {
        const command = ['sh', '-c', 'echo "$GREETING"'];
        return (await admin.exec({ namespace, pod: metadata.name, command })).stdout.bytes.toString().trim();
      }),
    );
  const change = () =>
    cluster.request('PATCH', `/api/v1/namespaces/${namespace}/configmaps/app`, { data: { GREETING: 'two' } }, MERGE);

  /** Each run is that of another process: what the one before it knew is gone. */
  const drive = async (config: RolloutConfig) => {
    const said: string[] = [];
    const lost: string[] = [];
    for (let redelivered = false; ; redelivered = true) {
      const action = new RolloutAction(kube);
      const event = fakeEvent({ key: `ConfigMap/${namespace}/app`, observedAtMs: Date.now() });
      const context = { ...fakeContext({ rule: { namespace } }), scheduler: asyncScheduler };
      const result: ActionResult = await action.run(config, fakeDelivery({ event, redelivered }), context);
      const ready = (await pods()).filter(isReady).length;
      if (ready < 2) lost.push(`${ready} of 3 are ready`);
      if (result.outcome !== 'waiting') {
        action.dispose();
        return { result, said, lost };
      }
      said.push(result.because);
      if (result.until !== undefined)
        await firstValueFrom(race(result.until, timer(1000)), { defaultValue: undefined });
      action.dispose();
    }
  };

  it.each([
    ['Deployment', 'deployments', {}],
    ['StatefulSet', 'statefulsets', { serviceName: 'web', updateStrategy: { type: 'OnDelete' } }],
  ] as const)(
    'brings a new configuration to every pod of a %s, one by one, under a disruption budget, killed at each step',
    async (kind, plural, spec) => {
      const policy = `/apis/policy/${await policyVersion()}/namespaces/${namespace}/poddisruptionbudgets`;
      const before = await makeWorkload(plural, spec);
      await make(policy, { metadata: { name: 'web' }, spec: { minAvailable: 2, selector: { matchLabels: LABELS } } });
      const workload = `/apis/apps/v1/namespaces/${namespace}/${plural}/web`;
      const untouched = (await cluster.request('GET', workload)).json.spec;
      await change();
      expect(await greetings()).toEqual(['one', 'one', 'one']);
      const { result, said, lost } = await drive({
        objectRef: { kind, name: 'web', namespace },
        strategy: 'evict',
        evict: { maxUnavailable: 1 },
      });
      expect(result.targets.map(({ message }) => message)).toEqual(['3 of 3 pods replaced']);
      expect(said.some((because) => because.includes('2 of 3 are ready'))).toBe(true);
      expect(lost).toEqual([]);
      const after = await allReady();
      expect(after.filter((uid) => before.includes(uid))).toEqual([]);
      expect(await greetings()).toEqual(['two', 'two', 'two']);
      expect((await cluster.request('GET', workload)).json.spec).toEqual(untouched);
    },
    180_000,
  );

  const policyVersion = async () => {
    const { json } = await cluster.request<{ preferredVersion: { version: string } }>('GET', '/apis/policy');
    return json.preferredVersion.version;
  };
});

function isReady({ metadata, status }: Pod): boolean {
  const isTrue = status?.conditions?.some(({ type, status: value }) => type === 'Ready' && value === 'True') === true;
  return isTrue && metadata.deletionTimestamp === undefined;
}
