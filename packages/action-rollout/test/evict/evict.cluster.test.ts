import { type ActionResult, type Delivery, isTriggerError } from '@kube-trigger/core';
import { createKubeClient, type KubeClient, staticAuth } from '@kube-trigger/kube';
import { type ApiObject, describeOnClusters, eventually, type TestCluster } from '@kube-trigger/testing';
import { fakeContext, fakeDelivery, fakeEvent, RecordingLogger } from '@kube-trigger/testing/contracts';
import { asyncScheduler, firstValueFrom, race, timer } from 'rxjs';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { RolloutAction, type RolloutConfig } from '../../src/index.js';
import { PLAYED, PlayedNode } from './played-node.js';

const MARK = 'trigger.app.example.com/shop.example';
const MERGE = { 'content-type': 'application/merge-patch+json' };
const LABELS = { app: 'web' };

interface Workload extends ApiObject {
  readonly spec: { readonly template: object };
}

describeOnClusters('strategy: evict', (start) => {
  let cluster: TestCluster;
  let kube: KubeClient;
  let namespace: string;
  let node: PlayedNode;
  let policy: string;
  beforeAll(async () => {
    cluster = await start();
    kube = clientOf(cluster.token);
    const { json } = await cluster.request<{ preferredVersion: { groupVersion: string } }>('GET', '/apis/policy');
    policy = json.preferredVersion.groupVersion;
  });
  beforeEach(async () => {
    namespace = await cluster.createNamespace('evict');
    node = new PlayedNode(cluster, namespace);
    return () => node[Symbol.asyncDispose]();
  });
  afterAll(async () => {
    await kube.close();
    await cluster.stop();
  });

  const clientOf = (token: string) =>
    createKubeClient({
      auth: staticAuth({ server: cluster.url, ca: cluster.ca, token }),
      logger: new RecordingLogger(),
    });
  const pathOf = (plural: string, name = '', group = 'apps/v1') =>
    `${group === 'v1' ? '/api' : '/apis'}/${group}/namespaces/${namespace}/${plural}${name === '' ? '' : `/${name}`}`;
  const make = async (path: string, body: object) =>
    eventually(
      async () => {
        const made = await cluster.request('POST', path, body);
        if (made.status !== 201) throw new Error(`${path}: ${made.status} ${made.text}`);
        return made.json;
      },
      { because: 'a namespace has its service account a moment later' },
    );
  const read = async <T extends ApiObject = Workload>(path: string) => (await cluster.request<T>('GET', path)).json;
  const template = (labels: object = LABELS) => ({
    metadata: { labels },
    spec: { ...PLAYED, containers: [{ name: 'web', image: 'web:1' }] },
  });
  const makeWorkload = async (plural: string, spec: object = {}) => {
    const more = plural === 'statefulsets' ? { serviceName: 'web', podManagementPolicy: 'Parallel' } : {};
    const body = { replicas: 3, selector: { matchLabels: LABELS }, template: template(), ...more, ...spec };
    await make(pathOf(plural), { metadata: { name: 'web' }, spec: body });
    const before = await allReady(body.replicas);
    node.leastReady = Infinity;
    return before;
  };
  const allReady = (count: number) =>
    eventually(
      async () => {
        const uids = await node.ready();
        return uids.length === count ? uids : undefined;
      },
      { because: `${count} pods should be ready`, timeoutMs: 30_000 },
    );
  const markOf = async (path: string) => (await read(path)).metadata.annotations?.[MARK];

  const configOf = (more: Partial<RolloutConfig>): RolloutConfig => ({ strategy: 'evict', ...more });
  const named = (kind: string, more: Partial<RolloutConfig> = {}) =>
    configOf({ objectRef: { kind, name: 'web', namespace }, ...more });
  const runOnce = (action: RolloutAction, config: RolloutConfig, delivery: Partial<Delivery> = {}) => {
    const event = fakeEvent({ key: `ConfigMap/${namespace}/app-config`, observedAtMs: Date.now() });
    const context = { ...fakeContext({ rule: { namespace: 'shop' } }), scheduler: asyncScheduler };
    return action.run(config, fakeDelivery({ event, ...delivery }), context);
  };
  const pause = (result: ActionResult) =>
    result.outcome === 'waiting' && result.until !== undefined
      ? firstValueFrom(race(result.until, timer(200)), { defaultValue: undefined })
      : Promise.resolve();

  /** Runs it as the host does, to its end. With `killed`, each run is that of another process. */
  const drive = async (
    config: RolloutConfig,
    { killed = false, delivery = {}, while: holds = () => true, enough = () => false }: Driving = {},
  ) => {
    const said: string[] = [];
    const done = new Set<string>();
    let action = new RolloutAction(kube);
    const endMs = Date.now() + 60_000;
    for (let redelivered = delivery.redelivered ?? false; ; redelivered = true) {
      const result = await runOnce(action, config, { ...delivery, redelivered });
      for (const { target, outcome } of result.targets) if (outcome === 'done') done.add(target);
      if (result.outcome === 'waiting' && said.at(-1) !== result.because) said.push(result.because);
      if (result.outcome !== 'waiting' || enough(result) || !holds()) {
        action.dispose();
        return { said, done: [...done], result };
      }
      if (Date.now() > endMs) throw new Error(`still waiting: ${said.join(' | ')}`);
      await pause(result);
      if (!killed) continue;
      action.dispose();
      action = new RolloutAction(kube);
    }
  };
  interface Driving {
    readonly killed?: boolean;
    readonly delivery?: Partial<Delivery>;
    readonly while?: () => boolean;
    readonly enough?: (result: ActionResult) => boolean;
  }

  describe.each([
    ['in one process', false],
    ['killed after every step', true],
  ])('%s', (_, killed) => {
    it.each([
      ['Deployment', 'deployments', {}],
      ['StatefulSet', 'statefulsets', { updateStrategy: { type: 'OnDelete' } }],
    ] as const)('replaces each pod of a %s once, one by one, and leaves its spec alone', async (kind, plural, spec) => {
      const before = await makeWorkload(plural, spec);
      const untouched = (await read(pathOf(plural, 'web'))).spec;
      const { done, said, result } = await drive(named(kind), { killed });
      expect([done, result.outcome]).toEqual([[`${kind}/${namespace}/web`], 'done']);
      expect(result.targets[0]?.message).toBe('3 of 3 pods replaced');
      expect(said[0]).toMatch(
        new RegExp(`^${kind}/${namespace}/web: 1 of 3 pods replaced; waiting for .*: 2 of 3 are ready$`),
      );
      const after = await allReady(3);
      expect([...node.deleted.keys()].toSorted()).toEqual(before.toSorted());
      expect(after.filter((uid) => before.includes(uid))).toEqual([]);
      expect(node.leastReady).toBeGreaterThanOrEqual(2);
      expect((await read(pathOf(plural, 'web'))).spec).toEqual(untouched);
      expect(await markOf(pathOf(plural, 'web'))).toBe('combined-1 event-1');
    });
  });

  it('begins with the highest ordinal of a StatefulSet', async () => {
    await makeWorkload('statefulsets');
    await drive(named('StatefulSet'));
    expect([...node.deleted.values()]).toEqual(['web-2', 'web-1', 'web-0']);
  });

  it('repeats nothing for a change that was made, and replaces all again for the next', async () => {
    await makeWorkload('deployments');
    await drive(named('Deployment'));
    const again = await drive(named('Deployment'), { delivery: { redelivered: true } });
    expect([again.result.outcome, again.result.targets[0]?.message]).toEqual([
      'unchanged',
      'has this revision already',
    ]);
    expect(node.deleted.size).toBe(3);
    const event = fakeEvent({ id: 'event-2', observedAtMs: Date.now() + 60_000 });
    const next = await drive(named('Deployment'), { delivery: { event, id: 'event-2', revision: 'combined-2' } });
    expect([next.result.outcome, node.deleted.size]).toEqual(['done', 6]);
  });

  it('goes on with its own pods when another key moved the combined revision on, in the next process too', async () => {
    await makeWorkload('deployments');
    await drive(named('Deployment'), { enough: () => true });
    await allReady(3);
    const { result } = await drive(named('Deployment'), { delivery: { revision: 'combined-9', redelivered: true } });
    expect([result.outcome, node.deleted.size]).toEqual(['done', 3]);
  });

  it('waits for what a disruption budget allows, and says which', async () => {
    await makeWorkload('deployments');
    const budgets = pathOf('poddisruptionbudgets', '', policy);
    const spec = { minAvailable: 3, selector: { matchLabels: LABELS } };
    await make(budgets, { metadata: { name: 'web' }, spec });
    await eventually(async () => (await read<ApiObject>(`${budgets}/web`)).status !== undefined);
    const config = named('Deployment');
    const { said } = await drive(config, { enough: ({ outcome }) => outcome === 'waiting' });
    expect(said.at(-1)).toMatch(
      /0 of 3 pods replaced; web-\S+ may not be evicted: The disruption budget web needs 3 healthy pods and has 3/,
    );
    expect(node.deleted.size).toBe(0);
    await cluster.request('PATCH', `${budgets}/web`, { spec: { minAvailable: 2 } }, MERGE);
    const { result } = await drive(config, { delivery: { redelivered: true } });
    expect([result.outcome, node.deleted.size]).toEqual(['done', 3]);
    expect(node.leastReady).toBeGreaterThanOrEqual(2);
  });

  it('says that no waiting helps where a pod has two budgets', async () => {
    await makeWorkload('deployments');
    const budgets = pathOf('poddisruptionbudgets', '', policy);
    for (const name of ['one', 'two']) {
      const spec = { minAvailable: 1, selector: { matchLabels: LABELS } };
      await make(budgets, { metadata: { name }, spec });
      await eventually(async () => (await read<ApiObject>(`${budgets}/${name}`)).status !== undefined);
    }
    const error: unknown = await drive(named('Deployment')).catch((thrown: unknown) => thrown);
    const said = isTriggerError(error) ? `${error.code} ${error.explanation}` : error;
    expect(said).toMatch(/^KT_ROLLOUT_EVICTION Pod \S+ has more than one PodDisruptionBudget. Leave one/);
    expect(node.deleted.size).toBe(0);
  });

  it('loses no more pods when the first replacement does not become ready, and says why it waits', async () => {
    const before = await makeWorkload('statefulsets');
    node.isBroken = ({ metadata }) => !before.includes(metadata.uid ?? '');
    const stuck = (result: ActionResult) => result.outcome === 'waiting' && result.because.includes('CrashLoopBackOff');
    const { said } = await drive(named('StatefulSet'), { enough: stuck });
    expect(said.at(-1)).toBe(
      `StatefulSet/${namespace}/web: 1 of 3 pods replaced; waiting for web-2 (CrashLoopBackOff): 2 of 3 are ready`,
    );
    const again = await drive(named('StatefulSet'), { delivery: { redelivered: true }, enough: () => true });
    expect([again.result.outcome, [...node.deleted.values()]]).toEqual(['waiting', ['web-2']]);
    node.isBroken = () => false;
    expect((await drive(named('StatefulSet'), { delivery: { redelivered: true } })).result.outcome).toBe('done');
  });

  it('replaces as many at a time as maxUnavailable says', async () => {
    await makeWorkload('deployments', { replicas: 6 });
    const { said } = await drive(named('Deployment', { evict: { maxUnavailable: '50%' } }));
    expect(said[0]).toContain('3 of 6 pods replaced');
    expect(node.deleted.size).toBe(6);
    expect(node.leastReady).toBeGreaterThanOrEqual(3);
  });

  it('leaves pods alone that were made after the change', async () => {
    await makeWorkload('deployments');
    const action = new RolloutAction(kube);
    await action.check(named('Deployment'), { ...fakeContext(), scheduler: asyncScheduler });
    const event = fakeEvent({ observedAtMs: Date.now() });
    const [first] = await node.list();
    await cluster.request('DELETE', `${node.pods}/${first?.metadata.name}`);
    await eventually(() => node.deleted.size === 1);
    await allReady(3);
    await eventually(async () => (await runOnce(action, named('Deployment'), { event })).outcome !== 'waiting', {
      timeoutMs: 30_000,
    });
    action.dispose();
    expect(node.deleted.size).toBe(3);
    expect(await markOf(pathOf('deployments', 'web'))).toBe('- event-1');
  });

  it('needs nothing where no pod may have read the former state', async () => {
    await make(pathOf('deployments'), {
      metadata: { name: 'web' },
      spec: { replicas: 0, selector: { matchLabels: LABELS }, template: template() },
    });
    const { result } = await drive(named('Deployment'));
    expect([result.outcome, await markOf(pathOf('deployments', 'web'))]).toEqual(['unchanged', undefined]);
  });

  describe('pods that are meant as such', () => {
    const makePod = (name: string, labels: object = LABELS) =>
      make(pathOf('pods', '', 'v1'), { metadata: { name, labels }, spec: template().spec });

    it('are replaced under the budget of whoever makes them; what has no controller is left alone', async () => {
      const before = await makeWorkload('statefulsets');
      await makePod('lonely');
      await allReady(4);
      const { result, done } = await drive(configOf({ selector: { kind: 'Pod', namespace, matchLabels: LABELS } }));
      expect([result.outcome, done]).toEqual(['done', [`StatefulSet/${namespace}/web`]]);
      expect(result.targets.find(({ target }) => target === `Pod/${namespace}/lonely`)?.message).toContain(
        'has no controller that would make it anew',
      );
      expect([...node.deleted.keys()].toSorted()).toEqual(before.toSorted());
      expect(await markOf(pathOf('statefulsets', 'web'))).toBe('combined-1 event-1');
    });

    it('are evicted by name also without a controller, and that is the end of them', async () => {
      await makePod('web');
      await allReady(1);
      const { result } = await drive(named('Pod'));
      expect([result.outcome, result.targets[0]?.message]).toEqual([
        'done',
        'evicted; it has no controller that makes it anew',
      ]);
      await eventually(() => node.deleted.size === 1);
      const again = await drive(named('Pod'), { delivery: { redelivered: true } });
      expect([again.result.outcome, again.result.targets[0]?.message]).toEqual([
        'unchanged',
        'does not exist: one that comes reads the new state',
      ]);
    });

    it('are found by what they use', async () => {
      const spec = {
        ...PLAYED,
        containers: [{ name: 'web', image: 'web:1', envFrom: [{ configMapRef: { name: 'app-config' } }] }],
      };
      const before = await makeWorkload('deployments', { template: { metadata: { labels: LABELS }, spec } });
      const config = configOf({ referencing: true, kinds: [{ kind: 'Pod' }] });
      const event = fakeEvent({ key: `ConfigMap/${namespace}/app-config`, observedAtMs: Date.now() });
      const { result } = await drive(config, { delivery: { event } });
      expect([result.outcome, [...node.deleted.keys()].toSorted()]).toEqual(['done', before.toSorted()]);
    });
  });

  it('says the Role that is missing, and works with exactly that', async () => {
    await makeWorkload('deployments');
    const restricted = clientOf(await cluster.serviceAccountToken(namespace, 'restricted'));
    const action = new RolloutAction(restricted);
    const config = named('Deployment');
    const missing = async () => {
      const error: unknown = await action.check(config, fakeContext()).then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      return isTriggerError(error) ? /\{apiGroups.*\}/.exec(error.explanation)?.[0] : undefined;
    };
    const rules: object[] = [];
    for (const expected of ['"deployments"', '"pods"', '"pods/eviction"']) {
      const rule = await eventually(async () => {
        const found = await missing();
        return found?.includes(expected) === true ? found : undefined;
      });
      rules.push(JSON.parse(rule.replaceAll(/(\w+):/g, '"$1":')) as object);
      await grant(rules);
    }
    await eventually(async () => (await missing()) === undefined);
    const result = await runOnce(action, config);
    expect(result.outcome).toBe('waiting');
    action.dispose();
    await restricted.close();
  });

  const grant = async (rules: readonly object[]) => {
    const rbac = `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}`;
    const name = `restricted-${rules.length}`;
    await make(`${rbac}/roles`, { metadata: { name }, rules });
    await make(`${rbac}/rolebindings`, {
      metadata: { name },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name },
      subjects: [{ kind: 'ServiceAccount', name: 'restricted', namespace }],
    });
  };
});
