import { type PresentEvent, type SourceEvent, TriggerError } from '@kube-trigger/core';
import { apiVersionOf, type Resource, WELL_KNOWN } from '@kube-trigger/kube';
import { eventually } from '@kube-trigger/testing';
import { configOf, fakeContext, fakeEvent, RecordingKubeClient } from '@kube-trigger/testing/contracts';
import { beforeEach, describe, expect, it } from 'vitest';
import { CAUSE_ANNOTATION, revisionAnnotation } from '../../action-rollout/src/index.js';
import resource, { type ResourceConfig, ResourceSource } from '../src/index.js';
import { DEPLOYMENT, Deployment } from './world.js';

const WIDGET: Resource = { group: 'example.com', version: 'v1', plural: 'widgets', kind: 'Widget', namespaced: true };
const GADGET: Resource = { ...WIDGET, plural: 'gadgets', kind: 'Gadget', namespaced: false };

/** A client of a cluster that may have custom kinds. */
class ClusterWithKinds extends RecordingKubeClient {
  readonly kinds: Resource[] = [];
  asked = 0;

  override resourceFor(type: { readonly apiVersion?: string; readonly kind: string }): Promise<Resource> {
    this.asked += 1;
    const found = this.kinds.find(({ kind }) => kind === type.kind);
    return found !== undefined && apiVersionOf(found) === type.apiVersion
      ? Promise.resolve(found)
      : super.resourceFor(type);
  }
}

let kube: ClusterWithKinds;
let source: ResourceSource;
let context: ReturnType<typeof fakeContext>;
beforeEach(() => {
  kube = new ClusterWithKinds();
  source = new ResourceSource(kube);
  context = fakeContext();
});

const config = (written: object) => configOf(resource, { ...DEPLOYMENT, ...written }) as ResourceConfig;

/** What is said from the subscription on, once something is; the array grows. */
async function listen(written: object = {}): Promise<SourceEvent[]> {
  const events: SourceEvent[] = [];
  source.open(config(written), context).subscribe((event) => events.push(event));
  await eventually(() => events.length > 0);
  return events;
}

const said = (events: readonly SourceEvent[]) =>
  events.map((event) => ('key' in event ? `${event.change} ${event.key}` : event.change));

const errorOf = (event: SourceEvent | undefined) => (event?.change === 'degraded' ? event.error : undefined);

/** Writes a Deployment and returns what is said of it. */
async function states(written: object = {}) {
  const events = await listen({ name: 'web', ...written });
  return (body: { readonly metadata?: object } & Readonly<Record<string, unknown>>) => {
    const metadata = { ...body.metadata, name: 'web', namespace: 'shop' };
    kube.objects.put(Deployment, { ...body, metadata });
    return events.findLast((event) => event.change === 'present') as PresentEvent;
  };
}

