import type { PresentEvent, SourceEvent, TriggerEvent } from '@kube-trigger/core';
import { TriggerError } from '@kube-trigger/core';
import { configOf, fakeContext, fakeEvent, RecordingKubeClient } from '@kube-trigger/testing/contracts';
import { beforeEach, describe, expect, it } from 'vitest';
import configMap, { type ConfigMapConfig, ConfigMapSource } from '../src/index.js';
import { ConfigMap, putConfigMap, removeConfigMap } from './world.js';

let kube: RecordingKubeClient;
let source: ConfigMapSource;
beforeEach(() => {
  kube = new RecordingKubeClient();
  source = new ConfigMapSource(kube);
});

const config = (written: object) => configOf(configMap, written) as ConfigMapConfig;

/** What is said from now on; the array grows. */
function listen(written: object): SourceEvent[] {
  const events: SourceEvent[] = [];
  source.open(config(written), fakeContext()).subscribe((event) => events.push(event));
  return events;
}

const said = (events: readonly SourceEvent[]) =>
  events.map((event) => ('key' in event ? `${event.change} ${event.key}` : event.change));

const last = (events: readonly SourceEvent[]) => events.at(-1) as PresentEvent;

/** Writes contents and returns the revision that is said of them. */
const states = (written: object = {}) => {
  const events = listen(written);
  return (contents: Parameters<typeof putConfigMap>[2]) => {
    putConfigMap(kube, 'cm', contents);
    return last(events).revision;
  };
};

const notFound = (event: SourceEvent | undefined) => (event?.change === 'degraded' ? event.error : undefined);

const decide = (on: readonly string[], change: TriggerEvent['change']) =>
  source.decide(config(on.length === 0 ? {} : { on }), fakeEvent({ change }) as never);

describe('which ConfigMaps', () => {
  beforeEach(() => {
    putConfigMap(kube, 'a', { labels: { app: 'web', tier: 'front' } });
    putConfigMap(kube, 'b', { labels: { app: 'db' } });
    putConfigMap(kube, 'c', { namespace: 'other' });
  });

  it('is the named one', () => {
    expect(said(listen({ name: 'a' }))).toEqual(['present ConfigMap/shop/a', 'synced']);
  });

  it('is every one in the rule’s namespace without name and selector', () => {
    expect(said(listen({}))).toEqual(['present ConfigMap/shop/a', 'present ConfigMap/shop/b', 'synced']);
  });

  it('is that of another namespace when told so', () => {
    expect(said(listen({ namespace: 'other' }))).toEqual(['present ConfigMap/other/c', 'synced']);
  });

  it.each([
    [{ matchLabels: { app: 'web' } }, ['a']],
    [{ matchExpressions: [{ key: 'app', operator: 'In', values: ['web', 'db'] }] }, ['a', 'b']],
    [{ matchExpressions: [{ key: 'app', operator: 'NotIn', values: ['web', 'x'] }] }, ['b']],
    [{ matchExpressions: [{ key: 'tier', operator: 'Exists' }] }, ['a']],
    [{ matchExpressions: [{ key: 'tier', operator: 'DoesNotExist' }] }, ['b']],
    [{}, ['a', 'b']],
  ])('is what %j selects', (selector, names) => {
    const expected = names.map((name) => `present ConfigMap/shop/${name}`);
    expect(said(listen({ selector }))).toEqual([...expected, 'synced']);
  });

  it('is no longer one that lost its label', () => {
    const events = listen({ selector: { matchLabels: { app: 'web' } } });
    putConfigMap(kube, 'a', { labels: { app: 'moved' } });
    expect(said(events).slice(2)).toEqual(['absent ConfigMap/shop/a']);
  });
});

