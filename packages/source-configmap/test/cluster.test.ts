import type { PresentEvent } from '@kube-trigger/core';
import { createKubeClient, type KubeClient, KubeClientToken, staticAuth } from '@kube-trigger/kube';
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
import configMap, { ConfigMapSource } from '../src/index.js';

describeOnClusters('configMap', (start, kind) => {
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

  describeSourceContract(`configMap on ${kind}`, { plugin: configMap, world: () => worldOn(cluster) });

  it('sees writes of data, and none of labels, annotations or equal data', async () => {
    const place = await Place.on(cluster);
    await place.put('cm', { data: { a: '1' }, binaryData: { b: 'AAEC' } });
    using heard = place.listen(kube, { name: 'cm' });
    const [first] = await heard.until('synced');
    expect(Object.keys((first as PresentEvent).parts ?? {})).toEqual(['a', 'b']);

    await place.put('cm', { data: { a: '1' }, binaryData: { b: 'AAEC' }, metadata: { labels: { x: 'y' } } });
    await place.put('cm', { data: { a: '1' }, binaryData: { b: 'AAEC' }, metadata: { annotations: { x: 'y' } } });
    await place.put('cm', { data: { a: '2' }, binaryData: { b: 'AAEC' } });
    await eventually(() => heard.revisions.length === 2, { because: 'one new revision' });
    await place.put('cm', { data: { a: '1' }, binaryData: { b: 'AAEC' } });
    await eventually(() => heard.presents.at(-1)?.revision === (first as PresentEvent).revision);
    expect(heard.revisions).toHaveLength(2);
  });

  it('sees that the same bytes moved to binaryData as no change', async () => {
    const place = await Place.on(cluster);
    await place.put('cm', { data: { a: 'grüße' } });
    using heard = place.listen(kube, {});
    await heard.until('synced');
    await place.put('cm', { binaryData: { a: Buffer.from('grüße').toString('base64') } });
    await place.put('marker', { data: {} });
    await eventually(() => heard.presents.some(({ key }) => key === place.keyOf('marker')));
    expect(new Set(heard.of(place.keyOf('cm')).map(({ revision }) => revision)).size).toBe(1);
  });

  it('sees deletion, and creation with equal data as the same state', async () => {
    const place = await Place.on(cluster);
    using heard = place.listen(kube, { name: 'cm' });
    await heard.until('degraded');
    await place.put('cm', { data: { a: '1' } });
    await eventually(() => heard.said.join() === 'synced,degraded,present,synced');
    await place.remove('cm');
    await eventually(() => heard.said.slice(4).join() === 'absent,degraded');
    await place.put('cm', { data: { a: '1' } });
    await eventually(() => heard.said.slice(6).join() === 'present,synced');
    expect(heard.revisions).toHaveLength(1);
  });

  it.each([
    [{ matchLabels: { app: 'web' } }, ['web']],
    [{ matchLabels: { 'example.com/tier': '' } }, ['db']],
    [{ matchExpressions: [{ key: 'app', operator: 'In', values: ['web', 'db'] }] }, ['db', 'web']],
    [{ matchExpressions: [{ key: 'app', operator: 'NotIn', values: ['web', 'x'] }] }, ['db', 'none']],
    [{ matchExpressions: [{ key: 'app', operator: 'NotIn', values: ['web'] }] }, ['db', 'none']],
    [{ matchExpressions: [{ key: 'app', operator: 'Exists' }] }, ['db', 'web']],
    [{ matchExpressions: [{ key: 'app', operator: 'DoesNotExist' }] }, ['none']],
    [{ matchLabels: { app: 'db' }, matchExpressions: [{ key: 'x', operator: 'DoesNotExist' }] }, ['db']],
  ])('sees what the API server selects by %j', async (selector, names) => {
    const place = await Place.on(cluster);
    await place.put('web', { metadata: { labels: { app: 'web' } } });
    await place.put('db', { metadata: { labels: { app: 'db', 'example.com/tier': '' } } });
    await place.put('none', { metadata: { labels: { mark: 'ours' } } });
    using heard = place.listen(kube, { selector });
    await heard.until('synced');
    // Newer clusters put kube-root-ca.crt into every namespace.
    const ours = heard.presents.map(({ key }) => key).filter((key) => !key.endsWith('/kube-root-ca.crt'));
    expect(ours.toSorted()).toEqual(names.map((name) => place.keyOf(name)));
  });

  it('shares one watch among rules with different globs', async () => {
    const place = await Place.on(cluster);
    await place.put('cm', { data: { 'a.conf': '1', b: '2' } });
    const own = clientOf(cluster);
    {
      using one = place.listen(own, { keys: { include: ['*.conf'] } });
      using two = place.listen(own, { keys: { exclude: ['*.conf'] } });
      await Promise.all([one.until('synced'), two.until('synced')]);
      expect(own.stats().watches.map(({ subscribers }) => subscribers)).toEqual([2]);
      expect(
        [one.of(place.keyOf('cm'))[0]?.parts, two.of(place.keyOf('cm'))[0]?.parts].map((parts) =>
          Object.keys(parts ?? {}),
        ),
      ).toEqual([['a.conf'], ['b']]);
    }
    await own.close();
  });

  it('says what RBAC denies, and heals when it is granted', async () => {
    const place = await Place.on(cluster);
    await place.put('cm', { data: {} });
    const token = await cluster.serviceAccountToken(place.namespace, 'restricted');
    const restricted = createKubeClient({
      auth: staticAuth({ server: cluster.url, ca: cluster.ca, token }),
      logger: new RecordingLogger(),
      timings: { forbiddenRetryMs: [200, 400] },
    });
    {
      using heard = place.listen(restricted, { name: 'cm' });
      await heard.until('degraded');
      expect(heard.errors).toEqual(['KT_KUBE_FORBIDDEN']);
      // Exactly the declared rules, narrowed to the one name: more is not needed.
      await cluster.grant(place.namespace, 'restricted', [{ ...configMap.rbac[0], resourceNames: ['cm'] }]);
      await heard.until('synced');
      expect(heard.presents.map(({ key }) => key)).toEqual([place.keyOf('cm')]);
    }
    await restricted.close();
  });
});

