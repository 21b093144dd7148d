import type { PresentEvent } from '@kube-trigger/core';
import {
  createKubeClient,
  digestKeyProvider,
  DigestKeyToken,
  type KubeClient,
  KubeClientToken,
  loadDigestKey,
  staticAuth,
} from '@kube-trigger/kube';
import { describeOnClusters, eventually, type TestCluster } from '@kube-trigger/testing';
import {
  configOf,
  describeSourceContract,
  fakeContext,
  RecordingLogger,
  SourceListener,
  type SourceWorld,
} from '@kube-trigger/testing/contracts';
import { afterAll, beforeAll, expect, it } from 'vitest';
import secret, { SecretSource } from '../src/index.js';
import { encoded } from './world.js';

const HELM = 'helm.sh/release.v1';
const TOKEN = 'kubernetes.io/service-account-token';

describeOnClusters('secret', (start, kind) => {
  let cluster: TestCluster;
  let kube: KubeClient;
  beforeAll(async () => {
    cluster = await start();
    kube = clientOf(cluster);
  });
  afterAll(async () => {
    await kube.close();
    await cluster.stop();
  });

  describeSourceContract(`secret on ${kind}`, { plugin: secret, world: () => worldOn(cluster) });

  it('sees writes of data, and none of labels, annotations or equal data', async () => {
    const place = await Place.on(cluster);
    await place.put('tls', { data: { a: '1', b: '2' } });
    using heard = place.listen(kube, { name: 'tls' });
    const [first] = await heard.until('synced');
    expect(Object.keys((first as PresentEvent).parts ?? {})).toEqual(['a', 'b']);

    await place.put('tls', { data: { a: '1', b: '2' }, metadata: { labels: { x: 'y' } } });
    await place.put('tls', { data: { a: '1', b: '2' }, metadata: { annotations: { x: 'y' } } });
    await place.put('tls', { data: { a: '2', b: '2' } });
    await eventually(() => heard.revisions.length === 2, { because: 'one new revision' });
    await place.put('tls', { data: { a: '1', b: '2' } });
    await eventually(() => heard.presents.at(-1)?.revision === (first as PresentEvent).revision);
    expect(heard.revisions).toHaveLength(2);
  });

  it('sees deletion, and creation with equal data as the same state', async () => {
    const place = await Place.on(cluster);
    using heard = place.listen(kube, { name: 'tls' });
    await heard.until('degraded');
    await place.put('tls', { data: { a: '1' } });
    await eventually(() => heard.said.join() === 'synced,degraded,present,synced');
    await place.remove('tls');
    await eventually(() => heard.said.slice(4).join() === 'absent,degraded');
    await place.put('tls', { data: { a: '1' } });
    await eventually(() => heard.said.slice(6).join() === 'present,synced');
    expect(heard.revisions).toHaveLength(1);
  });

  it.each<[object, string[]]>([
    [{}, ['opaque', 'tls']],
    [{ types: ['kubernetes.io/tls'] }, ['tls']],
    [{ types: [HELM] }, ['helm']],
    [{ types: ['Opaque', HELM] }, ['helm', 'opaque']],
    [{ types: [HELM, TOKEN] }, ['helm', 'token']],
    [{ types: ['*'] }, ['helm', 'opaque', 'tls', 'token']],
    [{ selector: { matchLabels: { app: 'web' } } }, ['tls']],
    [{ selector: { matchLabels: { app: 'web' } }, types: ['*'] }, ['helm', 'tls']],
    [{ name: 'helm' }, ['helm']],
  ])('sees what is of the wanted types by %j', async (written, names) => {
    const place = await Place.on(cluster);
    const labels = { app: 'web' };
    await place.put('opaque', { data: { a: '1' } });
    await place.put('tls', {
      type: 'kubernetes.io/tls',
      data: { 'tls.crt': '1', 'tls.key': '2' },
      metadata: { labels },
    });
    await place.put('helm', { type: HELM, data: { release: '1' }, metadata: { labels } });
    await place.token('token');
    using heard = place.listen(kube, written);
    await heard.until('synced');
    // Of kube-apiserver's controllers: a token for each service account, written in several steps.
    const ours = new Set(heard.presents.map(({ key }) => key).filter((key) => !key.includes('-token-')));
    expect([...ours].toSorted()).toEqual(names.map((name) => place.keyOf(name)));
  });

  it('keeps watches of single names apart, however many', async () => {
    const place = await Place.on(cluster);
    const own = createKubeClient({ auth: authOf(cluster), logger: new RecordingLogger(), widenAbove: 2 });
    {
      await place.put('s0', { data: { a: '1' } });
      const heard = Array.from({ length: 4 }, (_, i) => place.listen(own, { name: `s${i}` }));
      await Promise.all(heard.map((each) => each.until('synced')));
      const watched = own.stats().watches.map(({ name }) => name);
      expect(new Set(watched)).toEqual(new Set(['s0', 's1', 's2', 's3']));
      for (const each of heard) each[Symbol.dispose]();
    }
    await own.close();
  });

  it('says what RBAC denies, and heals when it is granted', async () => {
    const place = await Place.on(cluster);
    await place.put('tls', { data: {} });
    const token = await cluster.serviceAccountToken(place.namespace, 'restricted');
    const restricted = createKubeClient({
      auth: staticAuth({ server: cluster.url, ca: cluster.ca, token }),
      logger: new RecordingLogger(),
      timings: { forbiddenRetryMs: [200, 400] },
    });
    {
      using heard = place.listen(restricted, { name: 'tls' }, digestKeyProvider(kube, place.namespace));
      await heard.until('degraded');
      expect(heard.errors).toEqual(['KT_KUBE_FORBIDDEN']);
      await cluster.grant(place.namespace, 'restricted', [{ ...secret.rbac[0], resourceNames: ['tls'] }]);
      await heard.until('synced');
      expect(heard.presents.map(({ key }) => key)).toEqual([place.keyOf('tls')]);
    }
    await restricted.close();
  });

  it('has its digest key made with the declared rights, and by one replica only', async () => {
    const place = await Place.on(cluster);
    const token = await cluster.serviceAccountToken(place.namespace, 'operator');
    const operator = createKubeClient({
      auth: staticAuth({ server: cluster.url, ca: cluster.ca, token }),
      logger: new RecordingLogger(),
    });
    await expect(loadDigestKey(operator, place.namespace)).rejects.toMatchObject({ code: 'KT_KUBE_FORBIDDEN' });
    const rules = secret.rbac
      .filter(({ inOperatorNamespace }) => inOperatorNamespace)
      .map((rule) => ({ ...rule, inOperatorNamespace: undefined }));
    await cluster.grant(place.namespace, 'operator', rules);
    const load = () => loadDigestKey(operator, place.namespace);
    await eventually(
      () =>
        load().then(
          () => true,
          () => false,
        ),
      { because: 'the rights are not in force' },
    );
    await place.remove('kube-trigger-digest-key');
    const keys = await Promise.all(Array.from({ length: 8 }, load));
    expect(new Set(keys.map(({ id }) => id)).size).toBe(1);
    await operator.close();
  });

  it('says no value in errors and logs when the API server refuses or the key is no key', async () => {
    const place = await Place.on(cluster);
    await place.put('kube-trigger-digest-key', { data: { key: 'marker-value' } });
    const failure = await loadDigestKey(kube, place.namespace).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'KT_KUBE_DIGEST_KEY' });
    expect(JSON.stringify([failure, String(failure), (failure as Error).stack])).not.toMatch(/marker-value|bWFya2Vy/);
  });
});

