import { randomBytes } from 'node:crypto';
import type { PresentEvent } from '@kube-trigger/core';
import { createKubeClient, type KubeClient, KubeClientToken, staticAuth } from '@kube-trigger/kube';
import { describeOnClusters, eventually, installCrd, type TestCluster } from '@kube-trigger/testing';
import {
  configOf,
  describeSourceContract,
  type FakeContext,
  fakeContext,
  RecordingLogger,
  SourceListener,
  type SourceWorld,
} from '@kube-trigger/testing/contracts';
import { afterAll, beforeAll, expect, it } from 'vitest';
import resource, { ResourceSource } from '../src/index.js';

describeOnClusters('resource', (start, kind) => {
  let cluster: TestCluster;
  let kube: KubeClient;
  let group: string;
  beforeAll(async () => {
    cluster = await start();
    kube = clientOf(cluster);
    group = groupName();
    await installCrd(cluster.client, definition(group, 'Namespaced'));
  });
  afterAll(async () => {
    await kube.close();
    await cluster.client.request('DELETE', `${DEFINITIONS}/widgets.${group}`);
    await cluster.stop();
  });

  const widgets = (written: object = {}) => ({ apiVersion: `${group}/v1`, kind: 'Widget', ...written });

  describeSourceContract(`resource on ${kind}`, {
    plugin: resource,
    world: () => worldOn(cluster, group),
  });

  it('sees the wanted state of custom objects, and neither their status nor metadata about their life', async () => {
    const place = await Place.on(cluster, group);
    await place.put('w', { spec: { size: 1 } });
    using heard = place.listen(kube, widgets({ name: 'w' }));
    const [first] = await heard.until('synced');
    expect(Object.keys((first as PresentEvent).parts ?? {})).toEqual(['spec']);

    await place.put('w', { spec: { size: 1 }, metadata: { finalizers: ['example.com/hold'] } });
    await place.status('w', { phase: 'Ready' });
    await place.put('w', { spec: { size: 1 } });
    await place.put('w', { spec: { size: 2 } });
    await eventually(() => heard.revisions.length === 2, { because: 'one new revision' });
    await place.put('w', { spec: { size: 1 }, metadata: { labels: { a: 'b' } } });
    await eventually(() => heard.revisions.length === 3, { because: 'labels count' });
    expect(heard.presents.at(-1)?.parts).toMatchObject((first as PresentEvent).parts ?? {});
    expect(heard.revisions).toHaveLength(3);
  });

  it('sees the chosen fields only, status among them', async () => {
    const place = await Place.on(cluster, group);
    await place.put('w', { spec: { size: 1, text: 'a' } });
    using heard = place.listen(kube, widgets({ fields: ['spec.size', 'status.phase'] }));
    await heard.until('synced');
    await place.put('w', { spec: { size: 1, text: 'b' }, metadata: { labels: { a: 'b' } } });
    await place.status('w', { phase: 'Ready' });
    await eventually(() => heard.revisions.length === 2, { because: 'the status counts' });
    expect(heard.presents.map(({ parts }) => Object.keys(parts ?? {})).at(-1)).toEqual(['spec.size', 'status.phase']);
  });

  it('names a state alike from a list and from a watch', async () => {
    const place = await Place.on(cluster, group);
    const deployments = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' };
    using early = place.listen(kube, deployments);
    await early.until('degraded');
    await place.deploy('web');
    await eventually(() => early.presents.length > 0);
    const own = clientOf(cluster);
    {
      using late = place.listen(own, deployments);
      await late.until('synced');
      expect(late.revisions).toEqual(early.revisions);
      expect(Object.keys(late.presents[0]?.parts ?? {})).toEqual(['spec']);
    }
    await own.close();
  });

  it('sees deletion, and creation with an equal state as the same', async () => {
    const place = await Place.on(cluster, group);
    using heard = place.listen(kube, widgets({ name: 'w' }));
    await heard.until('degraded');
    expect(heard.errors).toEqual(['KT_RESOURCE_NOT_FOUND']);
    await place.put('w', { spec: { size: 1 } });
    await eventually(() => heard.said.join() === 'synced,degraded,present,synced');
    await place.remove('w');
    await eventually(() => heard.said.slice(4).join() === 'absent,degraded');
    await place.put('w', { spec: { size: 1 } });
    await eventually(() => heard.said.slice(6).join() === 'present,synced');
    expect(heard.revisions).toHaveLength(1);
  });

  it('waits for a kind, sees it when it is installed, and one that is cluster-scoped without a namespace', async () => {
    const place = await Place.on(cluster, group);
    const later = groupName();
    const clock = { aheadMs: 0 };
    const own = clientOf(cluster, () => performance.now() + clock.aheadMs);
    {
      const contexts = [place.context(), place.context()];
      const widget = { apiVersion: `${later}/v1`, kind: 'Widget' };
      using heard = place.listen(own, { ...widget, name: 'w' }, contexts[0]);
      using misplaced = place.listen(own, { ...widget, namespace: place.namespace }, contexts[1]);
      await heard.until('degraded');
      expect(heard.errors).toEqual(['KT_KUBE_UNKNOWN_KIND']);
      await installCrd(cluster.client, definition(later, 'Cluster'));
      await cluster.request('POST', `/apis/${later}/v1/widgets`, {
        apiVersion: `${later}/v1`,
        kind: 'Widget',
        metadata: { name: 'w' },
        spec: { size: 1 },
      });
      // Discovery believes a miss for 10 s.
      clock.aheadMs = 20_000;
      await Promise.all(contexts.map(({ scheduler }) => scheduler.advance(20_000)));
      await heard.until('synced');
      expect(heard.presents.map(({ key }) => key)).toEqual(['Widget/w']);
      await eventually(() => misplaced.errors.join() === 'KT_KUBE_UNKNOWN_KIND,KT_RESOURCE_NAMESPACE');
    }
    await own.close();
    await cluster.client.request('DELETE', `${DEFINITIONS}/widgets.${later}`);
  });

  it('says what RBAC denies, and heals when it is granted', async () => {
    const place = await Place.on(cluster, group);
    await place.put('w', { spec: { size: 1 } });
    const token = await cluster.serviceAccountToken(place.namespace, 'restricted');
    const restricted = createKubeClient({
      auth: staticAuth({ server: cluster.url, ca: cluster.ca, token }),
      logger: new RecordingLogger(),
      timings: { forbiddenRetryMs: [200, 400] },
    });
    {
      using heard = place.listen(restricted, widgets({ name: 'w' }));
      await heard.until('degraded');
      expect(heard.errors).toEqual(['KT_KUBE_FORBIDDEN']);
      await cluster.grant(place.namespace, 'restricted', [
        { apiGroups: [group], resources: ['widgets'], verbs: ['get', 'list', 'watch'], resourceNames: ['w'] },
      ]);
      await heard.until('synced');
      expect(heard.presents.map(({ key }) => key)).toEqual([`Widget/${place.namespace}/w`]);
    }
    await restricted.close();
  });
});