function clientOf(cluster: TestCluster): KubeClient {
  const auth = staticAuth({ server: cluster.url, ca: cluster.ca, token: cluster.token });
  return createKubeClient({ auth, logger: new RecordingLogger() });
}

/** A namespace of its own. */
class Place {
  private constructor(
    private readonly cluster: TestCluster,
    readonly namespace: string,
  ) {}

  static async on(cluster: TestCluster): Promise<Place> {
    return new Place(cluster, await cluster.createNamespace('configmap'));
  }

  keyOf(name: string): string {
    return `ConfigMap/${this.namespace}/${name}`;
  }

  /** Creates or replaces it. */
  async put(name: string, body: { metadata?: object; data?: object; binaryData?: object }): Promise<void> {
    const configMaps = `/api/v1/namespaces/${this.namespace}/configmaps`;
    const whole = { ...body, metadata: { ...body.metadata, name } };
    const replaced = await this.cluster.request('PUT', `${configMaps}/${name}`, whole);
    const answer = replaced.status === 404 ? await this.cluster.request('POST', configMaps, whole) : replaced;
    if (answer.status > 201) throw new Error(`${name}: ${answer.status} ${answer.text}`);
  }

  async remove(name: string): Promise<void> {
    const answer = await this.cluster.request('DELETE', `/api/v1/namespaces/${this.namespace}/configmaps/${name}`);
    if (answer.status !== 200) throw new Error(`${name}: ${answer.status} ${answer.text}`);
  }

  listen(kube: KubeClient, config: object): SourceListener {
    const context = fakeContext({ rule: { namespace: this.namespace } });
    return new SourceListener(new ConfigMapSource(kube).open(configOf(configMap, config) as never, context));
  }
}

/** The contract suite's world on a real API. */
async function worldOn(cluster: TestCluster): Promise<SourceWorld> {
  const place = await Place.on(cluster);
  const kube = clientOf(cluster);
  await place.put('cm', { data: { key: 'the first value' } });
  let step = 0;
  return {
    config: {},
    context: fakeContext({ rule: { namespace: place.namespace } }),
    register: (container) => container.register(KubeClientToken, { useValue: kube }),
    held: () => kube.stats().watches.length,
    contents: ['the first value', 'changed value'],
    change: () => place.put('cm', { data: { key: `changed value ${(step += 1)}` } }),
    dispose: () => kube.close(),
  };
}
