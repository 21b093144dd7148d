import { describe, expect, it } from 'vitest';
import { describeOnClusters } from '../../src/cluster.js';
import { APPLY, MERGE, conformance, failure, ok } from './support.js';

describeOnClusters('server-side apply', (start) => {
  const { api, fresh } = conformance(start);

  const configMap = (data: object, metadata: object = {}) => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'cm', ...metadata },
    data,
  });
  const apply = (path: string, body: object, query: string) => api('PATCH', `${path}/cm?${query}`, body, APPLY);

  it('creates what is not there with 201, then updates with 200', async () => {
    const path = await fresh();
    const made = ok(await apply(path, configMap({ a: '1' }), 'fieldManager=one'), 201);
    expect(made.data).toEqual({ a: '1' });
    const updated = ok(await apply(path, configMap({ a: '2' }), 'fieldManager=one'));
    expect(updated.data).toEqual({ a: '2' });
    expect(updated.metadata.uid).toBe(made.metadata.uid);
  });

  it('records who owns which fields', async () => {
    const made = ok(await apply(await fresh(), configMap({ a: '1' }, { labels: { x: 'y' } }), 'fieldManager=one'), 201);
    expect(made.metadata.managedFields).toMatchObject([
      {
        manager: 'one',
        operation: 'Apply',
        apiVersion: 'v1',
        fieldsType: 'FieldsV1',
        fieldsV1: { 'f:metadata': { 'f:labels': { 'f:x': {} } }, 'f:data': { 'f:a': {} } },
      },
    ]);
  });

  it('changes nothing when the same is applied again', async () => {
    const path = await fresh();
    const made = ok(await apply(path, configMap({ a: '1' }), 'fieldManager=one'), 201);
    const again = ok(await apply(path, configMap({ a: '1' }), 'fieldManager=one'));
    expect(again.metadata.resourceVersion).toBe(made.metadata.resourceVersion);
  });

  it('removes what its owner leaves out, and nothing of others', async () => {
    const path = await fresh();
    ok(await apply(path, configMap({ a: '1', b: '1' }), 'fieldManager=one'), 201);
    ok(await apply(path, configMap({ c: '1' }), 'fieldManager=two'));
    expect(ok(await apply(path, configMap({ a: '1' }), 'fieldManager=one')).data).toEqual({ a: '1', c: '1' });
  });

  it('refuses to change what another manager owns with 409, which names manager and field', async () => {
    const path = await fresh();
    ok(await apply(path, configMap({ a: '1', b: '1' }), 'fieldManager=one'), 201);
    const status = failure(await apply(path, configMap({ a: '2' }), 'fieldManager=two'), 409, 'Conflict');
    expect(status.message).toBe('Apply failed with 1 conflict: conflict with "one": .data.a');
    expect(status.details?.causes).toEqual([
      { reason: 'FieldManagerConflict', message: 'conflict with "one"', field: '.data.a' },
    ]);
    const several = failure(await apply(path, configMap({ a: '2', b: '2' }), 'fieldManager=two'), 409, 'Conflict');
    expect(several.message).toMatch(/^Apply failed with 2 conflicts: conflicts with "one":\n- \.data\.a\n- \.data\.b$/);
  });

  it('shares a field whose value is the same: the one leaves it, the other keeps it', async () => {
    const path = await fresh();
    ok(await apply(path, configMap({ a: '1' }), 'fieldManager=one'), 201);
    ok(await apply(path, configMap({ a: '1' }), 'fieldManager=two'));
    expect(ok(await apply(path, configMap({}), 'fieldManager=one')).data).toEqual({ a: '1' });
    expect(ok(await apply(path, configMap({}), 'fieldManager=two')).data).toBeUndefined();
  });

  it('takes fields over by force', async () => {
    const path = await fresh();
    ok(await apply(path, configMap({ a: '1' }), 'fieldManager=one'), 201);
    const forced = ok(await apply(path, configMap({ a: '2' }), 'fieldManager=two&force=true'));
    expect(forced.data).toEqual({ a: '2' });
    const owners = forced.metadata.managedFields?.filter(({ fieldsV1 }) => JSON.stringify(fieldsV1).includes('f:a'));
    expect(owners?.map(({ manager }) => manager)).toEqual(['two']);
    failure(await apply(path, configMap({ a: '3' }), 'fieldManager=one'), 409, 'Conflict');
  });

  it('conflicts with an ordinary writer too, who owns what it wrote', async () => {
    const path = await fresh();
    ok(await apply(path, configMap({ a: '1' }), 'fieldManager=one'), 201);
    const patched = ok(await api('PATCH', `${path}/cm?fieldManager=editor`, { data: { a: '2' } }, MERGE));
    const owners = patched.metadata.managedFields?.map(({ manager, operation }) => [manager, operation]);
    expect(owners).toContainEqual(['editor', 'Update']);
    const status = failure(await apply(path, configMap({ a: '1' }), 'fieldManager=one'), 409, 'Conflict');
    expect(status.message).toMatch(/^Apply failed with 1 conflict: conflict with "editor" using v1.*: \.data\.a$/);
  });

  it('merges lists with a key by that key', async () => {
    const path = (await fresh('deployments')).replace('/api/v1', '/apis/apps/v1');
    const deployment = (containers: object[]) => ({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'cm' },
      spec: {
        replicas: 0,
        selector: { matchLabels: { a: 'b' } },
        template: { metadata: { labels: { a: 'b' } }, spec: { containers } },
      },
    });
    const containersOf = (object: { spec?: unknown }) =>
      (object.spec as { template: { spec: { containers: { name: string; image: string }[] } } }).template.spec
        .containers;
    ok(await apply(path, deployment([{ name: 'x', image: 'x:1' }]), 'fieldManager=one'), 201);
    const other = ok(await apply(path, deployment([{ name: 'y', image: 'y:1' }]), 'fieldManager=two'));
    expect(containersOf(other).map(({ name }) => name)).toEqual(['x', 'y']);
    const updated = ok(await apply(path, deployment([{ name: 'x', image: 'x:2' }]), 'fieldManager=one'));
    expect(containersOf(updated).map(({ image }) => image)).toEqual(['x:2', 'y:1']);
  });

  it('keeps status and metadata of the server out of it', async () => {
    const path = await fresh();
    const made = ok(await apply(path, configMap({ a: '1' }), 'fieldManager=one'), 201);
    expect(made.metadata.creationTimestamp).toBeTruthy();
    expect(JSON.stringify(made.metadata.managedFields)).not.toContain('creationTimestamp');
  });

  describe('refuses', () => {
    it('to work without a field manager: 422', async () => {
      const status = failure(await apply(await fresh(), configMap({}), ''), 422, 'Invalid');
      expect(status.message).toContain('fieldManager: Required value: is required for apply patch');
    });

    it('managedFields in what is applied: 400', async () => {
      const body = configMap({}, { managedFields: [{ manager: 'x', operation: 'Apply', apiVersion: 'v1' }] });
      const status = failure(await apply(await fresh(), body, 'fieldManager=one'), 400, 'BadRequest');
      expect(status.message).toBe('metadata.managedFields must be nil');
    });

    it('force with another kind of patch: 422', async () => {
      const path = await fresh();
      ok(await api('POST', path, { metadata: { name: 'cm' } }), 201);
      const status = failure(await api('PATCH', `${path}/cm?force=true`, {}, MERGE), 422, 'Invalid');
      expect(status.message).toContain('force: Forbidden: may not be specified for non-apply patch');
    });

    it('an old resourceVersion: 409', async () => {
      const path = await fresh();
      const made = ok(await apply(path, configMap({ a: '1' }), 'fieldManager=one'), 201);
      ok(await apply(path, configMap({ a: '2' }), 'fieldManager=one'));
      const { resourceVersion } = made.metadata;
      failure(await apply(path, configMap({ a: '3' }, { resourceVersion }), 'fieldManager=one'), 409, 'Conflict');
      expect(ok(await api('GET', `${path}/cm`)).data).toEqual({ a: '2' });
    });
  });
});

