import { describe, expect, it } from 'vitest';
import { describeOnClusters } from '../../src/cluster.js';
import { JSON_PATCH, MERGE, STRATEGIC, conformance, failure, ok } from './support.js';

interface Container {
  name: string;
  image?: string;
  env?: { name: string; value?: string }[];
  ports?: { containerPort: number; protocol?: string; name?: string }[];
  command?: string[];
}

describeOnClusters('patches', (start) => {
  const { api, fresh } = conformance(start);

  const configMap = async (fields: object) => {
    const path = await fresh();
    const made = ok(await api('POST', path, { metadata: { name: 'cm' }, ...fields }), 201);
    return { path: `${path}/cm`, made };
  };

  describe('of JSON merge', () => {
    it('set, change and remove fields, and leave the others', async () => {
      const { path, made } = await configMap({ data: { keep: '1', change: '1', remove: '1' } });
      const patch = { metadata: { labels: { a: 'b' } }, data: { change: '2', remove: null, add: '3' } };
      const patched = ok(await api('PATCH', path, patch, MERGE));
      expect(patched.data).toEqual({ keep: '1', change: '2', add: '3' });
      expect(patched.metadata.labels).toEqual({ a: 'b' });
      expect(Number(patched.metadata.resourceVersion)).toBeGreaterThan(Number(made.metadata.resourceVersion));
    });

    it('with a resourceVersion are refused when it is old: 409', async () => {
      const { path, made } = await configMap({ data: { a: '1' } });
      const { resourceVersion } = made.metadata;
      ok(await api('PATCH', path, { metadata: { resourceVersion }, data: { a: '2' } }, MERGE));
      const late = await api('PATCH', path, { metadata: { resourceVersion }, data: { a: '3' } }, MERGE);
      const status = failure(late, 409, 'Conflict');
      expect(status.message).toContain('the object has been modified; please apply your changes to the latest version');
    });

    it('with a uid are refused when it is another’s: 422', async () => {
      const { path } = await configMap({});
      const uid = '00000000-0000-4000-8000-000000000000';
      const status = failure(await api('PATCH', path, { metadata: { uid }, data: { a: '1' } }, MERGE), 422, 'Invalid');
      expect(status.message).toContain('metadata.uid: Invalid value');
    });

    it('cannot rename', async () => {
      const { path } = await configMap({});
      const status = failure(await api('PATCH', path, { metadata: { name: 'other' } }, MERGE), 400, 'BadRequest');
      expect(status.message).toBe('the name of the object (other) does not match the name on the URL (cm)');
    });

    it('of what is not there answer 404', async () => {
      const status = failure(await api('PATCH', `${await fresh()}/cm`, { data: {} }, MERGE), 404, 'NotFound');
      expect(status.message).toBe('configmaps "cm" not found');
    });

    it('are validated as the object that they make', async () => {
      const { path } = await configMap({});
      const status = failure(await api('PATCH', path, { metadata: { labels: { a: '-' } } }, MERGE), 422, 'Invalid');
      expect(status.details?.causes?.[0]?.field).toBe('metadata.labels');
    });

    it('of 20 clients at once on different keys all arrive', async () => {
      const { path } = await configMap({});
      const keys = Array.from({ length: 20 }, (_, i) => `k${i}`);
      const answers = await Promise.all(keys.map((key) => api('PATCH', path, { data: { [key]: '1' } }, MERGE)));
      expect(answers.map(({ status }) => status)).toEqual(keys.map(() => 200));
      expect(Object.keys(ok(await api('GET', path)).data ?? {}).toSorted()).toEqual(keys.toSorted());
    });
  });

  describe('of JSON patch', () => {
    it('add, replace, remove, move, copy and test', async () => {
      const { path } = await configMap({ data: { a: '1', b: '2', c: '3' } });
      const patch = [
        { op: 'test', path: '/data/a', value: '1' },
        { op: 'replace', path: '/data/a', value: '9' },
        { op: 'remove', path: '/data/b' },
        { op: 'move', from: '/data/c', path: '/data/d' },
        { op: 'copy', from: '/data/d', path: '/data/e' },
        { op: 'add', path: '/metadata/labels', value: { 'x.y~z': '1' } },
      ];
      // Not a valid label key: what counts here is that the whole patch is refused.
      failure(await api('PATCH', path, patch, JSON_PATCH), 422, 'Invalid');
      const patched = ok(await api('PATCH', path, patch.slice(0, 5), JSON_PATCH));
      expect(patched.data).toEqual({ a: '9', d: '3', e: '3' });
    });

    it('reach keys with slashes by ~1', async () => {
      const { path } = await configMap({ metadata: { name: 'cm', annotations: { 'example.com/a': '1' } } });
      const patch = [{ op: 'replace', path: '/metadata/annotations/example.com~1a', value: '2' }];
      expect(ok(await api('PATCH', path, patch, JSON_PATCH)).metadata.annotations).toMatchObject({
        'example.com/a': '2',
      });
    });

    it('whose test fails answer 422 and change nothing', async () => {
      const { path, made } = await configMap({ data: { a: '1' } });
      const patch = [
        { op: 'replace', path: '/data/a', value: '2' },
        { op: 'test', path: '/data/a', value: '3' },
      ];
      const status = failure(await api('PATCH', path, patch, JSON_PATCH), 422, 'Invalid');
      expect(status.message).toContain('the server rejected our request due to an error in our request');
      expect(ok(await api('GET', path))).toEqual(made);
    });

    it('to a path that is not there answer 422', async () => {
      const { path, made } = await configMap({});
      failure(await api('PATCH', path, [{ op: 'replace', path: '/data/a/b', value: '1' }], JSON_PATCH), 422, 'Invalid');
      expect(ok(await api('GET', path))).toEqual(made);
    });

    it('that are no list answer 400', async () => {
      const { path, made } = await configMap({});
      failure(await api('PATCH', path, { data: {} }, JSON_PATCH), 400, 'BadRequest');
      expect(ok(await api('GET', path))).toEqual(made);
    });
  });

  describe('of strategic merge', () => {
    const pod = async (containers: Container[]) => {
      const path = (await fresh('deployments')).replace('/api/v1', '/apis/apps/v1');
      const labels = { app: 'web' };
      const spec = {
        replicas: 0,
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: { containers } },
      };
      ok(await api('POST', path, { metadata: { name: 'web' }, spec }), 201);
      return `${path}/web`;
    };
    const patchPod = async (path: string, spec: object) => {
      const patched = ok(await api('PATCH', path, { spec: { template: { spec } } }, STRATEGIC));
      return (patched.spec as unknown as { template: { spec: { containers: Container[]; volumes?: unknown[] } } })
        .template.spec;
    };
    const web = {
      name: 'web',
      image: 'web:1',
      env: [
        { name: 'A', value: '1' },
        { name: 'B', value: '2' },
      ],
    };
    const side = { name: 'side', image: 'side:1' };

    it('merge lists of containers by name, and of env too', async () => {
      const path = await pod([web, side]);
      const { containers } = await patchPod(path, {
        containers: [{ name: 'web', image: 'web:2', env: [{ name: 'B', value: '3' }] }],
      });
      expect(containers.map(({ name, image }) => [name, image])).toEqual([
        ['web', 'web:2'],
        ['side', 'side:1'],
      ]);
      expect(containers[0]?.env).toEqual(
        expect.arrayContaining([
          { name: 'A', value: '1' },
          { name: 'B', value: '3' },
        ]),
      );
    });

    it('add what is new to a list', async () => {
      const path = await pod([web]);
      const { containers } = await patchPod(path, { containers: [side] });
      expect(containers.map(({ name }) => name).toSorted()).toEqual(['side', 'web']);
    });

    it('delete an element by $patch: delete', async () => {
      const path = await pod([web, side]);
      const { containers } = await patchPod(path, { containers: [{ name: 'side', $patch: 'delete' }] });
      expect(containers.map(({ name }) => name)).toEqual(['web']);
    });

    it('replace a list by $patch: replace', async () => {
      const path = await pod([web, side]);
      const { containers } = await patchPod(path, {
        containers: [{ name: 'only', image: 'only:1' }, { $patch: 'replace' }],
      });
      expect(containers.map(({ name }) => name)).toEqual(['only']);
    });

    it('order a list by $setElementOrder', async () => {
      const path = await pod([web, side]);
      const { containers } = await patchPod(path, {
        '$setElementOrder/containers': [{ name: 'side' }, { name: 'web' }],
        containers: [{ name: 'web', image: 'web:3' }],
      });
      expect(containers.map(({ name, image }) => [name, image])).toEqual([
        ['side', 'side:1'],
        ['web', 'web:3'],
      ]);
    });

    it('merge ports by containerPort', async () => {
      const path = await pod([{ ...web, ports: [{ containerPort: 80, name: 'http' }] }]);
      const { containers } = await patchPod(path, {
        containers: [{ name: 'web', ports: [{ containerPort: 443, name: 'https' }] }],
      });
      expect(containers[0]?.ports?.map(({ containerPort }) => containerPort).toSorted()).toEqual([443, 80]);
    });

    it('replace lists without a merge key', async () => {
      const path = await pod([{ ...web, command: ['a', 'b'] }]);
      const { containers } = await patchPod(path, { containers: [{ name: 'web', command: ['c'] }] });
      expect(containers[0]?.command).toEqual(['c']);
    });

    it('change volumes as a whole: the new source takes the old one’s place', async () => {
      const path = await pod([web]);
      await patchPod(path, { volumes: [{ name: 'v', configMap: { name: 'cm' } }] });
      const { volumes } = await patchPod(path, { volumes: [{ name: 'v', emptyDir: {}, configMap: null }] });
      expect(volumes).toEqual([{ name: 'v', emptyDir: {} }]);
    });

    it('set an annotation of the pod template and nothing else', async () => {
      const path = await pod([web, side]);
      const before = ok(await api('GET', path));
      const patch = { spec: { template: { metadata: { annotations: { 'example.com/revision': 'r1' } } } } };
      const after = ok(await api('PATCH', path, patch, STRATEGIC));
      const { template } = after.spec as unknown as { template: { metadata: { annotations: object; labels: object } } };
      expect(template.metadata).toMatchObject({
        annotations: { 'example.com/revision': 'r1' },
        labels: { app: 'web' },
      });
      expect({ ...after.spec, template: null }).toEqual({ ...before.spec, template: null });
      const again = ok(await api('PATCH', path, patch, STRATEGIC));
      expect(again.metadata.generation).toBe(after.metadata.generation);
    });

    it('merge maps, delete keys by null, and finalizers as a set', async () => {
      const { path } = await configMap({
        metadata: { name: 'cm', finalizers: ['example.com/a'] },
        data: { a: '1', b: '2' },
      });
      const patch = { metadata: { finalizers: ['example.com/b'] }, data: { a: null, c: '3' } };
      const patched = ok(await api('PATCH', path, patch, STRATEGIC));
      expect(patched.data).toEqual({ b: '2', c: '3' });
      expect(patched.metadata.finalizers?.toSorted()).toEqual(['example.com/a', 'example.com/b']);
      const removed = ok(
        await api(
          'PATCH',
          path,
          { metadata: { '$deleteFromPrimitiveList/finalizers': ['example.com/a', 'example.com/b'] } },
          STRATEGIC,
        ),
      );
      expect(removed.metadata.finalizers).toBeUndefined();
    });
  });

  it.each(['application/json', 'text/plain'])('of content type %s are refused with 415', async (type) => {
    const { path, made } = await configMap({});
    const patch = { data: { a: '1' } };
    failure(await api('PATCH', path, patch, { 'content-type': type }), 415, 'UnsupportedMediaType');
    expect(ok(await api('GET', path))).toEqual(made);
  });
});
