import { describe, expect, it } from 'vitest';
import { describeOnClusters } from '../../src/cluster.js';
import { MERGE, conformance, failure, names, ok } from './support.js';

describeOnClusters('objects', (start) => {
  const it8s = conformance(start);
  const { api, fresh } = it8s;

  describe('creating', () => {
    it('answers 201 with the stored object and fills in what the server owns', async () => {
      const path = await fresh();
      const before = Date.now();
      const made = ok(
        await api('POST', path, {
          metadata: { name: 'cm', uid: 'mine', creationTimestamp: '2001-01-01T00:00:00Z' },
          data: { a: '1' },
        }),
        201,
      );
      expect(made).toMatchObject({ kind: 'ConfigMap', apiVersion: 'v1', data: { a: '1' } });
      expect(made.metadata).toMatchObject({ name: 'cm', namespace: path.split('/')[4] });
      expect(made.metadata.uid).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
      expect(made.metadata.resourceVersion).toMatch(/^[1-9]\d*$/);
      expect(made.metadata.creationTimestamp).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
      expect(Math.abs(Date.parse(made.metadata.creationTimestamp ?? '') - before)).toBeLessThan(10_000);
      expect(ok(await api('GET', `${path}/cm`))).toEqual(made);
    });

    it('takes YAML as well', async () => {
      const body = 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: from-yaml\ndata:\n  a: "1"\n';
      const made = ok(await api('POST', await fresh(), body, { 'content-type': 'application/yaml' }), 201);
      expect(made.data).toEqual({ a: '1' });
    });

    it('refuses a name that is taken with 409 AlreadyExists', async () => {
      const path = await fresh();
      ok(await api('POST', path, { metadata: { name: 'cm' } }), 201);
      const status = failure(await api('POST', path, { metadata: { name: 'cm' } }), 409, 'AlreadyExists');
      expect(status.message).toBe('configmaps "cm" already exists');
      expect(status.details).toEqual({ name: 'cm', kind: 'configmaps' });
    });

    it('makes a name out of generateName, a different one each time', async () => {
      const path = await fresh();
      const one = ok(await api('POST', path, { metadata: { generateName: 'cm-' } }), 201);
      const two = ok(await api('POST', path, { metadata: { generateName: 'cm-' } }), 201);
      expect(one.metadata.name).toMatch(/^cm-[bcdfghjklmnpqrstvwxz2456789]{5}$/);
      expect(one.metadata.generateName).toBe('cm-');
      expect(two.metadata.name).not.toBe(one.metadata.name);
    });

    it('refuses an object without a name with 422', async () => {
      const status = failure(await api('POST', await fresh(), { metadata: {} }), 422, 'Invalid');
      expect(status.message).toBe(
        'ConfigMap "" is invalid: metadata.name: Required value: name or generateName is required',
      );
      expect(status.details).toEqual({
        kind: 'ConfigMap',
        causes: [
          {
            reason: 'FieldValueRequired',
            message: 'Required value: name or generateName is required',
            field: 'metadata.name',
          },
        ],
      });
    });

    it('refuses an object with a resourceVersion', async () => {
      const answer = await api('POST', await fresh(), { metadata: { name: 'cm', resourceVersion: '5' } });
      expect(answer.status).toBe(500);
      expect((answer.json as unknown as { message: string }).message).toContain(
        'resourceVersion should not be set on objects to be created',
      );
    });

    it('answers 404 when the namespace is not there', async () => {
      const status = failure(
        await api('POST', '/api/v1/namespaces/not-there/configmaps', { metadata: { name: 'x' } }),
        404,
        'NotFound',
      );
      expect(status.message).toBe('namespaces "not-there" not found');
    });

    it('refuses another namespace than the path’s with 400', async () => {
      const body = { metadata: { name: 'cm', namespace: 'elsewhere' } };
      const status = failure(await api('POST', await fresh(), body), 400, 'BadRequest');
      expect(status.message).toBe(
        'the namespace of the provided object does not match the namespace sent on the request',
      );
    });

    it('refuses another kind than the path’s with 400', async () => {
      const body = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'cm' } };
      const status = failure(await api('POST', await fresh(), body), 400, 'BadRequest');
      expect(status.message).toMatch(/^Secret in version "v1" cannot be handled as a ConfigMap/);
    });

    it('refuses what is not JSON with 400, and wrongly typed fields too', async () => {
      const path = await fresh();
      failure(await api('POST', path, '{"metadata":'), 400, 'BadRequest');
      const status = failure(await api('POST', path, { metadata: { name: 'cm' }, data: { a: 1 } }), 400, 'BadRequest');
      expect(status.message).toMatch(/^ConfigMap in version "v1" cannot be handled as a ConfigMap/);
    });

    it('refuses an unknown content type with 415', async () => {
      const answer = await api('POST', await fresh(), '<xml/>', { 'content-type': 'application/xml' });
      expect(failure(answer, 415, 'UnsupportedMediaType').message).toContain(
        'body of the request was in an unknown format',
      );
    });

    it('drops unknown fields of built-in kinds', async () => {
      const made = ok(await api('POST', await fresh(), { metadata: { name: 'cm', nonsense: 1 }, nonsense: 2 }), 201);
      expect(made).not.toHaveProperty('nonsense');
      expect(made.metadata).not.toHaveProperty('nonsense');
    });
  });

  describe('metadata', () => {
    it.each([
      [
        'Upper',
        'ConfigMap "Upper" is invalid: metadata.name: Invalid value: "Upper": a lowercase RFC 1123 subdomain must consist',
      ],
      [
        'a_b',
        'ConfigMap "a_b" is invalid: metadata.name: Invalid value: "a_b": a lowercase RFC 1123 subdomain must consist',
      ],
      ['x'.repeat(254), 'must be no more than 253 characters'],
    ])('refuses the name %s', async (name, message) => {
      const status = failure(await api('POST', await fresh(), { metadata: { name } }), 422, 'Invalid');
      expect(status.message).toContain(message);
      expect(status.details?.causes?.[0]).toMatchObject({ reason: 'FieldValueInvalid', field: 'metadata.name' });
    });

    it('refuses a namespace name with a dot: it must be a label', async () => {
      const status = failure(await api('POST', '/api/v1/namespaces', { metadata: { name: 'a.b' } }), 422, 'Invalid');
      expect(status.message).toContain('a lowercase RFC 1123 label must consist');
    });

    it.each([
      [{ 'a b': 'x' }, 'name part must consist of alphanumeric characters'],
      [{ '/x': 'x' }, 'prefix part must be non-empty'],
      [{ a: 'x y' }, 'a valid label must be an empty string or consist of'],
      [{ a: 'x'.repeat(64) }, 'must be no more than 63 characters'],
    ])('refuses the labels %j', async (labels, message) => {
      const status = failure(await api('POST', await fresh(), { metadata: { name: 'cm', labels } }), 422, 'Invalid');
      expect(status.message).toContain(`metadata.labels: Invalid value: `);
      expect(status.message).toContain(message);
      expect(status.details?.causes?.[0]?.field).toBe('metadata.labels');
    });

    it('refuses annotations with a bad key, or of more than 256 KiB together', async () => {
      const path = await fresh();
      const post = (annotations: Record<string, string>) =>
        api('POST', path, { metadata: { name: 'cm', annotations } });
      const badKey = failure(await post({ 'a b': 'x' }), 422, 'Invalid');
      expect(badKey.details?.causes?.[0]?.field).toBe('metadata.annotations');
      const tooLong = failure(await post({ a: 'x'.repeat(262_144) }), 422, 'Invalid');
      expect(tooLong.message).toContain('metadata.annotations: Too long: must have at most 262144 ');
      expect(tooLong.details?.causes?.[0]?.reason).toBe('FieldValueTooLong');
      ok(await post({ a: 'x'.repeat(262_143) }), 201);
    });

    it('reports several faults together, one cause each', async () => {
      const body = { metadata: { name: 'Bad', labels: { a: '-' } } };
      const status = failure(await api('POST', await fresh(), body), 422, 'Invalid');
      expect(status.message).toMatch(/^ConfigMap "Bad" is invalid: \[metadata\.name: .*, metadata\.labels: .*\]$/);
      expect(status.details?.causes?.map(({ field }) => field)).toEqual(['metadata.name', 'metadata.labels']);
    });

    it('keeps what the server owns when a client changes it', async () => {
      const path = await fresh();
      const made = ok(await api('POST', path, { metadata: { name: 'cm' } }), 201);
      const changed = {
        ...made,
        metadata: { ...made.metadata, creationTimestamp: '2001-01-01T00:00:00Z', generation: 9, selfLink: '/x' },
        data: { a: '1' },
      };
      const updated = ok(await api('PUT', `${path}/cm`, changed));
      expect(updated.metadata.creationTimestamp).toBe(made.metadata.creationTimestamp);
      expect(updated.metadata.uid).toBe(made.metadata.uid);
    });
  });

  describe('updating', () => {
    it('replaces the object and gives it a higher resourceVersion', async () => {
      const path = await fresh();
      const made = ok(await api('POST', path, { metadata: { name: 'cm', labels: { a: 'b' } }, data: { a: '1' } }), 201);
      const updated = ok(await api('PUT', `${path}/cm`, { metadata: { name: 'cm' }, data: { b: '2' } }));
      expect(updated.data).toEqual({ b: '2' });
      expect(updated.metadata.labels).toBeUndefined();
      expect(updated.metadata.uid).toBe(made.metadata.uid);
      expect(Number(updated.metadata.resourceVersion)).toBeGreaterThan(Number(made.metadata.resourceVersion));
    });

    it('refuses an old resourceVersion with 409 Conflict, and changes nothing', async () => {
      const path = await fresh();
      const made = ok(await api('POST', path, { metadata: { name: 'cm' }, data: { a: '1' } }), 201);
      ok(await api('PUT', `${path}/cm`, { ...made, data: { a: '2' } }));
      const status = failure(await api('PUT', `${path}/cm`, { ...made, data: { a: '3' } }), 409, 'Conflict');
      expect(status.message).toBe(
        'Operation cannot be fulfilled on configmaps "cm": the object has been modified; please apply your changes to the latest version and try again',
      );
      expect(status.details).toEqual({ name: 'cm', kind: 'configmaps' });
      expect(ok(await api('GET', `${path}/cm`)).data).toEqual({ a: '2' });
    });

    it('refuses another uid with 409', async () => {
      const path = await fresh();
      const made = ok(await api('POST', path, { metadata: { name: 'cm' } }), 201);
      const uid = '00000000-0000-4000-8000-000000000000';
      const body = { ...made, metadata: { name: 'cm', uid } };
      const status = failure(await api('PUT', `${path}/cm`, body), 409, 'Conflict');
      expect(status.message).toContain('Precondition failed: UID in precondition');
    });

    it('writes nothing when nothing changed: the resourceVersion stays', async () => {
      const path = await fresh();
      const made = ok(await api('POST', path, { metadata: { name: 'cm' }, data: { a: '1' } }), 201);
      const put = ok(await api('PUT', `${path}/cm`, made));
      expect(put.metadata.resourceVersion).toBe(made.metadata.resourceVersion);
      const unconditional = ok(await api('PUT', `${path}/cm`, { metadata: { name: 'cm' }, data: { a: '1' } }));
      expect(unconditional.metadata.resourceVersion).toBe(made.metadata.resourceVersion);
      const patched = ok(await api('PATCH', `${path}/cm`, { data: { a: '1' } }, MERGE));
      expect(patched.metadata.resourceVersion).toBe(made.metadata.resourceVersion);
    });

    it('answers 404 to an update of what is not there', async () => {
      const status = failure(await api('PUT', `${await fresh()}/cm`, { metadata: { name: 'cm' } }), 404, 'NotFound');
      expect(status.message).toBe('configmaps "cm" not found');
      expect(status.details).toEqual({ name: 'cm', kind: 'configmaps' });
    });

    it('refuses another name than the path’s with 400', async () => {
      const path = await fresh();
      ok(await api('POST', path, { metadata: { name: 'cm' } }), 201);
      const status = failure(await api('PUT', `${path}/cm`, { metadata: { name: 'other' } }), 400, 'BadRequest');
      expect(status.message).toBe('the name of the object (other) does not match the name on the URL (cm)');
    });
  });

  describe('reading and deleting', () => {
    it('answers 404 with the resource and the name', async () => {
      const path = await fresh();
      for (const method of ['GET', 'DELETE']) {
        const status = failure(await api(method, `${path}/cm`), 404, 'NotFound');
        expect(status.message).toBe('configmaps "cm" not found');
        expect(status.details).toEqual({ name: 'cm', kind: 'configmaps' });
      }
      const grouped = path.replace('/api/v1', '/apis/apps/v1').replace('configmaps', 'statefulsets');
      const status = failure(await api('GET', `${grouped}/web`), 404, 'NotFound');
      expect(status.message).toBe('statefulsets.apps "web" not found');
      expect(status.details).toEqual({ name: 'web', group: 'apps', kind: 'statefulsets' });
    });

    it('answers a delete with a Success that names what is gone', async () => {
      const path = await fresh();
      const made = ok(await api('POST', path, { metadata: { name: 'cm' } }), 201);
      const status = ok(await api<Record<string, unknown>>('DELETE', `${path}/cm`));
      expect(status).toMatchObject({
        kind: 'Status',
        status: 'Success',
        details: { name: 'cm', kind: 'configmaps', uid: made.metadata.uid },
      });
      failure(await api('GET', `${path}/cm`), 404, 'NotFound');
    });

    it('deletes only what meets the preconditions', async () => {
      const path = await fresh();
      const made = ok(await api('POST', path, { metadata: { name: 'cm' } }), 201);
      const conditionally = (preconditions: object) =>
        api('DELETE', `${path}/cm`, { kind: 'DeleteOptions', apiVersion: 'v1', preconditions });
      failure(await conditionally({ uid: '00000000-0000-4000-8000-000000000000' }), 409, 'Conflict');
      failure(await conditionally({ resourceVersion: '1' }), 409, 'Conflict');
      expect(ok(await api('GET', `${path}/cm`))).toEqual(made);
      ok(await conditionally({ uid: made.metadata.uid, resourceVersion: made.metadata.resourceVersion }));
    });

    it('deletes a collection by selector and answers with the list', async () => {
      const path = await fresh();
      for (const [name, app] of [
        ['a', 'x'],
        ['b', 'x'],
        ['c', 'y'],
      ]) {
        ok(await api('POST', path, { metadata: { name, labels: { app } } }), 201);
      }
      const deleted = ok(await api('DELETE', `${path}?labelSelector=app%3Dx`));
      expect(deleted.kind).toBe('ConfigMapList');
      expect(names(deleted)).toEqual(['a', 'b']);
      expect(names(ok(await api('GET', `${path}?labelSelector=app`)))).toEqual(['c']);
    });

    it('answers 405 to a verb that a resource does not have', async () => {
      const status = failure(
        await api('POST', `${await fresh()}/cm`, { metadata: { name: 'cm' } }),
        405,
        'MethodNotAllowed',
      );
      expect(status.message).toBe('the server does not allow this method on the requested resource');
    });

    it('answers 406 to an accept header that it cannot serve', async () => {
      const answer = await api('GET', await fresh(), undefined, { accept: 'text/html;q=0.9' });
      expect(failure(answer, 406, 'NotAcceptable').message).toMatch(/accept/i);
    });
  });
});