describe('the state of a ConfigMap', () => {
  it('has a digest per key and says where it is, nothing else', () => {
    putConfigMap(kube, 'cm', { data: { a: '1', b: '2' } });
    const [event] = listen({ name: 'cm' });
    expect(event).toEqual({
      change: 'present',
      key: 'ConfigMap/shop/cm',
      revision: expect.stringMatching(/^[-_A-Za-z0-9]{22}$/) as string,
      parts: { a: expect.stringMatching(/^[-_A-Za-z0-9]{12}$/) as string, b: expect.any(String) as string },
      data: { namespace: 'shop', name: 'cm' },
    });
  });

  it('is pinned: another digest format must raise revisionFormat', () => {
    putConfigMap(kube, 'cm', { data: { 'app.conf': 'one\n' }, binaryData: { 'logo.png': 'AAEC' } });
    const [event] = listen({ name: 'cm' });
    expect(event).toMatchObject({ revision: PINNED.revision, parts: PINNED.parts });
    expect(configMap.revisionFormat).toBe(1);
  });

  it('changes with any value, any key and any move of a value to another key', () => {
    const revision = states();
    const seen = [
      revision({ data: { a: '1', b: '2' } }),
      revision({ data: { a: '1', b: '3' } }),
      revision({ data: { a: '1' } }),
      revision({ data: { b: '1' } }),
      revision({ data: { a: '2', b: '1' } }),
      revision({ binaryData: { a: 'AAEC' } }),
      revision({}),
    ];
    expect(new Set(seen).size).toBe(seen.length);
  });

  it('does not change with labels, annotations, or equal data written in another order', () => {
    const revision = states();
    const first = revision({ data: { a: '1', b: '2' } });
    expect(revision({ data: { b: '2', a: '1' }, labels: { x: 'y' } })).toBe(first);
    expect(revision({ data: { a: '1', b: '2' }, annotations: { x: 'y' } })).toBe(first);
  });

  it('does not change when the same bytes move from data to binaryData', () => {
    const revision = states();
    const first = revision({ data: { a: 'grüße' } });
    expect(revision({ binaryData: { a: Buffer.from('grüße').toString('base64') } })).toBe(first);
  });

  it('comes back when the data comes back, also after deletion', () => {
    const revision = states();
    const first = revision({ data: { a: '1' } });
    revision({ data: { a: '2' } });
    removeConfigMap(kube, 'cm');
    expect(revision({ data: { a: '1' } })).toBe(first);
  });

  it('is that of no keys when data is missing, null or empty', () => {
    const revision = states();
    const none = revision({});
    expect(revision({ data: {} })).toBe(none);
    expect(revision({ data: null as never, binaryData: null as never })).toBe(none);
  });

  it('knows keys that are names of JavaScript’s own', () => {
    putConfigMap(kube, 'cm', {
      data: Object.fromEntries([
        ['__proto__', '1'],
        ['constructor', '2'],
      ]),
    });
    const [event] = listen({ name: 'cm' });
    expect(Object.keys((event as PresentEvent).parts ?? {}).toSorted()).toEqual(['__proto__', 'constructor']);
  });
});

/** Made with openssl: base64url of SHA-256, cut to 12; the revision over `key NUL digest LF`, cut to 22. */
const PINNED = {
  revision: 'SdiBDSBjWHYN-KzNMfomCf',
  parts: { 'app.conf': 'LIsI2lzmA5jh', 'logo.png': 'rksygOVuL6-D' },
};

describe('keys', () => {
  const data = { 'app.conf': '1', 'db.conf': '2', '.env': '3', 'readme.md': '4' };
  it.each([
    [{ include: ['*.conf'] }, ['app.conf', 'db.conf']],
    [{ include: ['*.conf'], exclude: ['db.*'] }, ['app.conf']],
    [{ exclude: ['*.conf'] }, ['.env', 'readme.md']],
    [{ include: ['*'] }, ['.env', 'app.conf', 'db.conf', 'readme.md']],
    [{ include: ['{app,db}.conf', '.en?'] }, ['.env', 'app.conf', 'db.conf']],
    [{ include: ['[a-c]*'] }, ['app.conf']],
    [{ include: ['[^a-c]*.conf'] }, ['db.conf']],
    [{ include: [], exclude: [] }, ['.env', 'app.conf', 'db.conf', 'readme.md']],
    [{ include: ['APP.conf'] }, []],
  ])('are those that %j selects', (keys, selected) => {
    putConfigMap(kube, 'cm', { data });
    const [event] = listen({ name: 'cm', keys });
    expect(Object.keys((event as PresentEvent).parts ?? {}).toSorted()).toEqual(selected);
  });

  it('in binaryData count as those in data', () => {
    putConfigMap(kube, 'cm', { binaryData: { 'logo.png': 'AAEC', other: 'AAEC' } });
    const [event] = listen({ name: 'cm', keys: { include: ['*.png'] } });
    expect(Object.keys((event as PresentEvent).parts ?? {})).toEqual(['logo.png']);
  });

  it('that do not count change nothing', () => {
    putConfigMap(kube, 'cm', { data });
    const events = listen({ name: 'cm', keys: { include: ['*.conf'] } });
    const before = last(events.slice(0, 1)).revision;
    putConfigMap(kube, 'cm', { data: { ...data, 'readme.md': 'new', more: 'new' } });
    expect(last(events).revision).toBe(before);
  });

  it('may all be left out: the ConfigMap is still there', () => {
    putConfigMap(kube, 'cm', { data });
    expect(said(listen({ name: 'cm', keys: { include: ['none'] } }))).toEqual(['present ConfigMap/shop/cm', 'synced']);
  });

  it('of rules that select others share one watch: its projection has them all', () => {
    const projections: string[] = [];
    const watch = kube.watch.bind(kube);
    kube.watch = (scope) => {
      projections.push(scope.project.id);
      expect(Object.keys(scope.project.of({ metadata: {}, data } as never) as object)).toEqual(Object.keys(data));
      return watch(scope);
    };
    listen({ name: 'cm', keys: { include: ['*.conf'] } });
    listen({ name: 'cm', keys: { exclude: ['*.conf'] } });
    expect(projections).toEqual(['configmap/1', 'configmap/1']);
  });
});

