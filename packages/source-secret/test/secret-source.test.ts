import type { PresentEvent, SourceEvent } from '@kube-trigger/core';
import { TriggerError } from '@kube-trigger/core';
import { digestKeyProvider } from '@kube-trigger/kube';
import { eventually } from '@kube-trigger/testing';
import { configOf, fakeContext, fakeEvent, type RecordingKubeClient } from '@kube-trigger/testing/contracts';
import { beforeEach, describe, expect, it } from 'vitest';
import { secretDigests } from '../src/digests.js';
import secret, { type SecretConfig, SecretSource } from '../src/index.js';
import { clientWithKey, type Contents, putSecret, removeSecret, Secret } from './world.js';

let kube: RecordingKubeClient;
let source: SecretSource;
let fieldSelectors: (string | undefined)[];
beforeEach(() => {
  const made = clientWithKey();
  kube = made.kube;
  source = new SecretSource(kube, made.digestKey);
  fieldSelectors = [];
  const watch = kube.watch.bind(kube);
  kube.watch = (scope) => {
    fieldSelectors.push(scope.fieldSelector);
    return watch(scope);
  };
});

const config = (written: object) => configOf(secret, written) as SecretConfig;

/** What is said from the subscription on, once something is; the array grows. */
async function listen(written: object, by = source): Promise<SourceEvent[]> {
  const events: SourceEvent[] = [];
  by.open(config(written), fakeContext()).subscribe((event) => events.push(event));
  await eventually(() => events.length > 0);
  return events;
}

const said = (events: readonly SourceEvent[]) =>
  events.map((event) => ('key' in event ? `${event.change} ${event.key}` : event.change));

const errorOf = (event: SourceEvent | undefined) => (event?.change === 'degraded' ? event.error : undefined);

/** Writes contents and returns what is said of them. */
async function states(written: object = {}, by = source) {
  const events = await listen(written, by);
  return (contents: Contents) => {
    putSecret(kube, 'tls', contents);
    return events.at(-1) as PresentEvent;
  };
}

describe('the state of a Secret', () => {
  it('has a digest per key and says where it is, nothing else', async () => {
    putSecret(kube, 'tls', { data: { a: '1', b: '2' } });
    expect((await listen({ name: 'tls' }))[0]).toEqual({
      change: 'present',
      key: 'Secret/shop/tls',
      revision: expect.stringMatching(/^[-_A-Za-z0-9]{22}$/) as string,
      parts: { a: expect.stringMatching(/^[-_A-Za-z0-9]{12}$/) as string, b: expect.any(String) as string },
      data: { namespace: 'shop', name: 'tls' },
    });
  });

  it('is pinned: another digest format must raise revisionFormat', async () => {
    putSecret(kube, 'tls', { data: { password: 'hunter2\n' } });
    expect((await listen({ name: 'tls' }))[0]).toMatchObject(PINNED);
    expect(secret.revisionFormat).toBe(1);
  });

  it('changes with any value, any key and any move of a value to another key', async () => {
    const state = await states();
    const seen = [
      state({ data: { a: '1', b: '2' } }),
      state({ data: { a: '1', b: '3' } }),
      state({ data: { a: '1' } }),
      state({ data: { b: '1' } }),
      state({ data: { a: '2', b: '1' } }),
      state({}),
    ].map(({ revision }) => revision);
    expect(new Set(seen).size).toBe(seen.length);
  });

  it('does not change with labels, annotations, order or an equal re-creation', async () => {
    const state = await states();
    const first = state({ data: { a: '1', b: '2' } }).revision;
    expect(state({ data: { b: '2', a: '1' }, labels: { x: 'y' }, annotations: { x: 'y' } }).revision).toBe(first);
    removeSecret(kube, 'tls');
    expect(state({ data: { a: '1', b: '2' } }).revision).toBe(first);
  });

  it('does not tell that another Secret, or another key, holds the same value', async () => {
    const state = await states();
    const { a, b } = state({ data: { a: 'same', b: 'same' } }).parts ?? {};
    const events = await listen({ name: 'twin' });
    putSecret(kube, 'twin', { data: { a: 'same' } });
    const twin = events.find((event) => event.change === 'present');
    expect(new Set([a, b, twin?.parts?.['a']]).size).toBe(3);
  });

  it('is another one by another key', async () => {
    const contents = { data: { a: '1' } };
    const first = (await states())(contents);
    const other = (await states({}, new SecretSource(kube, digestKeyProvider(kube, 'elsewhere'))))(contents);
    expect(other.revision).not.toBe(first.revision);
    expect(other.parts?.['a']).not.toBe(first.parts?.['a']);
  });

  it('is that of the keys that count', async () => {
    const state = await states({ keys: { include: ['tls.*'], exclude: ['tls.key'] } });
    const first = state({ data: { 'tls.crt': '1', 'tls.key': '2', note: '3' } });
    expect(Object.keys(first.parts ?? {})).toEqual(['tls.crt']);
    expect(state({ data: { 'tls.crt': '1', 'tls.key': 'new', more: 'new' } }).revision).toBe(first.revision);
  });

  it('leaves no decoded bytes in the pool that small buffers are pieces of', async () => {
    const digests = secretDigests(await clientWithKey().digestKey());
    const inPool = () => Buffer.from(Buffer.from('any').buffer).includes('marker-of-the-pool');
    // In base64 from the start, so that this test itself decodes nothing before the end.
    const data = { a: 'bWFya2VyLW9mLXRoZS1wb29s' };
    const object = { metadata: { name: 'tls', namespace: 'shop' }, data };
    digests.of(object);
    expect(inPool()).toBe(false);
    Buffer.from(data.a, 'base64');
    expect(inPool()).toBe(true);
  });
});