describe('by default the state of an object', () => {
  it('has a digest per field at the top, of labels and of annotations', async () => {
    const state = await states();
    const metadata = { labels: { a: '1' }, annotations: { b: '2' }, finalizers: ['example.com/x'] };
    const event = state({ apiVersion: 'apps/v1', kind: 'Deployment', metadata, spec: {}, data: {}, status: {} });
    expect(Object.keys(event.parts ?? {}).toSorted()).toEqual([
      'data',
      'metadata.annotations',
      'metadata.labels',
      'spec',
    ]);
    expect(event).toMatchObject({ key: 'Deployment/shop/web', data: { namespace: 'shop', name: 'web' } });
    expect(event.revision).toMatch(/^[-_A-Za-z0-9]{22}$/);
  });

  it('does not change with what the server writes', async () => {
    const state = await states();
    const first = state({ spec: { replicas: 1 } }).revision;
    const same = [
      state({ spec: { replicas: 1 }, status: { readyReplicas: 1 } }),
      state({ spec: { replicas: 1 }, apiVersion: 'apps/v1', kind: 'Deployment' }),
      state({
        spec: { replicas: 1 },
        metadata: {
          generation: 7,
          managedFields: [{}],
          creationTimestamp: '2026-01-01T00:00:00Z',
          deletionTimestamp: '2026-01-01T00:00:00Z',
          deletionGracePeriodSeconds: 0,
          selfLink: '/x',
          finalizers: ['foregroundDeletion'],
          ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: 'a', uid: 'u' }],
        },
      }),
    ];
    expect(same.map(({ revision }) => revision)).toEqual([first, first, first]);
  });

  it('does not change with the order of fields, and does with the order of a list', async () => {
    const state = await states();
    const first = state({ spec: { a: 1, b: { c: [1, 2], d: null } } }).revision;
    expect(state({ spec: { b: { d: null, c: [1, 2] }, a: 1 } }).revision).toBe(first);
    expect(state({ spec: { a: 1, b: { c: [2, 1], d: null } } }).revision).not.toBe(first);
  });

  it('changes with every other value', async () => {
    const state = await states();
    const bodies = [
      { spec: { a: 1 } },
      { spec: { a: '1' } },
      { spec: { a: true } },
      { spec: { a: null } },
      { spec: { a: [] } },
      { spec: { a: {} } },
      { spec: { a: [1] } },
      { spec: { a: ['1'] } },
      { spec: { b: 1 } },
      { spec: {} },
      { other: {} },
      {},
      { metadata: { labels: { a: '1' } } },
      { metadata: { annotations: { a: '1' } } },
    ];
    expect(new Set(bodies.map((body) => state(body).revision)).size).toBe(bodies.length);
  });

  it('is pinned: another digest format must raise revisionFormat', async () => {
    const state = await states();
    expect(state({ spec: { b: [true, null], a: 'x' } })).toMatchObject(PINNED);
    expect(resource.revisionFormat).toBe(1);
  });

  it('does not change with annotations that only keep books, also of the pod template', async () => {
    const state = await states();
    const own = { [revisionAnnotation(context.rule)]: 'r', [CAUSE_ANNOTATION]: 'c' };
    const book = { 'kubectl.kubernetes.io/last-applied-configuration': '{}', 'deployment.kubernetes.io/revision': '2' };
    const of = (annotations: object | undefined, template: object | undefined) =>
      state({
        metadata: { annotations },
        spec: { template: { metadata: { labels: { a: 'b' }, annotations: template } } },
      }).revision;
    const first = of(undefined, undefined);
    expect([of(book, own), of({}, {}), of({ ...own, ...book }, book)]).toEqual([first, first, first]);
    expect(of(undefined, { 'kubectl.kubernetes.io/restartedAt': 'now' })).not.toBe(first);
    expect(of({ mine: 'x' }, undefined)).not.toBe(first);
  });
});

/** Made with openssl: base64url of SHA-256 of `{"a":"x","b":[true,null]}`, cut to 12; the revision over `spec NUL digest LF`, cut to 22. */
const PINNED = { revision: 'Odl6DJrwovZhnD8Mofu85U', parts: { spec: '2ewr7o5ib7Mx' } };

describe('fields', () => {
  it('are the parts; one that is not there is none', async () => {
    const state = await states({
      fields: ['spec["template"]', 'metadata.labels["a.b/c"]', 'status.phase', 'spec.none'],
    });
    const body = { spec: { template: { x: 1 }, replicas: 1 }, status: { phase: 'Ready' } };
    const event = state({ ...body, metadata: { labels: { 'a.b/c': 'd', other: 'x' } } });
    expect(Object.keys(event.parts ?? {})).toEqual(['spec.template', 'metadata.labels["a.b/c"]', 'status.phase']);
  });

  it('that are not chosen change nothing', async () => {
    const state = await states({ fields: ['spec.template'] });
    const first = state({ spec: { template: { x: 1 }, replicas: 1 } }).revision;
    expect(state({ spec: { template: { x: 1 }, replicas: 2 }, metadata: { labels: { a: 'b' } } }).revision).toBe(first);
    expect(state({ spec: { template: { x: 2 }, replicas: 2 } }).revision).not.toBe(first);
    expect(state({}).revision).not.toBe(first);
  });

  it('in another order or written otherwise share one watch', async () => {
    const projections: string[] = [];
    const watch = kube.watch.bind(kube);
    kube.watch = (scope) => {
      projections.push(scope.project.id);
      return watch(scope);
    };
    await listen({ fields: ['spec', 'data["x"]'] });
    await listen({ fields: ['data.x', 'spec', 'spec'] });
    await listen({ fields: ['spec'] });
    await listen();
    expect(projections).toEqual([
      'resource/1/["data.x","spec"]',
      'resource/1/["data.x","spec"]',
      'resource/1/["spec"]',
      'resource/1',
    ]);
  });
});

