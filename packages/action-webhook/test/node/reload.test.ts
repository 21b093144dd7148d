import { createKubeClient, type KubeClient, staticAuth } from '@kube-trigger/kube';
import { BUSYBOX, describeOnNode, eventually, startPod, type TestCluster } from '@kube-trigger/testing';
import { configOf, fakeContext, fakeDelivery, fakeEvent, RecordingLogger } from '@kube-trigger/testing/contracts';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { webhook, WebhookAction, type WebhookConfig } from '../../src/index.js';
import { plugin } from '../support/bench.js';

/** Serves what it read at its start, and reads again when it is asked to: busybox's httpd with a CGI program. */
const SERVER = `
mkdir -p /www/cgi-bin
cp /etc/app/password /www/served
cat >/www/cgi-bin/reload <<'END'
#!/bin/sh
cat /etc/app/password >/www/served
echo reload >>/www/reloads
printf 'Content-Type: text/plain\\r\\n\\r\\nreloaded\\n'
END
chmod +x /www/cgi-bin/reload
exec httpd -f -p 8080 -h /www`;

/** With the identity that the declared RBAC gives, and nothing more. */
describeOnNode('the webhook action', (start) => {
  let cluster: TestCluster;
  let namespace: string;
  let kube: KubeClient;
  let action: WebhookAction;
  const addresses: string[] = [];

  const post = async (path: string, body: object) => {
    const made = await cluster.request('POST', path, body);
    if (made.status !== 201) throw new Error(`${path}: ${made.status} ${made.text}`);
  };
  const get = async (path: string) =>
    Promise.all(addresses.map(async (ip) => (await fetch(`http://${ip}:8080/${path}`)).text()));

  beforeAll(async () => {
    cluster = await start();
    namespace = await cluster.createNamespace('webhook-action');
    await cluster.grant(namespace, 'kube-trigger', webhook.rbac);
    const token = await cluster.serviceAccountToken(namespace, 'kube-trigger');
    const auth = staticAuth({ server: cluster.url, token, ca: cluster.ca });
    kube = createKubeClient({ auth, logger: new RecordingLogger() });
    action = new WebhookAction(kube);
    await post(`/api/v1/namespaces/${namespace}/secrets`, {
      metadata: { name: 'app' },
      stringData: { password: 'one' },
    });
    const spec = {
      containers: [
        {
          name: 'web',
          image: BUSYBOX,
          command: ['sh', '-c', SERVER],
          ports: [{ name: 'reload', containerPort: 8080 }],
          readinessProbe: { httpGet: { path: '/served', port: 8080 }, periodSeconds: 1 },
          volumeMounts: [{ name: 'app', mountPath: '/etc/app' }],
        },
      ],
      volumes: [{ name: 'app', projected: { sources: [{ secret: { name: 'app' } }] } }],
    };
    const pods = await Promise.all(
      ['web-0', 'web-1'].map((name) => startPod(cluster, namespace, { name, labels: { app: 'web' }, spec })),
    );
    addresses.push(...pods.map(({ status }) => (status as { podIP: string }).podIP));
  }, 120_000);
  afterAll(async () => {
    await action?.dispose();
    await kube?.close();
    await cluster?.stop();
  });

  it('tells every pod to reload a Secret once the kubelet has projected it, and not before', async () => {
    const event = fakeEvent({ key: `Secret/${namespace}/app`, changedKeys: ['password'] });
    const config = configOf(plugin, {
      pods: { selector: { matchLabels: { app: 'web' } }, port: 'reload', path: '/cgi-bin/reload' },
      body: { template: '' },
      waitForMount: {},
    }) as WebhookConfig;
    const context = fakeContext({ rule: { namespace } });
    await action.check(config, context);
    const path = `/api/v1/namespaces/${namespace}/secrets/app`;
    const changed = { stringData: { password: 'two' } };
    await cluster.request('PATCH', path, changed, { 'content-type': 'application/merge-patch+json' });
    // At once: whoever does not wait comes before the kubelet.
    const result = await eventually(
      async () => {
        const answer = await action.run(config, fakeDelivery({ event }), context);
        return answer.outcome === 'waiting' ? undefined : answer;
      },
      { because: 'the kubelet should project the change', timeoutMs: 150_000, intervalMs: 1000 },
    );
    expect(result.targets.map(({ outcome }) => outcome)).toEqual(['done', 'done']);
    expect(await get('served')).toEqual(['two', 'two']);
    expect(await get('reloads')).toEqual(['reload\n', 'reload\n']);
  }, 180_000);
});
