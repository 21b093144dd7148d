import { connect, createServer, type Server } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { createKubeClient, digestKeyProvider, staticAuth } from '@kube-trigger/kube';
import { describeOnClusters, eventually, startFaultProxy, type TestCluster } from '@kube-trigger/testing';
import { configOf, fakeContext, RecordingLogger } from '@kube-trigger/testing/contracts';
import { afterAll, beforeAll, expect, it } from 'vitest';
import secret, { SecretSource } from '../src/index.js';
import { encoded } from './world.js';

/** A TCP connection that keeps what the server said. */
class Wire implements AsyncDisposable {
  readonly #chunks: Buffer[] = [];
  readonly #sockets = new Set<Socket>();

  private constructor(private readonly server: Server) {}

  static async to(url: string): Promise<Wire> {
    const { hostname, port } = new URL(url);
    const server = createServer();
    const wire = new Wire(server);
    server.on('connection', (client) => {
      const upstream = connect(Number(port), hostname);
      for (const socket of [client, upstream]) {
        wire.#sockets.add(socket);
        socket.on('error', () => undefined);
      }
      upstream.on('data', (chunk: Buffer) => wire.#chunks.push(chunk));
      client.pipe(upstream).pipe(client);
    });
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    return wire;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  get said(): string {
    return Buffer.concat(this.#chunks).toString('latin1');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => {
      this.server.close(resolve);
    });
  }
}

describeOnClusters('what is transferred', (start) => {
  let cluster: TestCluster;
  beforeAll(async () => {
    cluster = await start();
  });
  afterAll(() => cluster?.stop());

  it('are no helm releases and no tokens of service accounts, neither at first nor when they change', async () => {
    const namespace = await cluster.createNamespace('transferred');
    await cluster.serviceAccountToken(namespace, 'holder');
    const secrets = `/api/v1/namespaces/${namespace}/secrets`;
    const put = async (method: 'POST' | 'PUT', name: string, body: object) => {
      const path = method === 'PUT' ? `${secrets}/${name}` : secrets;
      const { status, text } = await cluster.request(method, path, {
        ...body,
        metadata: { ...metadataOf(body), name },
      });
      if (status > 201) throw new Error(`${name}: ${status} ${text}`);
    };
    const annotations = { 'kubernetes.io/service-account.name': 'holder' };
    const write = async (method: 'POST' | 'PUT', step: string) => {
      await put(method, 'release', {
        type: 'helm.sh/release.v1',
        data: encoded({ release: `marker-release-${step}` }),
      });
      await put(method, 'account', {
        type: 'kubernetes.io/service-account-token',
        metadata: { annotations },
        data: encoded({ extra: `marker-account-${step}` }),
      });
      await put(method, 'plain', { type: 'Opaque', data: encoded({ key: `marker-plain-${step}` }) });
    };
    await write('POST', 'one');

    await using proxy = await startFaultProxy({ target: cluster.url, ca: cluster.ca });
    await using wire = await Wire.to(proxy.url);
    const kube = createKubeClient({
      auth: staticAuth({ server: wire.url, token: cluster.token }),
      logger: new RecordingLogger(),
    });
    const heard: string[] = [];
    const subscription = new SecretSource(kube, digestKeyProvider(kube, namespace))
      .open(configOf(secret, {}) as never, fakeContext({ rule: { namespace } }))
      .subscribe((event) => heard.push('key' in event ? event.key : event.change));
    try {
      const isThere = (marker: string) =>
        wire.said.includes(Buffer.from(marker).toString('base64').replaceAll('=', ''));
      await eventually(() => heard.includes('synced'), { because: 'the source should see the Secrets' });
      await write('PUT', 'two');
      // Written last, so what came before it would have been sent before it.
      await eventually(() => isThere('marker-plain-two'), { because: 'what is watched should be transferred' });
      expect(isThere('marker-plain-one')).toBe(true);
      const kept = ['release-one', 'release-two', 'account-one', 'account-two'];
      expect(kept.filter((name) => isThere(`marker-${name}`))).toEqual([]);
      expect(wire.said).not.toContain('"name":"release"');
      expect(heard).not.toContain(`Secret/${namespace}/release`);
    } finally {
      subscription.unsubscribe();
      await kube.close();
    }
  });
});

function metadataOf(body: object): object {
  return (body as { metadata?: object }).metadata ?? {};
}
