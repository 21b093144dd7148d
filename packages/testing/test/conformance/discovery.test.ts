import { describe, expect, it } from 'vitest';
import { describeOnClusters } from '../../src/cluster.js';
import { conformance, failure, ok } from './support.js';

interface ResourceList {
  kind: string;
  groupVersion: string;
  resources: { name: string; kind: string; namespaced: boolean; verbs: string[]; shortNames?: string[] }[];
}

describeOnClusters('discovery', (start) => {
  const it8s = conformance(start);
  const resources = async (path: string) => ok(await it8s.api<ResourceList>('GET', path)).resources;

  it('names the core versions at /api', async () => {
    expect(ok(await it8s.api('GET', '/api'))).toMatchObject({ kind: 'APIVersions', versions: ['v1'] });
  });

  it('names groups with their versions and the preferred one at /apis', async () => {
    const { kind, groups } = ok(await it8s.api<{ kind: string; groups: { name: string }[] }>('GET', '/apis'));
    expect(kind).toBe('APIGroupList');
    expect(groups.find(({ name }) => name === 'apps')).toMatchObject({
      name: 'apps',
      versions: [{ groupVersion: 'apps/v1', version: 'v1' }],
      preferredVersion: { groupVersion: 'apps/v1', version: 'v1' },
    });
    const all = groups.map(({ name }) => name);
    for (const group of [
      'apiextensions.k8s.io',
      'authentication.k8s.io',
      'authorization.k8s.io',
      'coordination.k8s.io',
      'rbac.authorization.k8s.io',
    ]) {
      expect(all).toContain(group);
    }
  });

  it('describes one group at /apis/apps', async () => {
    expect(ok(await it8s.api('GET', '/apis/apps'))).toMatchObject({
      kind: 'APIGroup',
      name: 'apps',
      preferredVersion: { groupVersion: 'apps/v1' },
    });
  });

  it.each([
    ['/api/v1', 'configmaps', 'ConfigMap', true, ['cm']],
    ['/api/v1', 'namespaces', 'Namespace', false, ['ns']],
    ['/api/v1', 'secrets', 'Secret', true, undefined],
    ['/api/v1', 'serviceaccounts', 'ServiceAccount', true, ['sa']],
    ['/apis/apps/v1', 'statefulsets', 'StatefulSet', true, ['sts']],
    ['/apis/apps/v1', 'deployments', 'Deployment', true, ['deploy']],
    ['/apis/coordination.k8s.io/v1', 'leases', 'Lease', true, undefined],
  ])('describes in %s the resource %s', async (path, name, kind, namespaced, shortNames) => {
    const found = (await resources(path)).find((resource) => resource.name === name);
    expect(found).toMatchObject({ name, kind, namespaced, ...(shortNames ? { shortNames } : {}) });
    expect(found?.verbs).toEqual(
      expect.arrayContaining(['create', 'delete', 'get', 'list', 'patch', 'update', 'watch']),
    );
  });

  it('lists subresources', async () => {
    const apps = (await resources('/apis/apps/v1')).map(({ name }) => name);
    expect(apps).toEqual(expect.arrayContaining(['deployments/scale', 'deployments/status', 'statefulsets/status']));
    const core = (await resources('/api/v1')).map(({ name }) => name);
    expect(core).toEqual(expect.arrayContaining(['pods/status', 'serviceaccounts/token']));
  });

  it('tells its version', async () => {
    const version = ok(await it8s.api<Record<string, string>>('GET', '/version'));
    expect(version['major']).toBe('1');
    expect(version['gitVersion']).toMatch(/^v1\.\d+\.\d+/);
  });

  it('is alive and ready', async () => {
    for (const path of ['/healthz', '/livez', '/readyz']) {
      const answer = await it8s.api('GET', path);
      expect([path, answer.status, answer.text]).toEqual([path, 200, 'ok']);
    }
  });

  it('serves an OpenAPI v2 document whose definitions name their kinds', async () => {
    type OpenApi = {
      swagger: string;
      definitions: Record<
        string,
        { 'x-kubernetes-group-version-kind'?: unknown; properties?: Record<string, unknown> }
      >;
    };
    const { swagger, definitions } = ok(await it8s.api<OpenApi>('GET', '/openapi/v2'));
    expect(swagger).toBe('2.0');
    expect(definitions['io.k8s.api.core.v1.ConfigMap']?.['x-kubernetes-group-version-kind']).toEqual([
      { group: '', kind: 'ConfigMap', version: 'v1' },
    ]);
    const statefulSet = definitions['io.k8s.api.apps.v1.StatefulSet'];
    expect(Object.keys(statefulSet?.properties ?? {})).toEqual(
      expect.arrayContaining(['apiVersion', 'kind', 'metadata', 'spec', 'status']),
    );
  });

  describe('answers 404', () => {
    // In which words is a matter of the version.
    it.each(['/apis/nowhere.example.com', '/apis/apps/v9'])('to %s', async (path) => {
      expect((await it8s.api('GET', path)).status).toBe(404);
    });

    it('to an unknown resource of a known version', async () => {
      const status = failure(await it8s.api('GET', '/api/v1/namespaces/default/nothings'), 404, 'NotFound');
      expect(status.message).toBe('the server could not find the requested resource');
    });
  });
});