const DEFINITIONS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';

/** Of one test file's own: the real API server is shared. */
function groupName(): string {
  return `r${randomBytes(4).toString('hex')}.example.com`;
}

function definition(group: string, scope: 'Namespaced' | 'Cluster') {
  const free = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `widgets.${group}` },
    spec: {
      group,
      scope,
      names: { plural: 'widgets', singular: 'widget', kind: 'Widget', listKind: 'WidgetList' },
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          subresources: { status: {} },
          schema: { openAPIV3Schema: { type: 'object', properties: { spec: free, status: free } } },
        },
      ],
    },
  };
}

function clientOf(cluster: TestCluster, monotonicMs?: () => number): KubeClient {
  const auth = staticAuth({ server: cluster.url, ca: cluster.ca, token: cluster.token });
  return createKubeClient({ auth, logger: new RecordingLogger(), monotonicMs });
}

interface Body {
  readonly metadata?: object;
  readonly spec: object;
}

/** A namespace of its own. */
class Place {
  private constructor(
    private readonly cluster: TestCluster,
    private readonly group: string,
    readonly namespace: string,
  ) {}

  static async on(cluster: TestCluster, group: string): Promise<Place> {
    return new Place(cluster, group, await cluster.createNamespace('resource'));
  }

  /** Creates a widget or merges into it. */
  async put(name: string, body: Body): Promise<void> {
    const metadata = { finalizers: null, ...body.metadata, name };
    const whole = { apiVersion: `${this.group}/v1`, kind: 'Widget', ...body, metadata };
    const patched = await this.#patch(name, whole);
    if (patched.status === 404) this.#passed(await this.cluster.request('POST', this.#widgets, whole));
    else this.#passed(patched);
  }

  async status(name: string, status: object): Promise<void> {
    this.#passed(await this.#patch(`${name}/status`, { status }));
  }

  async deploy(name: string): Promise<void> {
    const labels = { app: name };
    const template = { metadata: { labels }, spec: { containers: [{ name: 'c', image: 'none.example.com/none' }] } };
    const spec = { replicas: 0, selector: { matchLabels: labels }, template };
    const path = `/apis/apps/v1/namespaces/${this.namespace}/deployments`;
    this.#passed(await this.cluster.request('POST', path, { metadata: { name }, spec }));
  }

  async remove(name: string): Promise<void> {
    this.#passed(await this.cluster.request('DELETE', `${this.#widgets}/${name}`));
  }

  context(): FakeContext {
    return fakeContext({ rule: { namespace: this.namespace } });
  }

  listen(kube: KubeClient, config: object, context = this.context()): SourceListener {
    return new SourceListener(new ResourceSource(kube).open(configOf(resource, config) as never, context));
  }

  get #widgets(): string {
    return `/apis/${this.group}/v1/namespaces/${this.namespace}/widgets`;
  }

  #patch(path: string, body: object) {
    const headers = { 'content-type': 'application/merge-patch+json' };
    return this.cluster.request('PATCH', `${this.#widgets}/${path}`, body, headers);
  }

  #passed({ status, text }: { readonly status: number; readonly text: string }): void {
    if (status > 201) throw new Error(`${status} ${text}`);
  }
}

/** The contract suite's world on a real API. */
async function worldOn(cluster: TestCluster, group: string): Promise<SourceWorld> {
  const place = await Place.on(cluster, group);
  const kube = clientOf(cluster);
  await place.put('w', { spec: { text: 'the first value' } });
  let step = 0;
  return {
    config: { apiVersion: `${group}/v1`, kind: 'Widget' },
    context: place.context(),
    register: (container) => container.register(KubeClientToken, { useValue: kube }),
    held: () => kube.stats().watches.length,
    contents: ['the first value', 'changed value'],
    change: () => place.put('w', { spec: { text: `changed value ${(step += 1)}` } }),
    dispose: () => kube.close(),
  };
}
