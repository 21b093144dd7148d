import { createKubeClient, type KubeClient, staticAuth } from '@kube-trigger/kube';
import { describeOnClusters, type TestCluster } from '@kube-trigger/testing';
import { configOf, fakeContext, fakeDelivery, RecordingLogger } from '@kube-trigger/testing/contracts';
import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { webhook, WebhookAction, type WebhookConfig } from '../src/index.js';
import { plugin } from './support/bench.js';
import { Receiver, status } from './support/receiver.js';

const HOSTS = ['127.0.0.11', '127.0.0.12', '127.0.0.13'];
const SIGNING = `whsec_${Buffer.from('0123456789abcdef0123456789abcdef').toString('base64')}`;

/** With the identity that the declared RBAC gives, and nothing more. */
describeOnClusters('webhook', (start) => {
  let cluster: TestCluster;
  let kube: KubeClient;
  let namespace: string;
  let action: WebhookAction;
  const receivers: Receiver[] = [];

  beforeAll(async () => {
    cluster = await start();
    const first = await Receiver.start({ host: HOSTS[0] ?? '' });
    receivers.push(first);
    for (const host of HOSTS.slice(1)) receivers.push(await Receiver.start({ host, port: first.port }));
  });
  beforeEach(async () => {
    namespace = await cluster.createNamespace('webhook');
    const token = await cluster.serviceAccountToken(namespace, 'kube-trigger');
    await cluster.grant(namespace, 'kube-trigger', webhook.rbac);
    kube = createKubeClient({
      auth: staticAuth({ server: cluster.url, token, ca: cluster.ca }),
      logger: new RecordingLogger(),
    });
    action = new WebhookAction(kube, {
      allowLoopback: true,
      resolve: (_, done) => done(null, [{ address: HOSTS[0] ?? '', family: 4 }]),
    });
    for (const receiver of receivers) Object.assign(receiver, { received: [], respond: status(200) });
    return async () => {
      await action.dispose();
      await kube.close();
    };
  });
  afterAll(async () => {
    for (const receiver of receivers) await receiver[Symbol.asyncDispose]();
    await cluster.stop();
  });

  const post = async (path: string, body: object) => {
    const made = await cluster.request('POST', path, body);
    if (made.status !== 201) throw new Error(`${path}: ${made.status} ${made.text}`);
  };
  const core = () => `/api/v1/namespaces/${namespace}`;
  const port = () => receivers[0]?.port ?? 0;
  const counts = () => receivers.map(({ received }) => received.length);

  async function pod(index: number, ready: boolean): Promise<void> {
    const containers = [{ name: 'web', image: 'web', ports: [{ name: 'reload', containerPort: port() }] }];
    // On a node that nobody runs: its status is what the test says.
    const spec = {
      nodeName: 'nowhere',
      containers,
      terminationGracePeriodSeconds: 0,
      // Kubernetes 1.20 refuses a pod as long as the namespace's service account has no token.
      automountServiceAccountToken: false,
    };
    await post(`${core()}/pods`, { metadata: { name: `web-${index}`, labels: { app: 'web' } }, spec });
    const ip = HOSTS[index] ?? '';
    const conditions = [{ type: 'Ready', status: ready ? 'True' : 'False' }];
    const body = { status: { phase: 'Running', podIP: ip, podIPs: [{ ip }], conditions } };
    const patched = await cluster.request('PATCH', `${core()}/pods/web-${index}/status`, body, {
      'content-type': 'application/merge-patch+json',
    });
    if (patched.status !== 200) throw new Error(`status: ${patched.status} ${patched.text}`);
  }

  const run = (config: object, delivery: object = {}) =>
    action.run(configOf(plugin, config) as WebhookConfig, fakeDelivery(delivery), context());
  const check = (config: object) => action.check(configOf(plugin, config) as WebhookConfig, context());
  const context = () => fakeContext({ rule: { namespace, name: 'example' } });

  it('tells every ready pod, and repeats only those that failed', async () => {
    await Promise.all([pod(0, true), pod(1, true), pod(2, false)]);
    const config = { pods: { selector: { matchLabels: { app: 'web' } }, port: 'reload', path: '/-/reload' } };
    await check(config);
    expect(counts()).toEqual([0, 0, 0]);
    Object.assign(receivers[1] ?? {}, { respond: status(503) });
    await expect(run(config)).rejects.toMatchObject({ code: 'KT_WEBHOOK_PODS_FAILED', retry: 'backoff' });
    Object.assign(receivers[1] ?? {}, { respond: status(200) });
    const { targets } = await run(config, { attempt: 2 });
    expect(targets).toMatchObject([
      { target: `Pod/${namespace}/web-0`, outcome: 'unchanged' },
      { target: `Pod/${namespace}/web-1`, outcome: 'done' },
    ]);
    expect(counts()).toEqual([1, 2, 0]);
  });

  it('tells a Service by the name of its port, signed with a key of a Secret', async () => {
    const ports = [{ name: 'http', port: port(), protocol: 'TCP' }];
    await post(`${core()}/services`, { metadata: { name: 'app' }, spec: { ports, selector: { app: 'web' } } });
    await post(`${core()}/secrets`, {
      metadata: { name: 'hooks' },
      stringData: { signing: SIGNING, token: 'Bearer abc' },
    });
    await post(`${core()}/configmaps`, { metadata: { name: 'settings' }, data: { team: 'web' } });
    const config = {
      serviceRef: { name: 'app', port: 'http', path: '/hook' },
      headers: [
        { name: 'Authorization', valueFrom: { secretKeyRef: { name: 'hooks', key: 'token' } } },
        { name: 'X-Team', valueFrom: { configMapKeyRef: { name: 'settings', key: 'team' } } },
      ],
      signature: { secretKeyRef: { name: 'hooks', key: 'signing' } },
    };
    await check(config);
    // The webhook library looks at the real clock.
    const now = new Date();
    const { scheduler, ...rest } = context();
    Object.assign(scheduler, { now: () => now.getTime() });
    await action.run(configOf(plugin, config) as WebhookConfig, fakeDelivery(), { ...rest, scheduler });
    const sent = receivers[0]?.only;
    expect(sent?.headers).toMatchObject({
      authorization: 'Bearer abc',
      'x-team': 'web',
      host: `app.${namespace}.svc:${port()}`,
    });
    const headers = sent?.headers as Record<string, string>;
    expect(new Webhook(SIGNING).verify(sent?.body ?? '', headers)).toMatchObject({ id: 'event-1' });
  });

  it('says what is missing before anything happens', async () => {
    await post(`${core()}/secrets`, { metadata: { name: 'hooks' }, stringData: { a: 'b' } });
    const url = `http://127.0.0.11:${port()}`;
    const header = (ref: object) => ({ url, headers: [{ name: 'A', valueFrom: ref }] });
    const code = async (config: object) =>
      check(config).then(
        () => 'fine',
        (error: { code: string }) => error.code,
      );
    expect([
      await code({ serviceRef: { name: 'gone', port: 80 } }),
      await code({ pods: { selector: {}, port: 80 } }),
      await code(header({ secretKeyRef: { name: 'gone', key: 'a' } })),
      await code(header({ secretKeyRef: { name: 'hooks', key: 'gone' } })),
      await code(header({ configMapKeyRef: { name: 'gone', key: 'a' } })),
      await code(header({ secretKeyRef: { name: 'hooks', key: 'a' } })),
    ]).toEqual([
      'KT_WEBHOOK_SERVICE_NOT_FOUND',
      'KT_WEBHOOK_NO_READY_PODS',
      'KT_WEBHOOK_REFERENCE_NOT_FOUND',
      'KT_WEBHOOK_REFERENCE_NOT_FOUND',
      'KT_WEBHOOK_REFERENCE_NOT_FOUND',
      'fine',
    ]);
    expect(counts()).toEqual([0, 0, 0]);
  });

  it('may not look into another namespace', async () => {
    const other = await cluster.createNamespace('other');
    const asked = { pods: { selector: {}, namespace: other, port: 80 } };
    await expect(check(asked)).rejects.toMatchObject({ code: 'KT_KUBE_FORBIDDEN' });
  });
});
