import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isTriggerError } from '@kube-trigger/core';
import { BUSYBOX, describeOnNode, eventually, startPod, type TestCluster } from '@kube-trigger/testing';
import { createKubeClient, type ExecOptions, type KubeClient, staticAuth } from '../../src/index.js';
import { MemoryLogger } from '../support/harness.js';
import { liveBufferBytes } from '../support/live-memory.js';
import { TcpProxy } from '../support/tcp-proxy.js';

describeOnNode('exec', (start) => {
  let cluster: TestCluster;
  let namespace: string;
  const clients: KubeClient[] = [];
  let kube: KubeClient;

  beforeAll(async () => {
    cluster = await start();
    namespace = await cluster.createNamespace('exec');
    kube = clientWith(cluster.token);
    const containers = ['main', 'other'].map((name) => ({ name, image: BUSYBOX, command: ['sleep', '3600'] }));
    await startPod(cluster, namespace, { name: 'box', spec: { containers } });
  });
  afterAll(async () => {
    await Promise.all(clients.map((client) => client.close()));
    await cluster?.stop();
  });

  function clientWith(token: string, server = cluster.url): KubeClient {
    const auth = staticAuth({ server, token, ca: cluster.ca });
    const client = createKubeClient({
      auth,
      logger: new MemoryLogger(),
      timings: { execPingMs: 1_000, execSilenceMs: 4_000 },
    });
    clients.push(client);
    return client;
  }

  const exec = (command: readonly string[], options?: ExecOptions, client = kube) =>
    client.exec({ namespace, pod: 'box', container: 'main', command }, options);
  const code = (work: Promise<unknown>) =>
    work.then(
      () => 'fine',
      (error: unknown) => (isTriggerError(error) ? error.code : String(error)),
    );

  it('has exit code and output of both streams', async () => {
    const { exitCode, stdout, stderr } = await exec(['sh', '-c', 'echo out; echo err >&2; exit 7']);
    expect([exitCode, stdout.bytes.toString(), stderr.bytes.toString()]).toEqual([7, 'out\n', 'err\n']);
    expect(await exec(['true'])).toMatchObject({ exitCode: 0 });
    expect(await exec(['sh', '-c', 'kill -9 $$'])).toMatchObject({ exitCode: 137 });
  });

  it('hands over words as they are, and reaches the container that was named', async () => {
    const words = ['a b', '$HOME', 'ü', '&command=x', ''];
    expect((await exec(['printf', '[%s]', ...words])).stdout.bytes.toString()).toBe(
      words.map((w) => `[${w}]`).join(''),
    );
    await exec(['touch', '/tmp/mark']);
    const other = await kube.exec({ namespace, pod: 'box', container: 'other', command: ['test', '-e', '/tmp/mark'] });
    expect(other.exitCode).toBe(1);
  });

  it('tells what was not run from what failed', async () => {
    expect(await code(exec(['nosuch']))).toBe('KT_KUBE_EXEC_COMMAND');
    expect(await code(exec(['/bin/nosuch']))).toBe('KT_KUBE_EXEC_COMMAND');
    expect(await code(exec(['/etc']))).toBe('KT_KUBE_EXEC_COMMAND');
    expect((await exec(['sh', '-c', 'nosuch'])).exitCode).toBe(127);
    expect(await code(kube.exec({ namespace, pod: 'gone', command: ['true'] }))).toBe('KT_KUBE_NOT_FOUND');
    const wrong = kube.exec({ namespace, pod: 'box', container: 'wrong', command: ['true'] });
    expect(await code(wrong)).toBe('KT_KUBE_INVALID');
  });

  it('keeps the end of 100 MiB', async () => {
    const before = liveBufferBytes();
    let most = 0;
    const look = setInterval(() => (most = Math.max(most, liveBufferBytes())), 100);
    const { stdout } = await exec(['sh', '-c', 'dd if=/dev/zero bs=1M count=100 2>/dev/null; echo the end']);
    clearInterval(look);
    expect(stdout.total).toBe(100 * 1024 * 1024 + 8);
    expect(stdout.bytes).toHaveLength(4096);
    expect(stdout.bytes.toString()).toMatch(/the end\n$/);
    expect(most - before).toBeLessThan(50 * 1024 * 1024);
  });

  it('is answered its pings: a long silence is no lost connection', async () => {
    expect(await exec(['sleep', '8'])).toMatchObject({ exitCode: 0 });
  });

  describe('ends', () => {
    it('with the container', async () => {
      const containers = [{ name: 'main', image: BUSYBOX, command: ['sleep', '3600'] }];
      await startPod(cluster, namespace, { name: 'victim', spec: { containers } });
      const command = ['sh', '-c', 'touch /tmp/running; sleep 3600; echo whole'];
      const running = kube.exec({ namespace, pod: 'victim', command }).then(
        ({ exitCode, stdout }) => `${exitCode} ${stdout.bytes.toString()}`,
        (error: unknown) => (isTriggerError(error) ? error.code : String(error)),
      );
      const begun = { namespace, pod: 'victim', command: ['test', '-e', '/tmp/running'] };
      await eventually(async () => (await kube.exec(begun)).exitCode === 0, { because: 'the command should begin' });
      await cluster.request('DELETE', `/api/v1/namespaces/${namespace}/pods/victim`);
      // As containerd sees it: its process was killed, or its container is no more.
      expect(await running).toMatch(/^(137 |KT_KUBE_EXEC_LOST|KT_KUBE_EXEC_FAILED)$/);
    });

    it.each(['silent', 'reset'])('with a connection that is %s', async (how) => {
      await using proxy = await TcpProxy.start(cluster.url);
      const through = clientWith(cluster.token, proxy.url);
      const file = `/tmp/${how}`;
      const running = code(exec(['sh', '-c', `touch ${file}; sleep 3600`], {}, through));
      await eventually(async () => (await exec(['test', '-e', file])).exitCode === 0, { because: 'it should begin' });
      if (how === 'silent') proxy.freezeOpen();
      else proxy.reset();
      expect(await running).toBe('KT_KUBE_EXEC_LOST');
    });

    it('with its time limit and its signal', async () => {
      expect(await code(exec(['sleep', '3600'], { timeoutMs: 500 }))).toBe('KT_KUBE_EXEC_LOST');
      const signal = AbortSignal.timeout(500);
      expect(await code(exec(['sleep', '3600'], { signal }))).toContain('Timeout');
    });
  });

  it('needs what the error names, and no more', async () => {
    const token = await cluster.serviceAccountToken(namespace, 'runner');
    const runner = clientWith(token);
    const denied = await exec(['true'], {}, runner).catch((error: unknown) => error);
    expect(denied).toMatchObject({ code: 'KT_KUBE_FORBIDDEN' });
    await cluster.grant(namespace, 'runner', [{ apiGroups: [''], resources: ['pods/exec'], verbs: ['get', 'create'] }]);
    await eventually(async () => (await exec(['true'], {}, runner)).exitCode === 0, { because: 'it is granted' });
  });
});
