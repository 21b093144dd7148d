import type { SourceEvent } from '@kube-trigger/core';
import { RecordingKubeClient } from '@kube-trigger/testing/contracts';
import { expect, it } from 'vitest';
import { decideOn, filterParts, observeObjects, type ObjectView, revisionOf, WELL_KNOWN } from '../../src/index.js';

const { Namespace, Pod } = WELL_KNOWN;

const LABELS: ObjectView<Readonly<Record<string, string>>> = {
  resource: Pod,
  choice: {},
  defaultNamespace: 'shop',
  project: { id: 'labels', of: ({ metadata }) => metadata.labels ?? {} },
  partsOf: (labels) => labels,
  recall: () => undefined,
  notFoundCode: 'KT_TEST_NOT_FOUND',
};

function listen(kube: RecordingKubeClient, view: Partial<typeof LABELS>): SourceEvent[] {
  const events: SourceEvent[] = [];
  observeObjects(kube, { ...LABELS, ...view }).subscribe((event) => events.push(event));
  return events;
}

const said = (events: readonly SourceEvent[]) =>
  events.map((event) => ('key' in event ? `${event.change} ${event.key}` : event.change));

it('keys cluster-scoped objects by kind and name, and looks for them in no namespace', () => {
  const kube = new RecordingKubeClient();
  kube.objects.put(Namespace, { metadata: { name: 'shop' } });
  const events = listen(kube, { resource: Namespace, choice: { name: 'shop' } });
  expect(said(events)).toEqual(['present Namespace/shop', 'synced']);
  expect(events[0]).toMatchObject({ data: { namespace: '', name: 'shop' } });
  expect(kube.requests[0]).toMatchObject({ namespace: undefined, name: 'shop' });
});

it('names a missing cluster-scoped object without a namespace', () => {
  const [, event] = listen(new RecordingKubeClient(), { resource: Namespace, choice: { name: 'shop' } });
  expect(event?.change === 'degraded' && event.error.explanation).toBe(
    'Namespace shop does not exist. Create it, or correct the name of this source in spec.sources; the rule waits for it',
  );
});

it('says nothing of objects that do not count', () => {
  const kube = new RecordingKubeClient();
  const put = (name: string, labels: Record<string, string>) =>
    kube.objects.put(Pod, { metadata: { name, namespace: 'shop', labels } });
  put('counts', { app: 'web' });
  put('other', { hidden: 'yes' });
  const events = listen(kube, { partsOf: (labels) => ('hidden' in labels ? undefined : labels) });
  put('another', { hidden: 'yes' });
  expect(said(events)).toEqual(['present Pod/shop/counts', 'synced']);
});

it('asks nothing before it is subscribed', () => {
  const kube = new RecordingKubeClient();
  observeObjects(kube, LABELS);
  expect(kube.requests).toEqual([]);
});

it('names a set of parts whatever their order, and no two sets alike', () => {
  const sets = [{}, { a: '1' }, { a: '2' }, { b: '1' }, { a: '1', b: '2' }, { a1: '' }, { a: '1b' }, { ab: '1' }];
  expect(new Set(sets.map((parts) => revisionOf(parts as Record<string, string>))).size).toBe(sets.length);
  expect(revisionOf({ b: '2', a: '1' })).toBe(revisionOf({ a: '1', b: '2' }));
});

it('filters parts by name', () => {
  const parts = { a: '1', b: '2' };
  expect(filterParts(parts, undefined)).toBe(parts);
  expect(filterParts(parts, (name) => name === 'b')).toEqual({ b: '2' });
});

it('lets occurrences pass whatever `on` lists', () => {
  expect(decideOn([], { change: 'occurred' })).toEqual({ pass: true });
});