describe('a named ConfigMap that does not exist', () => {
  it('is said after the inventory, naming it and the fix', () => {
    const events = listen({ name: 'cm' });
    expect(said(events)).toEqual(['synced', 'degraded']);
    const error = notFound(events[1]);
    expect([error?.code, error?.explanation]).toEqual([
      'KT_CONFIGMAP_NOT_FOUND',
      'ConfigMap shop/cm does not exist. Create it, or correct name and namespace of this source in spec.sources; the rule waits for it',
    ]);
  });

  it('heals when it appears', () => {
    const events = listen({ name: 'cm' });
    putConfigMap(kube, 'cm');
    expect(said(events).slice(2)).toEqual(['present ConfigMap/shop/cm', 'synced']);
  });

  it('is said when it is deleted later, once', () => {
    putConfigMap(kube, 'cm');
    const events = listen({ name: 'cm' });
    removeConfigMap(kube, 'cm');
    kube.resumeWatches();
    expect(said(events).slice(2)).toEqual(['absent ConfigMap/shop/cm', 'degraded']);
  });

  it('is said again when the watch sees again after an interruption', () => {
    const events = listen({ name: 'cm' });
    kube.interruptWatches(new TriggerError('KT_KUBE_UNREACHABLE', 'gone'));
    kube.resumeWatches();
    expect(events.map((event) => notFound(event)?.code)).toEqual([
      undefined,
      'KT_CONFIGMAP_NOT_FOUND',
      'KT_KUBE_UNREACHABLE',
      'KT_CONFIGMAP_NOT_FOUND',
    ]);
  });

  it('that appears during an interruption is said without claiming to see', () => {
    const events = listen({ name: 'cm' });
    kube.interruptWatches(new TriggerError('KT_KUBE_UNREACHABLE', 'gone'));
    putConfigMap(kube, 'cm');
    expect(said(events).slice(2)).toEqual(['degraded', 'present ConfigMap/shop/cm']);
    kube.resumeWatches();
    expect(said(events).slice(4)).toEqual(['present ConfigMap/shop/cm', 'synced']);
  });

  it('is no matter for a selector that selects none', () => {
    expect(said(listen({ selector: { matchLabels: { app: 'none' } } }))).toEqual(['synced']);
  });
});

describe('on', () => {
  it('lets creations and updates pass by default', () => {
    expect([decide([], 'created'), decide([], 'updated')]).toEqual([{ pass: true }, { pass: true }]);
    expect(decide([], 'deleted')).toEqual({ drop: 'a deletion; on lists created, updated' });
  });

  it('lets pass what it lists', () => {
    expect(decide(['deleted'], 'deleted')).toEqual({ pass: true });
    expect(decide(['deleted'], 'created')).toEqual({ drop: 'a creation; on lists deleted' });
    expect(decide(['deleted'], 'updated')).toEqual({ drop: 'an update; on lists deleted' });
  });
});

it('asks for the narrowest scope', () => {
  listen({ name: 'cm', namespace: 'there' });
  expect(kube.requests).toEqual([
    { verb: 'list', resource: ConfigMap, namespace: 'there', name: 'cm' },
    { verb: 'watch', resource: ConfigMap, namespace: 'there', name: 'cm' },
  ]);
});