/** Made with openssl: HMAC-SHA-256 by 32 bytes of 7 over each item after its length, cut to 12; the revision as that of ConfigMaps. */
const PINNED = { revision: 'kx0pAlHZw-nAL3letKrnsj', parts: { password: 'HpVyKKfSXCgX' } };

describe('its identity', () => {
  it('is the id of the digest key', async () => {
    const { digestKey } = clientWithKey();
    expect(await source.identity()).toBe((await digestKey()).id);
  });

  it('cannot be told while the key cannot be read', async () => {
    kube.forbid('get', Secret);
    await expect(source.identity()).rejects.toMatchObject({ code: 'KT_KUBE_FORBIDDEN' });
  });

  it('is needed to open: a key that cannot be read is an error that opens no watch', async () => {
    kube.forbid('get', Secret);
    const failure = await new Promise((resolve) => {
      source.open(config({}), fakeContext()).subscribe({ error: resolve });
    });
    expect(failure).toMatchObject({ code: 'KT_KUBE_FORBIDDEN' });
    expect(fieldSelectors).toEqual([]);
  });
});

describe('which Secrets', () => {
  const HELM = 'helm.sh/release.v1';
  const TOKEN = 'kubernetes.io/service-account-token';

  it.each<[object, string | undefined]>([
    [{}, `type!=${HELM},type!=${TOKEN}`],
    [{ selector: { matchLabels: { app: 'web' } } }, `type!=${HELM},type!=${TOKEN}`],
    [{ types: ['kubernetes.io/tls'] }, 'type=kubernetes.io/tls'],
    [{ types: [HELM, HELM] }, `type=${HELM}`],
    [{ types: ['Opaque', HELM] }, `type!=${TOKEN}`],
    [{ types: ['Opaque', 'kubernetes.io/tls'] }, `type!=${HELM},type!=${TOKEN}`],
    [{ types: [TOKEN, HELM] }, undefined],
    [{ types: ['*'] }, undefined],
    [{ name: 'tls' }, 'metadata.namespace=shop'],
    [{ name: 'tls', namespace: 'other' }, 'metadata.namespace=other'],
  ])('the API server is asked for by %j', async (written, expected) => {
    await listen(written);
    expect(fieldSelectors).toEqual([expected]);
  });

  it('of several types are told apart here', async () => {
    putSecret(kube, 'a', { type: 'Opaque' });
    putSecret(kube, 'b', { type: 'kubernetes.io/tls' });
    putSecret(kube, 'c', { type: 'kubernetes.io/basic-auth' });
    const events = await listen({ types: ['Opaque', 'kubernetes.io/tls'] });
    putSecret(kube, 'd', { type: 'kubernetes.io/basic-auth' });
    expect(said(events)).toEqual(['present Secret/shop/a', 'present Secret/shop/b', 'synced']);
  });

  it('is the named one, whatever its type', async () => {
    putSecret(kube, 'a', { type: HELM });
    expect(said(await listen({ name: 'a' }))).toEqual(['present Secret/shop/a', 'synced']);
  });
});

describe('a named Secret that does not exist', () => {
  it('is said after the inventory, naming it and the fix, and heals when it appears', async () => {
    const events = await listen({ name: 'tls' });
    expect(said(events)).toEqual(['synced', 'degraded']);
    expect([errorOf(events[1])?.code, errorOf(events[1])?.explanation]).toEqual([
      'KT_SECRET_NOT_FOUND',
      'Secret shop/tls does not exist. Create it, or correct name and namespace of this source in spec.sources; the rule waits for it',
    ]);
    putSecret(kube, 'tls');
    expect(said(events).slice(2)).toEqual(['present Secret/shop/tls', 'synced']);
  });
});

it('says an interruption as it is', async () => {
  const events = await listen({});
  kube.interruptWatches(new TriggerError('KT_KUBE_UNREACHABLE', 'gone'));
  expect(errorOf(events.at(-1))?.code).toBe('KT_KUBE_UNREACHABLE');
});

it('drops changes that on does not list', () => {
  const decide = (change: 'deleted' | 'updated') => source.decide(config({}), fakeEvent({ change }) as never);
  expect([decide('updated'), decide('deleted')]).toEqual([
    { pass: true },
    { drop: 'a deletion; on lists created, updated' },
  ]);
});