function authOf(cluster: TestCluster) {
  return staticAuth({ server: cluster.url, ca: cluster.ca, token: cluster.token });
}

function clientOf(cluster: TestCluster): KubeClient {
  return createKubeClient({ auth: authOf(cluster), logger: new RecordingLogger() });
}

interface Body {
  readonly metadata?: object;
  readonly type?: string;
  readonly data?: Record<string, string>;
}

/** A namespace of its own, which is also the operator's. */
class Place {
  private constructor(
    private readonly cluster: TestCluster,
    readonly namespace: string,
  ) {}

  static async on(cluster: TestCluster): Promise<Place> {
    return new Place(cluster, await cluster.createNamespace('secret'));
  }

  keyOf(name: string): string {
    return `Secret/${this.namespace}/${name}`;
  }

  /** Creates or replaces it. */
  async put(name: string, { data = {}, ...body }: Body): Promise<void> {
    const secrets = `/api/v1/namespaces/${this.namespace}/secrets`;
    const whole = { ...body, data: encoded(data), metadata: { ...body.metadata, name } };
    const replaced = await this.cluster.request('PUT', `${secrets}/${name}`, whole);
    const answer = replaced.status === 404 ? await this.cluster.request('POST', secrets, whole) : replaced;
    if (answer.status > 201) throw new Error(`${name}: ${answer.status} ${answer.text}`);
  }

  /** A service account's token, of an account that exists. */
  async token(name: string): Promise<void> {
    await this.cluster.serviceAccountToken(this.namespace, 'holder');
    const annotations = { 'kubernetes.io/service-account.name': 'holder' };
    await this.put(name, { type: TOKEN, metadata: { annotations } });
  }

  async remove(name: string): Promise<void> {
    const answer = await this.cluster.request('DELETE', `/api/v1/namespaces/${this.namespace}/secrets/${name}`);
    if (answer.status !== 200) throw new Error(`${name}: ${answer.status} ${answer.text}`);
  }

  listen(kube: KubeClient, config: object, digestKey = digestKeyProvider(kube, this.namespace)): SecretListener {
    const context = fakeContext({ rule: { namespace: this.namespace } });
    return new SecretListener(new SecretSource(kube, digestKey).open(configOf(secret, config) as never, context));
  }
}

/** Hears of other Secrets than the digest key, which lies in the same namespace here. */
class SecretListener extends SourceListener {
  override get presents(): PresentEvent[] {
    return super.presents.filter(({ key }) => !key.endsWith('/kube-trigger-digest-key'));
  }
}

/** The contract suite's world on a real API. */
async function worldOn(cluster: TestCluster): Promise<SourceWorld> {
  const place = await Place.on(cluster);
  const kube = clientOf(cluster);
  await place.put('tls', { data: { key: 'the first value' } });
  let step = 0;
  const texts = ['the first value', 'changed value'];
  return {
    config: {},
    context: fakeContext({ rule: { namespace: place.namespace } }),
    register: (container) => {
      container.register(KubeClientToken, { useValue: kube });
      container.register(DigestKeyToken, { useValue: digestKeyProvider(kube, place.namespace) });
    },
    held: () => kube.stats().watches.length,
    contents: texts.flatMap((text) => [text, Buffer.from(text).toString('base64').slice(0, 16)]),
    change: () => place.put('tls', { data: { key: `changed value ${(step += 1)}` } }),
    dispose: () => kube.close(),
  };
}
