import { describeOnClusters, startFaultProxy, type TestCluster } from '@kube-trigger/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  createEventRecorder,
  createKubeClient,
  electLeader,
  kubeconfigAuth,
  staticAuth,
  WELL_KNOWN,
  type KubeClient,
  type KubeTimings,
  type ObjectRef,
} from '../src/index.js';
import { configMaps, eventually, FAST, MemoryLogger, pass, Tape } from './support/harness.js';
import { TcpProxy, type Way } from './support/tcp-proxy.js';

const { ConfigMap, Event, Lease, Namespace } = WELL_KNOWN;

/** `promise.then(...settled)`: whether it resolved. */
const settled = [() => true, () => false] as const;

describeOnClusters('kube', (start, kind) => {
  let cluster: TestCluster;
  let namespace: string;

  beforeAll(async () => {
    cluster = await start({ own: true });
    namespace = await cluster.createNamespace('kube');
  });
  afterAll(() => cluster.stop());

  /** `url` and `ca`: a proxy in front of the cluster. */
  function connect(
    options: { url?: string; ca?: string | undefined; token?: string; timings?: Partial<KubeTimings> } = {},
  ): KubeClient & AsyncDisposable {
    const { url = cluster.url, ca = cluster.ca, token = cluster.token, timings } = options;
    const client = createKubeClient({
      auth: staticAuth({ server: url, token, ca }),
      logger: new MemoryLogger(),
      timings: timings ?? {},
    });
    return Object.assign(client, { [Symbol.asyncDispose]: () => client.close() });
  }

  function ref(name: string, within = namespace): ObjectRef {
    return { resource: ConfigMap, namespace: within, name };
  }

  async function write(client: KubeClient, name: string, value: string): Promise<void> {
    const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, labels: { app: name } }, data: { k: value } };
    await client.patch(ref(name), body, { type: 'apply' });
  }

  /** Values only: versions are the server's business. */
  const values = (tape: Tape): string => tape.said.map((said) => said.replace(/@\d+=/, '=')).join(' ');

  async function says(tape: Tape, wanted: string, withinMs = 5_000): Promise<number> {
    const startedAt = performance.now();
    await eventually(
      () => values(tape).includes(wanted),
      withinMs,
      () => `${wanted} in: ${values(tape)}`,
    );
    return performance.now() - startedAt;
  }

  it('writes, reads, pages and asks', async () => {
    await using client = connect();
    await write(client, 'crud', '1');
    await client.patch(ref('crud'), { data: { j: '2' } }, { type: 'merge' });
    await client.patch(ref('crud'), [{ op: 'remove', path: '/data/k' }], { type: 'json' });
    expect(await client.get(ref('crud'))).toMatchObject({ kind: 'ConfigMap', data: { j: '2' } });
    const outdated = { ...(await client.get<object>(ref('crud'))), data: { x: 'y' } };
    await client.update(ref('crud'), outdated);
    await expect(client.update(ref('crud'), { ...outdated, data: { x: 'z' } })).rejects.toMatchObject({
      code: 'KT_KUBE_CONFLICT',
    });
    await expect(client.create(ConfigMap, namespace, { metadata: { name: 'crud' } })).rejects.toMatchObject({
      code: 'KT_KUBE_CONFLICT',
    });
    await expect(client.patch(ref('crud'), { data: { k: 1 } }, { type: 'merge' })).rejects.toMatchObject({
      code: 'KT_KUBE_INVALID',
      retry: 'never',
    });
    const selected = await client.list(ConfigMap, { namespace, labelSelector: 'app=crud', pageSize: 1 });
    expect(selected).toHaveLength(1);
    const [bare] = await client.list(ConfigMap, { namespace, fieldSelector: 'metadata.name=crud', as: 'metadata' });
    expect(bare).toMatchObject({ metadata: { name: 'crud' } });
    expect(bare).not.toHaveProperty('data');
    const answers = [
      await client.create(ConfigMap, namespace, { metadata: { name: 'bare' }, data: { k: '1' } }, { as: 'metadata' }),
      await client.patch(ref('bare'), { data: { k: '2' } }, { type: 'merge', as: 'metadata' }),
      await client.update(ref('bare'), { metadata: { name: 'bare' }, data: { k: '3' } }, { as: 'metadata' }),
    ];
    for (const answer of answers) {
      expect(answer).toMatchObject({ metadata: { name: 'bare', resourceVersion: expect.stringMatching(/^\d+$/) } });
      expect(answer).not.toHaveProperty('data');
    }
    expect(await client.get(ref('bare'))).toMatchObject({ data: { k: '3' } });
    for (const name of ['crud', 'bare']) await client.delete(ref(name));
    await expect(client.get(ref('crud'))).rejects.toMatchObject({ code: 'KT_KUBE_NOT_FOUND' });
  });

  it('watches a namespace, a selector and a single name', async () => {
    await using client = connect();
    await write(client, 'first', '1');
    const scope = configMaps({ namespace });
    using all = new Tape(client.watch({ ...scope, fieldSelector: 'metadata.name!=kube-root-ca.crt' }));
    using labelled = new Tape(client.watch({ ...scope, labelSelector: 'app=second' }));
    using named = new Tape(client.watch({ ...scope, name: 'second' }));
    for (const tape of [all, labelled, named]) await tape.hears('synced');
    await write(client, 'second', '1');
    await write(client, 'first', '2');
    await client.patch(ref('second'), { metadata: { labels: { app: 'third' } } }, { type: 'merge' });
    await client.delete(ref('second'));
    await says(all, '-second');
    await says(named, '-second');
    expect(values(all)).toBe('+first=1 synced +second=1 +first=2 +second=1 -second');
    expect(values(named)).toBe('synced +second=1 +second=1 -second');
    expect(values(labelled)).toBe('synced +second=1 -second');
  });

  it('keeps an idle watch, probes it and moves on while other namespaces are busy', async () => {
    await using client = connect({ timings: { probeAfterMs: 300 } });
    using tape = new Tape(client.watch(configMaps({ namespace, name: 'idle' })));
    await tape.hears('synced');
    const busy = await cluster.createNamespace('busy');
    await eventually(async () => {
      await client.create(ConfigMap, busy, { metadata: { generateName: 'noise-' } });
      await pass(100);
      return (client.stats().watches[0]?.probes ?? 0) >= 3;
    }, 20_000);
    const [stats] = client.stats().watches;
    expect(stats).toMatchObject({ deaf: 0, reconnects: 0, relists: 0, synced: true });
    expect(stats?.ageOfLastProofMs).toBeLessThan(5_000);
    await write(client, 'idle', 'woke');
    expect(await says(tape, '+idle=woke')).toBeLessThan(1_000);
  });

  it('reads an object of 1 MiB in one-byte and in odd chunks', async () => {
    await using direct = connect();
    await using proxy = await startFaultProxy({ target: cluster.url, ca: cluster.ca, tls: true });
    await using client = connect({ url: proxy.url, ca: proxy.ca });
    proxy.inject({ isWatch: true }, { bytesPerChunk: 1 }, 1);
    using tape = new Tape(client.watch(configMaps({ namespace, name: 'small' })));
    await tape.hears('synced');
    await write(direct, 'small', 'größe');
    await says(tape, '+small=größe', 10_000);
    proxy.inject({ isWatch: true }, { bytesPerChunk: 4_099 }, 1);
    const size = { id: 'size', of: (object: object) => JSON.stringify(object).length > 1_000_000 };
    using big = new Tape(client.watch({ ...configMaps({ namespace, name: 'big' }), recall: undefined, project: size }));
    await big.hears('synced');
    await write(direct, 'big', 'x'.repeat(1_000_000));
    await says(big, '+big=true', 10_000);
    expect([values(tape), values(big)]).toEqual(['synced +small=größe', 'synced +big=true']);
    await direct.delete(ref('big'));
  });

  it.each(['reset', 'fin'] as const)('delivers the next change within 2 s after a %s in mid-line', async (how) => {
    await using direct = connect();
    await using proxy = await startFaultProxy({ target: cluster.url, ca: cluster.ca, tls: true });
    await using client = connect({ url: proxy.url, ca: proxy.ca });
    const name = `cut-${how}`;
    using tape = new Tape(client.watch(configMaps({ namespace, name })));
    await tape.hears('synced');
    await write(direct, name, '1');
    await says(tape, `+${name}=1`);
    expect(proxy.cut(how, { match: { isWatch: true }, midLine: true })).toBe(1);
    await write(direct, name, '2');
    expect(await says(tape, `+${name}=2`, 2_000)).toBeLessThan(2_000);
    expect(values(tape)).toBe(`synced +${name}=1 +${name}=2`);
    expect(client.stats().watches[0]).toMatchObject({ relists: 0 });
  });

  it(
    'notices frozen connections, in either direction, and delivers the missed change within 45 s',
    { timeout: 60_000 },
    async () => {
      await using direct = connect();
      const ways: Way[] = ['toServer', 'toClient', 'both'];
      const took = await Promise.all(
        ways.map(async (way) => {
          await using proxy = await TcpProxy.start(cluster.url);
          await using client = connect({ url: proxy.url });
          const name = `frozen-${way.toLowerCase()}`;
          using tape = new Tape(client.watch(configMaps({ namespace, name })));
          await tape.hears('synced');
          await eventually(() => client.stats().watches[0]?.state === 'watching');
          expect(proxy.freezeOpen(way)).toBe(1);
          await write(direct, name, 'missed');
          const ms = await says(tape, `+${name}=missed`, 45_000);
          // A kernel that acknowledges what a dead connection is sent still lets data through to the client.
          expect(client.stats().watches[0]).toMatchObject({ deaf: way === 'toServer' ? 0 : 1, relists: 0 });
          return ms;
        }),
      );
      expect(Math.max(...took)).toBeLessThan(45_000);
    },
  );

  it.each(['list', 'watch'])('gets over a %s that is never answered', async (verb) => {
    await using proxy = await startFaultProxy({ target: cluster.url, ca: cluster.ca, tls: true });
    await using client = connect({ url: proxy.url, ca: proxy.ca, timings: FAST });
    for (const freeze of ['toServer', 'toClient'] as const) {
      proxy.inject({ isWatch: verb === 'watch', path: /configmaps/ }, { freeze }, 1);
    }
    using tape = new Tape(client.watch(configMaps({ namespace, name: `unanswered-${verb}` })));
    await eventually(() => client.stats().watches[0]?.state === 'watching');
    await tape.hears('synced');
  });

  it.each([401, 429, 500, 503])('gets over %s answers', async (answer) => {
    await using direct = connect();
    await using proxy = await startFaultProxy({ target: cluster.url, ca: cluster.ca, tls: true });
    await using client = connect({ url: proxy.url, ca: proxy.ca, timings: FAST });
    proxy.inject({ path: /configmaps/ }, { answer }, 3);
    using tape = new Tape(client.watch(configMaps({ namespace, name: `after-${answer}` })));
    await tape.hears('synced');
    await write(direct, `after-${answer}`, '1');
    await says(tape, `+after-${answer}=1`);
    expect(client.stats().watches[0]).toMatchObject({ synced: true, error: undefined });
  });

  it(
    'finds after compacted history what was changed, deleted and recreated in the gap',
    { timeout: 60_000 },
    async () => {
      await using direct = connect();
      await using proxy = await startFaultProxy({ target: cluster.url, ca: cluster.ca, tls: true });
      await using client = connect({ url: proxy.url, ca: proxy.ca, timings: { ...FAST, answerTimeoutMs: 5_000 } });
      const gap = await cluster.createNamespace('gap');
      const put = (name: string, value: string) =>
        direct.create(ConfigMap, gap, { metadata: { name }, data: { k: value } });
      for (const name of ['same', 'changed', 'deleted', 'recreated']) await put(name, '1');
      const scope = configMaps({ namespace: gap, fieldSelector: 'metadata.name!=kube-root-ca.crt' });
      using tape = new Tape(client.watch(scope));
      await tape.hears('synced');
      await eventually(() => client.stats().watches[0]?.state === 'watching');
      const before = tape.said.length;
      const outage = proxy.inject({ isWatch: true }, { answer: 503 });
      proxy.cut('reset');
      await eventually(() => client.stats().watches[0]?.state === 'waiting');
      await direct.patch(ref('changed', gap), { data: { k: '2' } }, { type: 'merge' });
      await direct.delete(ref('deleted', gap));
      await direct.delete(ref('recreated', gap));
      await put('recreated', '1');
      await cluster.compact();
      outage.remove();
      await says(tape, '-deleted', 30_000);
      await tape.hears('synced', { from: before });
      const heard = values(tape)
        .split(' ')
        .slice(before)
        .filter((said) => !said.startsWith('!'));
      expect(heard).toEqual(['+changed=2', '-recreated', '+recreated=1', '-deleted', 'synced']);
      await put('after', '1');
      await says(tape, '+after=1');
    },
  );

  it('survives a restart of the API server', { timeout: 60_000 }, async () => {
    await using client = connect();
    using tape = new Tape(client.watch(configMaps({ namespace, name: 'restart' })));
    await tape.hears('synced');
    await cluster.restart();
    await eventually(() => write(client, 'restart', '1').then(...settled), 30_000);
    await says(tape, '+restart=1', 40_000);
  });

  it('says which right is missing, works with resourceNames only, and heals when a right comes', async () => {
    await using admin = connect();
    const token = await cluster.serviceAccountToken(namespace, 'restricted');
    await using client = connect({ token, timings: { ...FAST, forbiddenRetryMs: [300, 400] } });
    const rule = { apiGroups: [''], resources: ['configmaps'], verbs: ['list', 'watch'], resourceNames: ['mine'] };
    await write(admin, 'mine', '1');
    const explanations: string[] = [];
    using tape = new Tape(client.watch(configMaps({ namespace, name: 'mine' })), (event) => {
      if (event.type === 'interrupted') explanations.push(event.error.explanation);
    });
    using all = new Tape(client.watch(configMaps({ namespace })));
    await tape.hears('!KT_KUBE_FORBIDDEN');
    expect(explanations[0]).toMatch(/list configmaps "mine" in namespace kube-.*resourceNames: \["mine"\]/);
    const question = { verb: 'list', resource: ConfigMap, namespace };
    expect(await client.canI(question)).toMatchObject({ allowed: false });
    expect(await admin.canI(question)).toMatchObject({ allowed: true });
    await cluster.grant(namespace, 'restricted', [rule]);
    await says(tape, '+mine=1 synced', 10_000);
    expect(values(all)).toBe('!KT_KUBE_FORBIDDEN');
    expect(await client.canI({ ...question, name: 'mine' })).toMatchObject({ allowed: true });
  });

  it(
    'waits for a kind that is not installed, follows it when it comes, and outlives its removal',
    { timeout: 60_000 },
    async () => {
      await using client = connect({ timings: { ...FAST, answerTimeoutMs: 5_000 } });
      const group = `${namespace}.example.com`;
      const Widget = { group, version: 'v1', plural: 'widgets', kind: 'Widget', namespaced: true };
      const project = { id: 'name', of: () => '' };
      using tape = new Tape(client.watch({ resource: Widget, namespace, project }));
      await tape.hears('!KT_KUBE_NOT_FOUND');
      await expect(client.resourceFor({ apiVersion: `${group}/v1`, kind: 'Widget' })).rejects.toMatchObject({
        code: 'KT_KUBE_UNKNOWN_KIND',
      });
      const definition = { resource: WELL_KNOWN.CustomResourceDefinition, name: `widgets.${group}` };
      const install = () =>
        client.create(definition.resource, undefined, {
          metadata: { name: definition.name },
          spec: {
            group,
            scope: 'Namespaced',
            names: { plural: 'widgets', singular: 'widget', kind: 'Widget', listKind: 'WidgetList' },
            versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } }],
          },
        });
      const make = (name: string) => () =>
        client.create(Widget, namespace, { apiVersion: `${group}/v1`, kind: 'Widget', metadata: { name } }).then(
          () => true,
          () => false,
        );
      await install();
      await eventually(make('one'), 20_000);
      await says(tape, '+one=', 20_000);
      await client.delete(definition);
      await eventually(
        () =>
          client.get(definition).then(
            () => false,
            () => true,
          ),
        30_000,
      );
      await eventually(() => values(tape).lastIndexOf('!KT_KUBE_NOT_FOUND') > values(tape).indexOf('+one='), 20_000);
      await install();
      await eventually(make('two'), 20_000);
      await says(tape, '+two=', 20_000);
      expect(values(tape)).toContain('-one');
    },
  );

  it('writes Events that count up, and reads a kubeconfig', async () => {
    const path = await cluster.writeKubeconfig();
    const client = createKubeClient({ auth: kubeconfigAuth({ path }), logger: new MemoryLogger() });
    const made = await client.create(ConfigMap, namespace, { metadata: { name: 'noted' } });
    const recorder = createEventRecorder(client, {
      component: 'kube-trigger',
      instance: 'test',
      logger: new MemoryLogger(),
    });
    const regarding = { apiVersion: 'v1', kind: 'ConfigMap', namespace, name: 'noted', uid: made.metadata.uid ?? '' };
    for (let nth = 0; nth < 3; nth += 1) {
      recorder.record({ regarding, type: 'Warning', reason: 'Tested', message: 'it works' });
      await recorder.drain();
    }
    const events = await client.list(Event, { namespace, fieldSelector: 'involvedObject.name=noted' });
    expect(events).toMatchObject([
      { reason: 'Tested', type: 'Warning', message: 'it works', count: 3, involvedObject: regarding },
    ]);
    await client.close();
  });

  it('elects one leader and hands over within 2 s of its stop', async () => {
    await using client = connect();
    const options = { client, namespace, name: 'leader', logger: new MemoryLogger() };
    const a = electLeader({ ...options, identity: 'a' });
    await eventually(() => a.isLeader());
    const b = electLeader({ ...options, identity: 'b' });
    await pass(300);
    expect([a.isLeader(), b.isLeader()]).toEqual([true, false]);
    await a.stop();
    const stoppedAt = performance.now();
    expect(a.isLeader()).toBe(false);
    await eventually(() => b.isLeader(), 2_000);
    expect(performance.now() - stoppedAt).toBeLessThan(2_000);
    expect(await client.get({ resource: Lease, namespace, name: 'leader' })).toMatchObject({
      spec: { holderIdentity: 'b', leaseTransitions: 1, leaseDurationSeconds: 15 },
    });
    await b.stop();
    expect(await client.get({ resource: Lease, namespace, name: 'leader' })).toMatchObject({
      spec: { holderIdentity: '' },
    });
  });

  it('says that the namespace of the Lease is missing, and leads once it is there', async () => {
    await using client = connect();
    const missing = `${namespace}-lease`;
    const options = { client, namespace: missing, name: 'leader', logger: new MemoryLogger() };
    const election = electLeader({ ...options, identity: 'a', timings: { retryPeriodMs: 100 } });
    await eventually(() => election.problem !== undefined);
    expect(election.problem).toMatchObject({ code: 'KT_KUBE_NOT_FOUND' });
    expect(election.problem?.explanation).toContain(`Create namespace ${missing}`);
    await client.create(Namespace, undefined, { metadata: { name: missing } });
    await eventually(() => election.isLeader());
    expect(election.problem).toBeUndefined();
    await election.stop();
    await client.delete({ resource: Namespace, name: missing });
  });

  it(`is tested on ${kind}`, () => {
    expect(cluster.name).toBe(kind);
  });
});
