import { describe, expect, it } from 'vitest';
import { ApiClient, type ApiResponse } from '../../src/api-client.js';
import { describeOnClusters } from '../../src/cluster.js';
import { eventually } from '../../src/eventually.js';
import { MERGE, conformance, failure, names, ok, unique } from './support.js';

const RBAC = '/apis/rbac.authorization.k8s.io/v1';

interface Rule {
  apiGroups: string[];
  resources: string[];
  verbs: string[];
  resourceNames?: string[];
}

describeOnClusters('authentication and authorization', (start) => {
  const it8s = conformance(start);
  const { api, fresh } = it8s;

  /** A service account in a new namespace, and requests as it. */
  const robot = async () => {
    const path = await fresh();
    const namespace = path.split('/')[4] ?? '';
    const token = await it8s.cluster.serviceAccountToken(namespace, 'robot');
    const authorization = { authorization: `Bearer ${token}` };
    const as = (method: string, url: string, body?: unknown, headers: Record<string, string> = {}) =>
      api(method, url, body, { ...headers, ...authorization });
    const subjects = [{ kind: 'ServiceAccount', name: 'robot', namespace }];
    const grant = async (rules: Rule[]) => {
      const roles = `${RBAC}/namespaces/${namespace}`;
      const name = unique('role');
      const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name };
      ok(await api('POST', `${roles}/roles`, { metadata: { name }, rules }), 201);
      ok(await api('POST', `${roles}/rolebindings`, { metadata: { name }, roleRef, subjects }), 201);
      return `${roles}/rolebindings/${name}`;
    };
    return {
      path,
      namespace,
      token,
      authorization,
      as,
      grant,
      subjects,
      user: `system:serviceaccount:${namespace}:robot`,
    };
  };
  const allowed = (call: () => Promise<{ status: number }>) => eventually(async () => (await call()).status < 300);
  const denied = (call: () => Promise<{ status: number }>) => eventually(async () => (await call()).status === 403);

  it('answers 401 to an unknown token', async () => {
    const status = failure(
      await api('GET', await fresh(), undefined, { authorization: 'Bearer nonsense' }),
      401,
      'Unauthorized',
    );
    expect(status.message).toBe('Unauthorized');
  });

  it('answers 403 that names user, verb, resource and namespace', async () => {
    const { as, path, namespace, user } = await robot();
    const list = failure(await as('GET', path), 403, 'Forbidden');
    expect(list.message).toBe(
      `configmaps is forbidden: User "${user}" cannot list resource "configmaps" in API group "" in the namespace "${namespace}"`,
    );
    expect(list.details).toEqual({ kind: 'configmaps' });
    const get = failure(await as('GET', `${path}/cm`), 403, 'Forbidden');
    expect(get.message).toBe(
      `configmaps "cm" is forbidden: User "${user}" cannot get resource "configmaps" in API group "" in the namespace "${namespace}"`,
    );
    expect(get.details).toEqual({ name: 'cm', kind: 'configmaps' });
    const watch = failure(await as('GET', `${path}?watch=true`), 403, 'Forbidden');
    expect(watch.message).toContain('cannot watch resource "configmaps"');
    const wide = failure(await as('GET', '/apis/apps/v1/deployments'), 403, 'Forbidden');
    expect(wide.message).toBe(
      `deployments.apps is forbidden: User "${user}" cannot list resource "deployments" in API group "apps" at the cluster scope`,
    );
    const status = failure(
      await as(
        'PATCH',
        path.replace('/api/v1', '/apis/apps/v1').replace('configmaps', 'deployments/d/status'),
        {},
        MERGE,
      ),
      403,
      'Forbidden',
    );
    expect(status.message).toContain('cannot patch resource "deployments/status" in API group "apps"');
  });

  it('grants by Role and RoleBinding, and only that', async () => {
    const { as, path, grant } = await robot();
    await grant([{ apiGroups: [''], resources: ['configmaps'], verbs: ['get', 'list', 'create'] }]);
    await allowed(() => as('GET', path));
    ok(await as('POST', path, { metadata: { name: 'cm' } }), 201);
    const refused = failure(await as('DELETE', `${path}/cm`), 403, 'Forbidden');
    expect(refused.message).toContain('cannot delete resource "configmaps"');
    failure(await as('GET', path.replace('configmaps', 'secrets')), 403, 'Forbidden');
    failure(await as('GET', '/api/v1/configmaps'), 403, 'Forbidden');
  });

  it('grants by ClusterRole: within a namespace by a RoleBinding, everywhere by a ClusterRoleBinding', async () => {
    const { as, path, namespace, subjects } = await robot();
    const name = unique('conformance-reader');
    const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name };
    const rules = [{ apiGroups: [''], resources: ['configmaps'], verbs: ['get', 'list', 'watch'] }];
    ok(await api('POST', `${RBAC}/clusterroles`, { metadata: { name }, rules }), 201);
    ok(
      await api('POST', `${RBAC}/namespaces/${namespace}/rolebindings`, { metadata: { name }, roleRef, subjects }),
      201,
    );
    await allowed(() => as('GET', path));
    const wide = failure(await as('GET', '/api/v1/configmaps'), 403, 'Forbidden');
    expect(wide.message).toContain('at the cluster scope');
    ok(await api('POST', `${RBAC}/clusterrolebindings`, { metadata: { name }, roleRef, subjects }), 201);
    await allowed(() => as('GET', '/api/v1/configmaps?limit=1'));
    ok(await api('DELETE', `${RBAC}/clusterrolebindings/${name}`));
    ok(await api('DELETE', `${RBAC}/clusterroles/${name}`));
  });

  it('grants single names, for a list or watch of one name by field selector too', async () => {
    const { as, path, grant, token } = await robot();
    await grant([
      { apiGroups: [''], resources: ['configmaps'], verbs: ['get', 'list', 'watch', 'patch'], resourceNames: ['mine'] },
    ]);
    for (const name of ['mine', 'other']) ok(await api('POST', path, { metadata: { name } }), 201);
    await allowed(() => as('GET', `${path}/mine`));
    expect(names(ok(await as('GET', `${path}?fieldSelector=metadata.name%3Dmine`)))).toEqual(['mine']);
    ok(await as('PATCH', `${path}/mine`, { data: { a: '1' } }, MERGE));

    const { cluster } = it8s;
    const client = new ApiClient(cluster.url, token, cluster.ca);
    const watch = await client.watch(`${path}?watch=true&fieldSelector=metadata.name%3Dmine`);
    expect((await watch.next()).object.metadata.name).toBe('mine');
    await client.close();

    failure(await as('GET', `${path}/other`), 403, 'Forbidden');
    failure(await as('GET', `${path}?fieldSelector=metadata.name%3Dother`), 403, 'Forbidden');
    failure(await as('GET', path), 403, 'Forbidden');
    failure(await as('GET', `${path}?watch=true`), 403, 'Forbidden');
  });

  it('withdraws and restores a right while running', async () => {
    const { as, path, grant } = await robot();
    const rules = [{ apiGroups: [''], resources: ['configmaps'], verbs: ['list'] }];
    const binding = await grant(rules);
    await allowed(() => as('GET', path));
    ok(await api('DELETE', binding));
    await denied(() => as('GET', path));
    await grant(rules);
    expect(await allowed(() => as('GET', path))).toBe(true);
  });

  it('tells subresources apart', async () => {
    const { as, path, grant } = await robot();
    await grant([{ apiGroups: ['apps'], resources: ['deployments/status'], verbs: ['get'] }]);
    const deployment = `${path.replace('/api/v1', '/apis/apps/v1').replace('configmaps', 'deployments')}/d`;
    await eventually(async () => (await as('GET', `${deployment}/status`)).status === 404);
    failure(await as('GET', deployment), 403, 'Forbidden');
  });

  describe('TokenRequest', () => {
    it('gives a token that tells whose it is and when it ends', async () => {
      const { namespace, token } = await robot();
      const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as Record<
        string,
        unknown
      >;
      expect(claims['sub']).toBe(`system:serviceaccount:${namespace}:robot`);
      expect(claims['kubernetes.io']).toMatchObject({ namespace, serviceaccount: { name: 'robot' } });
      expect(Number(claims['exp']) - Number(claims['iat'])).toBe(7200);
    });

    it('answers 404 for an account that is not there, and refuses too short a life', async () => {
      const path = (await fresh('serviceaccounts')) + '/ghost/token';
      const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} };
      failure(await api('POST', path, body), 404, 'NotFound');
      const { namespace } = await robot();
      const short = { ...body, spec: { expirationSeconds: 5 } };
      const answer = await api('POST', `/api/v1/namespaces/${namespace}/serviceaccounts/robot/token`, short);
      expect(failure(answer, 422, 'Invalid').message).toContain(
        'spec.expirationSeconds: Invalid value: 5: may not specify a duration less than 10 minutes',
      );
    });

    it('gives tokens that end with their account', async () => {
      const { as, path, namespace } = await robot();
      failure(await as('GET', path), 403, 'Forbidden');
      ok(await api('DELETE', `/api/v1/namespaces/${namespace}/serviceaccounts/robot`));
      await eventually(async () => (await as('GET', path)).status === 401, { timeoutMs: 20_000 });
    });
  });

  describe('access reviews', () => {
    const SELF = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';
    const review = (resourceAttributes: object, more: object = {}) => ({
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SelfSubjectAccessReview',
      spec: { resourceAttributes, ...more },
    });
    const answerTo = async (call: Promise<ApiResponse>) => (ok(await call, 201).status as { allowed: boolean }).allowed;

    it('tell everyone what they may do', async () => {
      const { as, path, namespace, grant } = await robot();
      await grant([{ apiGroups: [''], resources: ['configmaps'], verbs: ['list'] }]);
      await allowed(() => as('GET', path));
      const may = (verb: string) => answerTo(as('POST', SELF, review({ verb, resource: 'configmaps', namespace })));
      expect([await may('list'), await may('watch')]).toEqual([true, false]);
      expect(await answerTo(api('POST', SELF, review({ verb: '*', resource: '*', group: '*' })))).toBe(true);
    });

    it('tell an administrator what another may do', async () => {
      const { as, path, namespace, grant, user } = await robot();
      await grant([{ apiGroups: ['apps'], resources: ['statefulsets'], verbs: ['patch'], resourceNames: ['web'] }]);
      const subject = '/apis/authorization.k8s.io/v1/subjectaccessreviews';
      const may = (name: string) => {
        const attributes = { verb: 'patch', group: 'apps', resource: 'statefulsets', namespace, name };
        return answerTo(api('POST', subject, { ...review(attributes, { user }), kind: 'SubjectAccessReview' }));
      };
      await eventually(() => may('web'));
      expect(await may('other')).toBe(false);
      failure(await as('POST', subject, review({}, { user })), 403, 'Forbidden');
      failure(await as('GET', path), 403, 'Forbidden');
    });
  });

  describe('impersonation', () => {
    it('acts as the other, with no more rights than theirs', async () => {
      const path = await fresh();
      const as = { 'impersonate-user': 'jane', 'impersonate-group': 'developers' };
      const status = failure(await api('GET', path, undefined, as), 403, 'Forbidden');
      expect(status.message).toContain('User "jane" cannot list resource "configmaps"');
      ok(await api('GET', path, undefined, { ...as, 'impersonate-group': 'system:masters' }));
    });

    it('acts as a service account with its rights', async () => {
      const { path, grant, user } = await robot();
      await grant([{ apiGroups: [''], resources: ['configmaps'], verbs: ['list'] }]);
      await allowed(() => api('GET', path, undefined, { 'impersonate-user': user }));
      const status = failure(await api('GET', `${path}/x`, undefined, { 'impersonate-user': user }), 403, 'Forbidden');
      expect(status.message).toContain(`User "${user}" cannot get resource`);
    });

    it('needs the right to it', async () => {
      const { as, path, user } = await robot();
      const status = failure(await as('GET', path, undefined, { 'impersonate-user': 'jane' }), 403, 'Forbidden');
      expect(status.message).toBe(
        `users "jane" is forbidden: User "${user}" cannot impersonate resource "users" in API group "" at the cluster scope`,
      );
    });
  });

  it('does not let anyone grant more than they have', async () => {
    const { as, namespace, grant, path } = await robot();
    await grant([{ apiGroups: ['rbac.authorization.k8s.io'], resources: ['roles'], verbs: ['create'] }]);
    const roles = `${RBAC}/namespaces/${namespace}/roles`;
    const role = (verbs: string[]) => ({
      metadata: { name: unique('r') },
      rules: [{ apiGroups: [''], resources: ['secrets'], verbs }],
    });
    const status = await eventually(async () => {
      const answer = await as('POST', roles, role(['get']));
      return answer.text.includes('attempting to grant') && failure(answer, 403, 'Forbidden');
    });
    expect(status.message).toContain('is attempting to grant RBAC permissions not currently held');
    failure(await as('GET', path), 403, 'Forbidden');
  });
});