describe('a kind that is not installed yet', () => {
  const widgets = { apiVersion: 'example.com/v1', kind: 'Widget' };

  it('is waited for: said once, looked for again, and seen when it comes', async () => {
    const events = await listen(widgets);
    expect([said(events), errorOf(events[0])?.code]).toEqual([['degraded'], 'KT_KUBE_UNKNOWN_KIND']);
    await context.scheduler.advance(60_000);
    expect(kube.asked).toBe(7);
    expect(said(events)).toEqual(['degraded']);
    kube.kinds.push(WIDGET);
    kube.objects.put(WIDGET, { metadata: { name: 'w', namespace: 'shop' } });
    await context.scheduler.advance(10_000);
    expect(said(events)).toEqual(['degraded', 'present Widget/shop/w', 'synced']);
    expect(context.scheduler.pending).toBe(0);
  });

  it('is not taken for one without objects: nothing is said to be complete', async () => {
    const events = await listen({ ...widgets, name: 'w' });
    await context.scheduler.advance(60_000);
    expect(said(events)).not.toContain('synced');
  });

  it('is no longer waited for after unsubscribe', async () => {
    const events: SourceEvent[] = [];
    const subscription = source.open(config(widgets), context).subscribe((event) => events.push(event));
    await eventually(() => events.length > 0);
    subscription.unsubscribe();
    expect(context.scheduler.pending).toBe(0);
    expect(kube.held).toBe(0);
  });

  it('is said anew when the reason is another one', async () => {
    const events = await listen(widgets);
    kube.resourceFor = () => Promise.reject(new TriggerError('KT_KUBE_UNREACHABLE', 'gone'));
    await context.scheduler.advance(30_000);
    expect(events.map((event) => errorOf(event)?.code)).toEqual(['KT_KUBE_UNKNOWN_KIND', 'KT_KUBE_UNREACHABLE']);
  });
});

describe('a cluster-scoped kind', () => {
  const gadgets = { apiVersion: 'example.com/v1', kind: 'Gadget' };
  beforeEach(() => {
    kube.kinds.push(GADGET);
    kube.objects.put(GADGET, { metadata: { name: 'g' } });
  });

  it('is watched without a namespace', async () => {
    expect(said(await listen(gadgets))).toEqual(['present Gadget/g', 'synced']);
    expect(said(await listen({ ...gadgets, name: 'g' }))).toEqual(['present Gadget/g', 'synced']);
  });

  it('refuses one, with the fix', async () => {
    const [event] = await listen({ ...gadgets, namespace: 'shop' });
    expect([errorOf(event)?.code, errorOf(event)?.explanation]).toEqual([
      'KT_RESOURCE_NAMESPACE',
      'Gadget (example.com/v1) is cluster-scoped, it has no namespace. Remove namespace ("shop") from this source',
    ]);
    expect(kube.held).toBe(0);
  });
});

describe('which objects', () => {
  it('is the named one, of another namespace when told so', async () => {
    kube.objects.put(Deployment, { metadata: { name: 'web', namespace: 'other' } });
    expect(said(await listen({ name: 'web', namespace: 'other' }))).toEqual(['present Deployment/other/web', 'synced']);
  });

  it('that does not exist is said with the fix', async () => {
    const events = await listen({ name: 'web' });
    expect(said(events)).toEqual(['synced', 'degraded']);
    expect([errorOf(events[1])?.code, errorOf(events[1])?.explanation]).toEqual([
      'KT_RESOURCE_NOT_FOUND',
      'Deployment shop/web does not exist. Create it, or correct name and namespace of this source in spec.sources; the rule waits for it',
    ]);
  });

  it('may be ConfigMaps too', async () => {
    kube.objects.put(WELL_KNOWN.ConfigMap, { metadata: { name: 'cm', namespace: 'shop' } });
    expect(said(await listen({ apiVersion: 'v1', kind: 'ConfigMap' }))).toEqual([
      'present ConfigMap/shop/cm',
      'synced',
    ]);
  });
});

it('drops changes that on does not list', () => {
  const decide = (change: 'deleted' | 'updated') => source.decide(config({}), fakeEvent({ change }) as never);
  expect([decide('updated'), decide('deleted')]).toEqual([
    { pass: true },
    { drop: 'a deletion; on lists created, updated' },
  ]);
});
