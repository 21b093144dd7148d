import { describe, expect, it } from 'vitest';
import { describeOnClusters } from '../../src/cluster.js';
import { eventually, never } from '../../src/eventually.js';
import { MERGE, conformance, failure, ok } from './support.js';

describeOnClusters('lifecycle', (start) => {
  const it8s = conformance(start);
  const { api, fresh } = it8s;
  const gone = (path: string) => async () => (await api('GET', path)).status === 404;

  describe('finalizers', () => {
    it('hold a deletion until the last is removed', async () => {
      const path = await fresh();
      const finalizers = ['example.com/a', 'example.com/b'];
      const made = ok(await api('POST', path, { metadata: { name: 'cm', finalizers } }), 201);
      await using watch = await it8s.watch(
        `${path}?watch=true&resourceVersion=${made.metadata.resourceVersion}&fieldSelector=metadata.name%3Dcm`,
      );

      const deleting = ok(await api('DELETE', `${path}/cm`));
      expect(deleting).toMatchObject({ kind: 'ConfigMap', metadata: { finalizers, deletionGracePeriodSeconds: 0 } });
      expect(deleting.metadata.deletionTimestamp).toBeTruthy();
      ok(await api('PATCH', `${path}/cm`, { metadata: { finalizers: ['example.com/b'] } }, MERGE));
      ok(await api('GET', `${path}/cm`));
      ok(await api('PATCH', `${path}/cm`, { metadata: { finalizers: [] } }, MERGE));
      failure(await api('GET', `${path}/cm`), 404, 'NotFound');
      const events = await watch.until(({ type }) => type === 'DELETED');
      expect(events.map(({ type }) => type)).toEqual(['MODIFIED', 'MODIFIED', 'DELETED']);
    });

    it('cannot be added to what is being deleted', async () => {
      const path = await fresh();
      ok(await api('POST', path, { metadata: { name: 'cm', finalizers: ['example.com/a'] } }), 201);
      ok(await api('DELETE', `${path}/cm`));
      const patch = { metadata: { finalizers: ['example.com/a', 'example.com/b'] } };
      const status = failure(await api('PATCH', `${path}/cm`, patch, MERGE), 422, 'Invalid');
      expect(status.message).toContain(
        'metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted',
      );
      ok(await api('PATCH', `${path}/cm`, { metadata: { finalizers: null } }, MERGE));
    });

    it('must be qualified names', async () => {
      const answer = await api('POST', await fresh(), { metadata: { name: 'cm', finalizers: ['plain'] } });
      expect(failure(answer, 422, 'Invalid').details?.causes?.[0]?.field).toMatch(/^metadata\.finalizers/);
    });
  });

  describe('owners', () => {
    const owner = ({ name, uid }: { name: string; uid: string }, more: object = {}) => ({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      name,
      uid,
      ...more,
    });
    const DEADLINE = { timeoutMs: 60_000, because: 'the garbage collector should have deleted it' };

    it('take what they own with them', async () => {
      const path = await fresh();
      const { metadata } = ok(await api('POST', path, { metadata: { name: 'owner' } }), 201);
      const ownerReferences = [owner(metadata)];
      ok(await api('POST', path, { metadata: { name: 'owned', ownerReferences } }), 201);
      ok(await api('POST', path, { metadata: { name: 'free' } }), 201);
      ok(await api('DELETE', `${path}/owner`));
      await eventually(gone(`${path}/owned`), DEADLINE);
      ok(await api('GET', `${path}/free`));
    }, 90_000);

    it('leave what another still owns', async () => {
      const path = await fresh();
      const one = ok(await api('POST', path, { metadata: { name: 'one' } }), 201);
      const two = ok(await api('POST', path, { metadata: { name: 'two' } }), 201);
      const ownerReferences = [owner(one.metadata), owner(two.metadata)];
      ok(await api('POST', path, { metadata: { name: 'owned', ownerReferences } }), 201);
      ok(await api('DELETE', `${path}/one`));
      await never(gone(`${path}/owned`), { forMs: 1000, because: 'its other owner is there' });
      ok(await api('DELETE', `${path}/two`));
      await eventually(gone(`${path}/owned`), DEADLINE);
    }, 90_000);

    it('that never were, or are another by uid, do not save it', async () => {
      const path = await fresh();
      const ownerReferences = [owner({ name: 'ghost', uid: '00000000-0000-4000-8000-000000000000' })];
      ok(await api('POST', path, { metadata: { name: 'orphan', ownerReferences } }), 201);
      await eventually(gone(`${path}/orphan`), DEADLINE);
    }, 90_000);

    it('leave orphans when asked to', async () => {
      const path = await fresh();
      const { metadata } = ok(await api('POST', path, { metadata: { name: 'owner' } }), 201);
      ok(await api('POST', path, { metadata: { name: 'owned', ownerReferences: [owner(metadata)] } }), 201);
      ok(await api('DELETE', `${path}/owner?propagationPolicy=Orphan`));
      await eventually(gone(`${path}/owner`), DEADLINE);
      const orphan = await eventually(async () => {
        const { json } = await api('GET', `${path}/owned`);
        return json.metadata.ownerReferences === undefined && json;
      }, DEADLINE);
      expect(orphan.metadata.deletionTimestamp).toBeUndefined();
    }, 90_000);

    it('go last when asked to delete in the foreground', async () => {
      const path = await fresh();
      const { metadata } = ok(await api('POST', path, { metadata: { name: 'owner' } }), 201);
      const ownerReferences = [owner(metadata, { blockOwnerDeletion: true })];
      ok(
        await api('POST', path, { metadata: { name: 'owned', ownerReferences, finalizers: ['example.com/hold'] } }),
        201,
      );
      // The collector must know of both before it can tell that one blocks the other.
      await eventually(async () => (await api('GET', `${path}/owned`)).status === 200);
      const deleting = ok(await api('DELETE', `${path}/owner?propagationPolicy=Foreground`));
      expect(deleting.metadata.finalizers).toEqual(['foregroundDeletion']);
      await eventually(async () => (await api('GET', `${path}/owned`)).json.metadata.deletionTimestamp, DEADLINE);
      ok(await api('GET', `${path}/owner`));
      ok(await api('PATCH', `${path}/owned`, { metadata: { finalizers: null } }, MERGE));
      await eventually(gone(`${path}/owner`), DEADLINE);
    }, 90_000);

    it('must be named fully', async () => {
      const ownerReferences = [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'owner' }];
      const status = failure(
        await api('POST', await fresh(), { metadata: { name: 'cm', ownerReferences } }),
        422,
        'Invalid',
      );
      expect(status.details?.causes?.[0]?.field).toBe('metadata.ownerReferences.uid');
    });
  });

  describe('a namespace that is deleted', () => {
    it('takes all with it, refuses what is new, and waits for finalizers', async () => {
      const path = await fresh();
      const namespace = path.split('/').slice(0, 5).join('/');
      ok(await api('POST', path, { metadata: { name: 'held', finalizers: ['example.com/a'] } }), 201);
      ok(await api('POST', path, { metadata: { name: 'cm' } }), 201);
      await using watch = await it8s.watch(`${path}?watch=true&fieldSelector=metadata.name%3Dcm`);
      expect((await watch.next()).type).toBe('ADDED');

      const deleting = ok(await api('DELETE', namespace));
      expect(deleting).toMatchObject({ kind: 'Namespace', status: { phase: 'Terminating' } });
      const status = failure(await api('POST', path, { metadata: { name: 'new' } }), 403, 'Forbidden');
      expect(status.message).toBe(
        `configmaps "new" is forbidden: unable to create new content in namespace ${path.split('/')[4]} because it is being terminated`,
      );
      expect(status.details?.causes?.[0]).toMatchObject({
        reason: 'NamespaceTerminating',
        field: 'metadata.namespace',
      });

      expect((await watch.next(60_000)).type).toBe('DELETED');
      ok(await api('GET', namespace));
      ok(await api('PATCH', `${path}/held`, { metadata: { finalizers: null } }, MERGE));
      await eventually(gone(namespace), { timeoutMs: 60_000, because: 'the namespace should be gone' });
    }, 130_000);

    it('cannot be one of the first', async () => {
      const status = failure(await api('DELETE', '/api/v1/namespaces/default'), 403, 'Forbidden');
      expect(status.message).toBe('namespaces "default" is forbidden: this namespace may not be deleted');
    });
  });
});