describeOnClusters('managedFields', (start) => {
  const { api, fresh } = conformance(start);

  it('name the writer by fieldManager, or else by the user agent', async () => {
    const path = await fresh();
    const named = ok(await api('POST', `${path}?fieldManager=me`, { metadata: { name: 'a' }, data: { a: '1' } }), 201);
    expect(named.metadata.managedFields).toMatchObject([
      { manager: 'me', operation: 'Update', apiVersion: 'v1', fieldsV1: { 'f:data': { '.': {}, 'f:a': {} } } },
    ]);
    const agent = { 'user-agent': 'my-tool/1.2 (linux)' };
    const unnamed = ok(await api('POST', path, { metadata: { name: 'b' }, data: { a: '1' } }, agent), 201);
    expect(unnamed.metadata.managedFields?.map(({ manager }) => manager)).toEqual(['my-tool']);
  });

  it('are cleared by a write that carries one empty entry', async () => {
    const path = await fresh();
    const made = ok(await api('POST', path, { metadata: { name: 'a' }, data: { a: '1' } }), 201);
    expect(made.metadata.managedFields).toHaveLength(1);
    const clearing = { metadata: { managedFields: [{}] }, data: { a: '2' } };
    const cleared = ok(await api('PATCH', `${path}/a`, clearing, MERGE));
    expect(cleared.metadata.managedFields ?? []).toEqual([]);
    expect(cleared['data']).toEqual({ a: '2' });
  });

  it('move with a field to whoever wrote it last', async () => {
    const path = await fresh();
    ok(await api('POST', `${path}?fieldManager=first`, { metadata: { name: 'a' }, data: { a: '1', b: '1' } }), 201);
    const patched = ok(await api('PATCH', `${path}/a?fieldManager=second`, { data: { b: '2' } }, MERGE));
    const fields = Object.fromEntries(
      (patched.metadata.managedFields ?? []).map(({ manager, fieldsV1 }) => [manager, JSON.stringify(fieldsV1)]),
    );
    expect(fields['first']).toContain('"f:a"');
    expect(fields['first']).not.toContain('"f:b"');
    expect(fields['second']).toContain('"f:b"');
  });
});
