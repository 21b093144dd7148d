import { expect, it } from 'vitest';
import type { ApiObject, ApiResponse } from '../../src/api-client.js';
import { describeOnClusters } from '../../src/cluster.js';
import { eventually } from '../../src/eventually.js';
import { conformance, failure, MERGE, ok } from './support.js';

const labels = { app: 'web' };

interface Budget extends ApiObject {
  readonly status?: {
    readonly observedGeneration?: number;
    readonly disruptionsAllowed?: number;
    readonly currentHealthy?: number;
    readonly desiredHealthy?: number;
    readonly expectedPods?: number;
    readonly disruptedPods?: Readonly<Record<string, string>>;
  };
}

describeOnClusters('evictions', (start) => {
  const { api, fresh } = conformance(start);

  /** Up to 1.20 the group has `v1beta1` only, from 1.25 on `v1` only. */
  const version = async () => {
    const { json } = await api<{ preferredVersion: { version: string } }>('GET', '/apis/policy');
    return json.preferredVersion.version;
  };
  const evict = async (pods: string, name: string, body: object = {}): Promise<ApiResponse> =>
    api('POST', `${pods}/${name}/eviction`, {
      apiVersion: `policy/${await version()}`,
      kind: 'Eviction',
      metadata: { name },
      ...body,
    });

  /** A pod that no scheduler looks at: what it is, this test says. */
  const makePod = async (pods: string, name: string, phase = 'Running', ready = true) => {
    const spec = { schedulerName: 'nobody', containers: [{ name: 'web', image: 'web:1' }] };
    // A new namespace has no service account for a moment.
    await eventually(async () => ok(await api('POST', pods, { metadata: { name, labels }, spec }), 201));
    const conditions = [{ type: 'Ready', status: ready ? 'True' : 'False' }];
    return ok(await api('PATCH', `${pods}/${name}/status`, { status: { phase, conditions } }, MERGE));
  };
  const budgetsOf = async (pods: string) =>
    pods.replace('/api/v1', `/apis/policy/${await version()}`).replace(/pods$/, 'poddisruptionbudgets');
  const makeBudget = async (pods: string, name: string, spec: object) =>
    ok(
      await api('POST', await budgetsOf(pods), {
        metadata: { name },
        spec: { selector: { matchLabels: labels }, ...spec },
      }),
      201,
    );
  const budget = async (pods: string, name: string, expected: Budget['status']) =>
    eventually(
      async () => {
        const found = ok(await api<Budget>('GET', `${await budgetsOf(pods)}/${name}`));
        expect(found.status).toMatchObject({ observedGeneration: 1, ...expected });
        return found;
      },
      { because: `budget ${name} should be worked out`, timeoutMs: 15_000 },
    );
  const exists = async (pods: string, name: string) => (await api('GET', `${pods}/${name}`)).status === 200;

  it('are listed as a subresource of pods, in the version of their body', async () => {
    const { json } = await api<{ resources: { name: string }[] }>('GET', '/api/v1');
    expect(json.resources.find(({ name }) => name === 'pods/eviction')).toEqual({
      name: 'pods/eviction',
      singularName: '',
      namespaced: true,
      group: 'policy',
      version: await version(),
      kind: 'Eviction',
      verbs: ['create'],
    });
  });

  it('delete a pod that no budget protects, whether it runs or not', async () => {
    const pods = await fresh('pods');
    for (const [name, phase] of [
      ['runs', 'Running'],
      ['waits', 'Pending'],
      ['ended', 'Succeeded'],
    ] as const) {
      await makePod(pods, name, phase);
      expect(ok(await evict(pods, name), 201)).toMatchObject({ kind: 'Status', apiVersion: 'v1', status: 'Success' });
      expect([name, await exists(pods, name)]).toEqual([name, false]);
    }
  });

  it('of a pod on a node begin its deletion', async () => {
    const pods = await fresh('pods');
    await makePod(pods, 'web');
    const target = { kind: 'Node', name: 'elsewhere' };
    ok(await api('POST', `${pods}/web/binding`, { metadata: { name: 'web' }, target }), 201);
    ok(await evict(pods, 'web'), 201);
    expect(ok(await api('GET', `${pods}/web`)).metadata.deletionTimestamp).toBeDefined();
    await api('DELETE', `${pods}/web?gracePeriodSeconds=0`);
  });

  it('are refused when the names differ, there is no such pod, or it is another one', async () => {
    const pods = await fresh('pods');
    await makePod(pods, 'web');
    failure(await evict(pods, 'web', { metadata: { name: 'other' } }), 400, 'BadRequest');
    failure(await evict(pods, 'nobody'), 404, 'NotFound');
    const preconditions = { uid: '00000000-0000-0000-0000-000000000000' };
    failure(await evict(pods, 'web', { deleteOptions: { preconditions } }), 409, 'Conflict');
    expect(await exists(pods, 'web')).toBe(true);
  });

  it('delete the pod with the uid that they name, and nothing in a dry run', async () => {
    const pods = await fresh('pods');
    const { uid } = (await makePod(pods, 'web')).metadata;
    ok(await evict(pods, 'web', { deleteOptions: { dryRun: ['All'] } }), 201);
    expect(await exists(pods, 'web')).toBe(true);
    ok(await evict(pods, 'web', { deleteOptions: { preconditions: { uid } } }), 201);
    expect(await exists(pods, 'web')).toBe(false);
  });

  it('take what a budget allows, and are refused beyond with 429 and the cause', async () => {
    const pods = await fresh('pods');
    for (const name of ['a', 'b']) await makePod(pods, name);
    await makeBudget(pods, 'web', { minAvailable: 1 });
    await budget(pods, 'web', { expectedPods: 2, currentHealthy: 2, desiredHealthy: 1, disruptionsAllowed: 1 });
    ok(await evict(pods, 'a'), 201);
    const status = failure(await evict(pods, 'b'), 429, 'TooManyRequests');
    expect(status.message).toBe("Cannot evict pod as it would violate the pod's disruption budget.");
    expect(status.details?.causes?.[0]?.reason).toBe('DisruptionBudget');
    await budget(pods, 'web', { expectedPods: 1, currentHealthy: 1, disruptionsAllowed: 0 });
    const after = failure(await evict(pods, 'b'), 429, 'TooManyRequests');
    expect(after.details?.causes).toEqual([
      { reason: 'DisruptionBudget', message: 'The disruption budget web needs 1 healthy pods and has 1 currently' },
    ]);
    expect(await exists(pods, 'b')).toBe(true);
  });

  it('need no permission of a budget for a pod that has not started or has ended', async () => {
    const pods = await fresh('pods');
    await makePod(pods, 'waits', 'Pending', false);
    await makePod(pods, 'ended', 'Failed', false);
    await makeBudget(pods, 'web', { minAvailable: 1 });
    await budget(pods, 'web', { currentHealthy: 0, disruptionsAllowed: 0 });
    for (const name of ['waits', 'ended']) expect((await evict(pods, name)).status).toBe(201);
  });

  it('of a pod with two budgets are an error', async () => {
    const pods = await fresh('pods');
    await makePod(pods, 'web');
    for (const name of ['one', 'two']) {
      await makeBudget(pods, name, { minAvailable: 0 });
      await budget(pods, name, { disruptionsAllowed: 1 });
    }
    const answer = await evict(pods, 'web');
    expect([answer.status, (answer.json as { message?: string }).message]).toEqual([
      500,
      'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.',
    ]);
  });

  it.each([
    ['maxUnavailable', 1, 3],
    ['maxUnavailable', '50%', 2],
    ['minAvailable', '50%', 2],
  ])('are reckoned by %s: %s of what the controllers of the pods want', async (field, value, desiredHealthy) => {
    const pods = await fresh('pods');
    const template = {
      metadata: { labels },
      spec: { schedulerName: 'nobody', containers: [{ name: 'web', image: 'web:1' }] },
    };
    const deployments = pods.replace('/api/v1', '/apis/apps/v1').replace(/pods$/, 'deployments');
    const spec = { replicas: 4, selector: { matchLabels: labels }, template };
    ok(await api('POST', deployments, { metadata: { name: 'web' }, spec }), 201);
    await makeBudget(pods, 'web', { [field]: value });
    const { status } = await budget(pods, 'web', { expectedPods: 4, currentHealthy: 0, disruptionsAllowed: 0 });
    expect(status?.desiredHealthy).toBe(desiredHealthy);
  });
});
