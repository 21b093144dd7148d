import { createKubeClient, type KubeClient, staticAuth } from '@kube-trigger/kube';
import { BUSYBOX, describeOnNode, eventually, startPod, type TestCluster } from '@kube-trigger/testing';
import { configOf, fakeContext, fakeDelivery, fakeEvent, RecordingLogger } from '@kube-trigger/testing/contracts';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { exec, ExecAction, type ExecConfig } from '../../src/index.js';
import { errorOf, plugin } from '../world.js';

/** As nginx: reads its configuration when it starts, and again on SIGHUP. */
const SERVER = `
load() { cp /etc/app/greeting /tmp/served; }
trap load HUP
load
while true; do sleep 1 & wait; done`;

const container = { name: 'web', image: BUSYBOX, command: ['sh', '-c', SERVER] };
const volumes = { volumes: [{ name: 'app', configMap: { name: 'app' } }] };
const mount = { name: 'app', mountPath: '/etc/app' };

/** With the identity that the declared RBAC gives, and nothing more. */
describeOnNode('the exec action', (start) => {
  let cluster: TestCluster;
  let namespace: string;
  let kube: KubeClient;
  let action: ExecAction;

  const pods = ['web-0', 'web-1'];
  const served = async (name: string) => {
    const { stdout } = await admin.exec({ namespace, pod: name, command: ['cat', '/tmp/served', '/etc/app/greeting'] });
    return stdout.bytes.toString();
  };
  let admin: KubeClient;

  const post = async (path: string, body: object) => {
    const made = await cluster.request('POST', path, body);
    if (made.status !== 201) throw new Error(`${path}: ${made.status} ${made.text}`);
  };
  const clientWith = (token: string) =>
    createKubeClient({
      auth: staticAuth({ server: cluster.url, token, ca: cluster.ca }),
      logger: new RecordingLogger(),
    });

  beforeAll(async () => {
    cluster = await start();
    namespace = await cluster.createNamespace('exec-action');
    await cluster.grant(namespace, 'kube-trigger', exec.rbac);
    admin = clientWith(cluster.token);
    kube = clientWith(await cluster.serviceAccountToken(namespace, 'kube-trigger'));
    action = new ExecAction(kube);
    await post(`/api/v1/namespaces/${namespace}/configmaps`, {
      metadata: { name: 'app' },
      data: { greeting: 'one\n' },
    });
    const spec = { ...volumes, containers: [{ ...container, volumeMounts: [mount] }] };
    await Promise.all(pods.map((name) => startPod(cluster, namespace, { name, labels: { app: 'web' }, spec })));
  });
  afterAll(async () => {
    await Promise.all([admin?.close(), kube?.close()]);
    await cluster?.stop();
  });

  const run = (config: object, { attempt = 1, key = 'Timer/shop/example/nightly' } = {}) => {
    const event = fakeEvent({ key, id: `event-${JSON.stringify(config)}`, changedKeys: ['greeting'] });
    const delivery = fakeDelivery({ attempt, event, id: event.id });
    return action.run(configOf(plugin, config) as ExecConfig, delivery, fakeContext({ rule: { namespace } }));
  };
  const selector = { matchLabels: { app: 'web' } };

  it('reloads every pod when the kubelet has projected the change, and not before', async () => {
    const config = { selector, command: ['kill', '-HUP', '1'], waitForMount: {} };
    await action.check(configOf(plugin, config) as ExecConfig, fakeContext({ rule: { namespace } }));
    const changed = { data: { greeting: 'two\n' } };
    const path = `/api/v1/namespaces/${namespace}/configmaps/app`;
    await cluster.request('PATCH', path, changed, { 'content-type': 'application/merge-patch+json' });
    const key = `ConfigMap/${namespace}/app`;
    // At once: whoever does not wait comes before the kubelet.
    const last = await eventually(
      async () => {
        const result = await run(config, { key });
        return result.outcome === 'waiting' ? undefined : result;
      },
      { because: 'the kubelet should project the change', timeoutMs: 150_000, intervalMs: 1000 },
    );
    expect([last.outcome, last.targets.map(({ target }) => target)]).toEqual([
      'done',
      pods.map((name) => `Pod/${namespace}/${name}`),
    ]);
    // One reload each, and it read the new file: there is no second one.
    await eventually(async () => (await Promise.all(pods.map(served))).every((text) => text === 'two\ntwo\n'), {
      because: 'both should serve the new greeting',
    });
  }, 180_000);

  it('says of a mount by subPath that it never changes', async () => {
    const key = `ConfigMap/${namespace}/app`;
    const mounted = { ...volumes, containers: [{ ...container, volumeMounts: [{ ...mount, subPath: 'greeting' }] }] };
    await startPod(cluster, namespace, { name: 'stuck', labels: { app: 'stuck' }, spec: mounted });
    const error = await errorOf(run({ name: 'stuck', command: ['true'], waitForMount: {} }, { key }));
    expect([error.code, error.retry]).toEqual(['KT_KUBE_MOUNT_NEVER', 'never']);
  });

  it('repeats a command in those pods only in which it failed', async () => {
    const command = ['sh', '-c', 'echo run >> /tmp/runs; [ "$(hostname)" = web-0 ] || [ -e /tmp/second ]'];
    const config = { selector, command };
    expect(await errorOf(run(config))).toMatchObject({ code: 'KT_EXEC_PODS_FAILED', retry: 'backoff' });
    await admin.exec({ namespace, pod: 'web-1', command: ['touch', '/tmp/second'] });
    const { targets } = await run(config, { attempt: 2 });
    expect(targets.map(({ outcome }) => outcome)).toEqual(['unchanged', 'done']);
    const runs = await Promise.all(
      pods.map((pod) => admin.exec({ namespace, pod, command: ['wc', '-l', '/tmp/runs'] })),
    );
    expect(runs.map(({ stdout }) => Number.parseInt(stdout.bytes.toString(), 10))).toEqual([1, 2]);
  });

  it('gives up at once where there is no such program', async () => {
    const error = await errorOf(run({ name: 'web-0', command: ['nginy', '-s', 'reload'] }));
    expect(error).toMatchObject({ code: 'KT_KUBE_EXEC_COMMAND', retry: 'never' });
  });
});
