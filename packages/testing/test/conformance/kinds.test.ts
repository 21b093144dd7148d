import { describe, expect, it } from 'vitest';
import { describeOnClusters } from '../../src/cluster.js';
import { MERGE, conformance, failure, ok, unique } from './support.js';

describeOnClusters('what particular kinds add', (start) => {
  const { api, fresh } = conformance(start);

  describe('limits and guards', () => {
    it('keeps an immutable ConfigMap’s data, but lets its labels change and itself be deleted', async () => {
      const path = await fresh();
      ok(await api('POST', path, { metadata: { name: 'cm' }, immutable: true, data: { a: '1' } }), 201);
      const data = failure(await api('PATCH', `${path}/cm`, { data: { a: '2' } }, MERGE), 422, 'Invalid');
      expect(data.message).toBe(
        'ConfigMap "cm" is invalid: data: Forbidden: field is immutable when `immutable` is set',
      );
      expect(data.details?.causes?.[0]).toMatchObject({ reason: 'FieldValueForbidden', field: 'data' });
      const flag = failure(await api('PATCH', `${path}/cm`, { immutable: false }, MERGE), 422, 'Invalid');
      expect(flag.message).toContain('immutable: Forbidden: field is immutable when `immutable` is set');
      ok(await api('PATCH', `${path}/cm`, { metadata: { labels: { a: 'b' } } }, MERGE));
      ok(await api('DELETE', `${path}/cm`));
    });

    it('refuses ConfigMaps and Secrets of more than 1 MiB', async () => {
      const path = await fresh();
      const a = 'x'.repeat(1_048_577);
      const status = failure(await api('POST', path, { metadata: { name: 'cm' }, data: { a } }), 422, 'Invalid');
      expect(status.message).toMatch(/^ConfigMap "cm" is invalid: (\[\]|): Too long: must have at most 1048576 /);
      ok(await api('POST', path, { metadata: { name: 'cm' }, data: { a: a.slice(1) } }), 201);
      const secrets = path.replace('configmaps', 'secrets');
      const tooLong = failure(
        await api('POST', secrets, { metadata: { name: 's' }, stringData: { a } }),
        422,
        'Invalid',
      );
      expect(tooLong.details?.causes?.[0]).toMatchObject({ reason: 'FieldValueTooLong', field: 'data' });
    });

    it('refuses bodies of more than 3 MiB with 413', async () => {
      const answer = await api('POST', await fresh(), { metadata: { name: 'cm' }, data: { a: 'x'.repeat(3_200_000) } });
      expect(failure(answer, 413, 'RequestEntityTooLarge').message).toContain('limit is 3145728');
    });

    it.each(['a b', '..', '', 'a/b'])('refuses the data key %j', async (key) => {
      const status = failure(
        await api('POST', await fresh(), { metadata: { name: 'cm' }, data: { [key]: '1' } }),
        422,
        'Invalid',
      );
      expect(status.details?.causes?.[0]).toMatchObject({ reason: 'FieldValueInvalid', field: `data[${key}]` });
    });

    it('answers a dry run like the write, but does not do it', async () => {
      const path = await fresh();
      const dry = ok(await api('POST', `${path}?dryRun=All`, { metadata: { name: 'cm' }, data: { a: '1' } }), 201);
      expect(dry.metadata.uid).toBeTruthy();
      failure(await api('GET', `${path}/cm`), 404, 'NotFound');

      const made = ok(await api('POST', path, { metadata: { name: 'cm' }, data: { a: '1' } }), 201);
      const patched = ok(await api('PATCH', `${path}/cm?dryRun=All`, { data: { a: '2' } }, MERGE));
      expect(patched.data).toEqual({ a: '2' });
      ok(await api('DELETE', `${path}/cm?dryRun=All`));
      expect(ok(await api('GET', `${path}/cm`))).toEqual(made);
      failure(await api('POST', `${path}?dryRun=Some`, { metadata: { name: 'x' } }), 422, 'Invalid');
    });
  });

  describe('Secrets', () => {
    it('merge stringData into data, write-only, and default the type', async () => {
      const path = await fresh('secrets');
      const body = { metadata: { name: 's' }, data: { a: 'YQ==', b: 'Yg==' }, stringData: { b: 'B', c: 'C' } };
      const made = ok(await api('POST', path, body), 201);
      expect(made.data).toEqual({ a: 'YQ==', b: 'Qg==', c: 'Qw==' });
      expect(made).not.toHaveProperty('stringData');
      expect(made['type']).toBe('Opaque');
      const patched = ok(await api('PATCH', `${path}/s`, { stringData: { a: 'A' } }, MERGE));
      expect(patched.data).toEqual({ a: 'QQ==', b: 'Qg==', c: 'Qw==' });
    });

    it('refuse data that is not base64, another type later, and a TLS secret without its keys', async () => {
      const path = await fresh('secrets');
      failure(await api('POST', path, { metadata: { name: 's' }, data: { a: '%%' } }), 400, 'BadRequest');
      ok(await api('POST', path, { metadata: { name: 's' } }), 201);
      const type = failure(await api('PATCH', `${path}/s`, { type: 'other' }, MERGE), 422, 'Invalid');
      expect(type.details?.causes?.[0]?.field).toBe('type');
      const tls = failure(
        await api('POST', path, { metadata: { name: 't' }, type: 'kubernetes.io/tls' }),
        422,
        'Invalid',
      );
      expect(tls.details?.causes?.map(({ field }) => field)).toEqual(['data[tls.crt]', 'data[tls.key]']);
    });
  });

  describe('Leases', () => {
    it('keep microseconds and are won by one of two who saw the same version', async () => {
      const path = (await fresh('leases')).replace('/api/v1', '/apis/coordination.k8s.io/v1');
      const time = '2026-01-02T03:04:05.678901Z';
      const spec = {
        holderIdentity: 'a',
        leaseDurationSeconds: 15,
        acquireTime: time,
        renewTime: time,
        leaseTransitions: 0,
      };
      const made = ok(await api('POST', path, { metadata: { name: 'l' }, spec }), 201);
      expect(made.spec).toEqual(spec);
      const claims = ['b', 'c'].map((holderIdentity) => ({ ...made, spec: { ...spec, holderIdentity } }));
      const answers = await Promise.all(claims.map((claim) => api('PUT', `${path}/l`, claim)));
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200, 409]));
    });

    it('refuse a duration of zero', async () => {
      const path = (await fresh('leases')).replace('/api/v1', '/apis/coordination.k8s.io/v1');
      const answer = await api('POST', path, { metadata: { name: 'l' }, spec: { leaseDurationSeconds: 0 } });
      const status = failure(answer, 422, 'Invalid');
      expect(status.message).toContain('spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0');
    });
  });

  describe('Events', () => {
    it('are stored in the namespace of what they are about, and are selected by it', async () => {
      const path = await fresh('events');
      const namespace = path.split('/')[4];
      const involvedObject = { apiVersion: 'v1', kind: 'ConfigMap', name: 'cm', namespace, uid: 'u-1' };
      const event = {
        involvedObject,
        reason: 'Fired',
        message: 'it did',
        type: 'Normal',
        source: { component: 'test' },
      };
      ok(await api('POST', path, { metadata: { generateName: 'cm.' }, ...event }), 201);
      ok(await api('POST', path, { metadata: { name: 'other' }, ...event, reason: 'Other', type: 'Warning' }), 201);
      const select = async (selector: string) =>
        ok(await api('GET', `${path}?fieldSelector=${encodeURIComponent(selector)}`)).items?.map(
          (item) => item['reason'],
        );
      expect(await select('involvedObject.name=cm,reason=Fired')).toEqual(['Fired']);
      expect(await select('type!=Normal')).toEqual(['Other']);
      expect(await select('involvedObject.uid=u-2')).toEqual([]);
    });

    it('are refused when they are about something in another namespace', async () => {
      const involvedObject = { kind: 'ConfigMap', name: 'cm', namespace: 'elsewhere' };
      const answer = await api('POST', await fresh('events'), { metadata: { name: 'e' }, involvedObject });
      const status = failure(answer, 422, 'Invalid');
      expect(status.details?.causes?.[0]?.field).toBe('involvedObject.namespace');
    });
  });

  it('gives namespaces their finalizer, phase and Active state', async () => {
    const name = unique('conformance-ns');
    const made = ok(await api('POST', '/api/v1/namespaces', { metadata: { name } }), 201);
    expect(made).toMatchObject({ spec: { finalizers: ['kubernetes'] }, status: { phase: 'Active' } });
    ok(await api('DELETE', `/api/v1/namespaces/${name}`));
  });
});
