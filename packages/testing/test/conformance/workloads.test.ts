import { describe, expect, it } from 'vitest';
import { describeOnClusters } from '../../src/cluster.js';
import { MERGE, STRATEGIC, conformance, failure, ok } from './support.js';

const labels = { app: 'web' };
const template = { metadata: { labels }, spec: { containers: [{ name: 'web', image: 'web:1' }] } };
const SPECS: Record<string, object> = {
  deployments: { replicas: 0, selector: { matchLabels: labels }, template },
  statefulsets: { replicas: 0, selector: { matchLabels: labels }, serviceName: 'web', template },
  daemonsets: { selector: { matchLabels: labels }, template },
};

describeOnClusters('workloads of apps/v1', (start) => {
  const { api, fresh } = conformance(start);
  const at = async (resource: string) => (await fresh(resource)).replace('/api/v1', '/apis/apps/v1');
  const make = async (resource: string, metadata: object = {}) => {
    const path = await at(resource);
    const made = ok(await api('POST', path, { metadata: { name: 'web', ...metadata }, spec: SPECS[resource] }), 201);
    return { path: `${path}/web`, made };
  };

  describe.each(Object.keys(SPECS))('%s', (resource) => {
    it('begin at generation 1', async () => {
      expect((await make(resource)).made.metadata.generation).toBe(1);
    });

    it('raise the generation when the pod template changes', async () => {
      const { path } = await make(resource);
      const annotations = { 'example.com/revision': 'r1' };
      const patched = ok(await api('PATCH', path, { spec: { template: { metadata: { annotations } } } }, STRATEGIC));
      expect(patched.metadata.generation).toBe(2);
      expect(patched.spec?.['template']).toMatchObject({ metadata: { annotations, labels } });
    });

    it('keep the generation when only labels change, or nothing', async () => {
      const { path, made } = await make(resource);
      const patched = ok(await api('PATCH', path, { metadata: { labels: { c: 'd' } } }, MERGE));
      expect(patched.metadata.generation).toBe(1);
      const { template: same } = made.spec as { template: object };
      expect(ok(await api('PATCH', path, { spec: { template: same } }, MERGE)).metadata.generation).toBe(1);
    });

    // A Deployment hands its annotations down to its ReplicaSets, so to its controller they are a change.
    const afterAnnotating = resource === 'deployments' ? 2 : 1;
    it(`are at generation ${afterAnnotating} when an annotation of their own has changed`, async () => {
      const { path } = await make(resource);
      const patched = ok(await api('PATCH', path, { metadata: { annotations: { a: 'b' } } }, MERGE));
      expect(patched.metadata.generation).toBe(afterAnnotating);
    });

    it('do not let their selector change', async () => {
      const { path } = await make(resource);
      const patch = {
        spec: { selector: { matchLabels: { app: 'other' } }, template: { metadata: { labels: { app: 'other' } } } },
      };
      const status = failure(await api('PATCH', path, patch, MERGE), 422, 'Invalid');
      expect(status.message).toMatch(/field is immutable|updates to statefulset spec for fields other than/);
    });

    it('refuse a template that their selector does not match', async () => {
      const path = await at(resource);
      const post = (change: object) =>
        api('POST', path, { metadata: { name: 'web' }, spec: { ...SPECS[resource], ...change } });
      const unmatched = failure(
        await post({ template: { ...template, metadata: { labels: { app: 'x' } } } }),
        422,
        'Invalid',
      );
      expect(unmatched.message).toContain('`selector` does not match template `labels`');
    });

    it('have their pod template defaulted', async () => {
      const { made } = await make(resource);
      expect(made.spec?.['template']).toMatchObject({
        spec: {
          restartPolicy: 'Always',
          dnsPolicy: 'ClusterFirst',
          schedulerName: 'default-scheduler',
          terminationGracePeriodSeconds: 30,
          securityContext: {},
          containers: [
            {
              name: 'web',
              image: 'web:1',
              imagePullPolicy: 'IfNotPresent',
              terminationMessagePath: '/dev/termination-log',
              terminationMessagePolicy: 'File',
              resources: {},
            },
          ],
        },
      });
    });

    it('take no notice of a status in an ordinary write, and none of a spec in one of the status', async () => {
      const { path } = await make(resource);
      const written = ok(await api('PATCH', path, { status: { observedGeneration: 77 } }, MERGE));
      expect((written.status as { observedGeneration?: number }).observedGeneration).not.toBe(77);
      const status = await api(
        'PATCH',
        `${path}/status`,
        { spec: { minReadySeconds: 9 }, metadata: { labels: { by: 'status' } } },
        MERGE,
      );
      expect(ok(status).spec?.['minReadySeconds']).not.toBe(9);
      expect(ok(await api('GET', path)).metadata.generation).toBe(1);
    });
  });

  it.each(['deployments', 'daemonsets'])('of %s are refused without containers', async (resource) => {
    const spec = { ...SPECS[resource], template: { metadata: { labels }, spec: { containers: [] } } };
    const status = failure(await api('POST', await at(resource), { metadata: { name: 'web' }, spec }), 422, 'Invalid');
    expect(status.message).toContain('spec.template.spec.containers: Required value');
  });

  it('have the strategy, the history limit and the replicas defaulted', async () => {
    const path = await at('deployments');
    const spec = { selector: { matchLabels: labels }, template };
    const made = ok(await api('POST', path, { metadata: { name: 'web' }, spec }), 201);
    expect(made.spec).toMatchObject({
      replicas: 1,
      progressDeadlineSeconds: 600,
      revisionHistoryLimit: 10,
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%', maxUnavailable: '25%' } },
    });
    const { made: set } = await make('statefulsets');
    expect(set.spec).toMatchObject({
      podManagementPolicy: 'OrderedReady',
      revisionHistoryLimit: 10,
      updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 0 } },
    });
    const { made: daemons } = await make('daemonsets');
    expect(daemons.spec).toMatchObject({
      updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 1 } },
    });
  });

  it('give an image without a tag, or with :latest, the policy Always', async () => {
    const path = await at('deployments');
    const containers = [
      { name: 'a', image: 'a' },
      { name: 'b', image: 'b:latest' },
      { name: 'c', image: 'c@sha256:0123' },
    ];
    const spec = { ...SPECS['deployments'], template: { metadata: { labels }, spec: { containers } } };
    const made = ok(await api('POST', path, { metadata: { name: 'web' }, spec }), 201);
    const pod = made.spec?.['template'] as { spec: { containers: { imagePullPolicy: string }[] } } | undefined;
    expect(pod?.spec.containers.map(({ imagePullPolicy }) => imagePullPolicy)).toEqual([
      'Always',
      'Always',
      'IfNotPresent',
    ]);
  });

  it('scale by their subresource', async () => {
    const { path } = await make('deployments');
    expect(ok(await api('GET', `${path}/scale`))).toMatchObject({
      kind: 'Scale',
      apiVersion: 'autoscaling/v1',
      spec: {},
    });
    const scaled = ok(await api('PATCH', `${path}/scale`, { spec: { replicas: 2 } }, MERGE));
    expect(scaled.spec).toEqual({ replicas: 2 });
    const deployment = ok(await api('GET', path));
    expect([deployment.spec?.['replicas'], deployment.metadata.generation]).toEqual([2, 2]);
  });

  it('refuse negative replicas', async () => {
    const { path } = await make('statefulsets');
    const status = failure(await api('PATCH', path, { spec: { replicas: -1 } }, MERGE), 422, 'Invalid');
    expect(status.message).toContain('spec.replicas: Invalid value: -1: must be greater than or equal to 0');
  });
});
