import { beforeAll, describe, expect, it } from 'vitest';
import { describeOnClusters } from '../../src/cluster.js';
import { eventually } from '../../src/eventually.js';
import { installCrd } from '../../src/install-crds.js';
import { widgets } from './widgets.js';
import { APPLY, JSON_PATCH, MERGE, STRATEGIC, conformance, failure, names, ok, unique } from './support.js';

const DEFINITIONS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';

describeOnClusters('custom resources', (start) => {
  const it8s = conformance(start);
  const { api } = it8s;
  const group = `${unique('g')}.example.com`;
  const kind = { apiVersion: `${group}/v1`, kind: 'Widget' };
  beforeAll(async () => {
    await installCrd(it8s.cluster.client, widgets(group));
  });
  const fresh = async () => (await it8s.fresh('widgets')).replace('/api/v1', `/apis/${group}/v1`);
  const post = (path: string, spec: object, metadata: object = { name: 'w' }) =>
    api('POST', path, { ...kind, metadata, spec });

  describe('definitions', () => {
    it('get their names accepted, are established, and are discovered', async () => {
      const { status } = ok(await api('GET', `${DEFINITIONS}/widgets.${group}`));
      expect(status).toMatchObject({
        acceptedNames: {
          plural: 'widgets',
          singular: 'widget',
          kind: 'Widget',
          listKind: 'WidgetList',
          shortNames: ['wd'],
        },
        storedVersions: ['v1'],
        conditions: expect.arrayContaining([
          expect.objectContaining({ type: 'NamesAccepted', status: 'True' }),
          expect.objectContaining({ type: 'Established', status: 'True' }),
        ]) as unknown,
      });
      const { resources } = await eventually(async () => {
        const answer = await api<{ resources: { name: string }[] }>('GET', `/apis/${group}/v1`);
        return answer.status === 200 && answer.json;
      });
      expect(resources).toMatchObject([
        {
          name: 'widgets',
          singularName: 'widget',
          kind: 'Widget',
          namespaced: true,
          shortNames: ['wd'],
          categories: ['all'],
        },
        { name: 'widgets/status' },
      ]);
      const groups = ok(await api<{ groups: { name: string }[] }>('GET', '/apis')).groups.map(({ name }) => name);
      expect(groups).toContain(group);
    });

    it('are refused with a name that is not plural.group, and without a structural schema', async () => {
      const bad = widgets(group);
      const status = failure(
        await api('POST', DEFINITIONS, { ...bad, metadata: { name: `gadgets.${group}` } }),
        422,
        'Invalid',
      );
      expect(status.message).toContain(
        `metadata.name: Invalid value: "gadgets.${group}": must be spec.names.plural+"."+spec.group`,
      );

      const [version] = bad.spec.versions;
      const other = unique('g');
      const unstructured = {
        ...bad,
        metadata: { name: `widgets.${other}.example.com` },
        spec: {
          ...bad.spec,
          group: `${other}.example.com`,
          versions: [
            { ...version, schema: { openAPIV3Schema: { type: 'object', properties: { spec: { properties: {} } } } } },
          ],
        },
      };
      const missingType = failure(await api('POST', DEFINITIONS, unstructured), 422, 'Invalid');
      expect(missingType.message).toContain(
        '.openAPIV3Schema.properties[spec].type: Required value: must not be empty for specified object fields',
      );
    });
  });

  it('carry apiVersion and kind in lists and watches', async () => {
    const path = await fresh();
    ok(await post(path, { size: 1 }), 201);
    const list = ok(await api('GET', path));
    expect([list.kind, list.apiVersion, list.items?.[0]?.kind]).toEqual(['WidgetList', `${group}/v1`, 'Widget']);
    await using watch = await it8s.watch(`${path}?watch=true&resourceVersion=${list.metadata.resourceVersion}`);
    ok(await post(path, { size: 2 }, { name: 'x' }), 201);
    expect((await watch.next()).object).toMatchObject({ ...kind, spec: { size: 2 } });
  });

  it('are selected by labels, name and pages', async () => {
    const path = await fresh();
    for (const name of ['a', 'b', 'c']) ok(await post(path, { size: 1 }, { name, labels: { name } }), 201);
    expect(names(ok(await api('GET', `${path}?labelSelector=name+in+(a,c)`)))).toEqual(['a', 'c']);
    expect(names(ok(await api('GET', `${path}?fieldSelector=metadata.name%3Db`)))).toEqual(['b']);
    const first = ok(await api('GET', `${path}?limit=2`));
    expect([names(first), first.metadata.remainingItemCount]).toEqual([['a', 'b'], 1]);
  });

  describe('with a status subresource', () => {
    it('are created without their status', async () => {
      const path = await fresh();
      const made = ok(
        await api('POST', path, { ...kind, metadata: { name: 'w' }, spec: { size: 1 }, status: { phase: 'x' } }),
        201,
      );
      expect(made).not.toHaveProperty('status');
    });

    it('raise the generation with the spec only', async () => {
      const path = await fresh();
      const made = ok(await post(path, { size: 1 }), 201);
      expect(made.metadata.generation).toBe(1);
      const spec = ok(await api('PATCH', `${path}/w`, { spec: { size: 2 } }, MERGE));
      const labels = ok(await api('PATCH', `${path}/w`, { metadata: { labels: { a: 'b' } } }, MERGE));
      const status = ok(await api('PATCH', `${path}/w/status`, { status: { phase: 'Done' } }, MERGE));
      expect([spec, labels, status].map(({ metadata }) => metadata.generation)).toEqual([2, 2, 2]);
      expect(status.status).toEqual({ phase: 'Done' });
      expect(Number(status.metadata.resourceVersion)).toBeGreaterThan(Number(labels.metadata.resourceVersion));
    });

    it('ignore the status in ordinary writes, and all but the status in those of the status', async () => {
      const path = await fresh();
      ok(await post(path, { size: 1 }), 201);
      const ordinary = ok(await api('PATCH', `${path}/w`, { status: { phase: 'x' } }, MERGE));
      expect(ordinary).not.toHaveProperty('status');
      const patch = { metadata: { labels: { a: 'b' } }, spec: { size: 7 }, status: { phase: 'y' } };
      const written = ok(await api('PATCH', `${path}/w/status`, patch, MERGE));
      expect(written).toMatchObject({ spec: { size: 1 }, status: { phase: 'y' } });
      expect(written.metadata.labels).toBeUndefined();
    });

    it('validate and prune the status', async () => {
      const path = await fresh();
      ok(await post(path, { size: 1 }), 201);
      failure(await api('PATCH', `${path}/w/status`, { status: { phase: 1 } }, MERGE), 422, 'Invalid');
      const pruned = ok(await api('PATCH', `${path}/w/status`, { status: { phase: 'x', unknown: 1 } }, MERGE));
      expect(pruned.status).toEqual({ phase: 'x' });
    });

    it('can have it applied', async () => {
      const path = await fresh();
      ok(await post(path, { size: 1 }), 201);
      const body = { ...kind, metadata: { name: 'w' }, status: { phase: 'Applied' } };
      const applied = ok(await api('PATCH', `${path}/w/status?fieldManager=controller&force=true`, body, APPLY));
      expect(applied.status).toEqual({ phase: 'Applied' });
      expect(ok(await api('GET', `${path}/w/status`)).spec).toMatchObject({ size: 1 });
    });
  });

  describe('are patched', () => {
    it('by JSON patch and merge patch, but not strategically: 415', async () => {
      const path = await fresh();
      ok(await post(path, { size: 1 }), 201);
      ok(await api('PATCH', `${path}/w`, [{ op: 'replace', path: '/spec/size', value: 3 }], JSON_PATCH));
      failure(await api('PATCH', `${path}/w`, { spec: { size: 2 } }, STRATEGIC), 415, 'UnsupportedMediaType');
      expect(ok(await api('GET', `${path}/w`)).spec).toMatchObject({ size: 3 });
    });

    it('by apply, with conflicts', async () => {
      const path = await fresh();
      const apply = (manager: string, spec: object) =>
        api('PATCH', `${path}/w?fieldManager=${manager}`, { ...kind, metadata: { name: 'w' }, spec }, APPLY);
      ok(await apply('one', { size: 1, code: 'a' }), 201);
      expect(ok(await apply('two', { size: 1, map: { a: 1 } })).spec).toMatchObject({
        size: 1,
        code: 'a',
        map: { a: 1 },
      });
      const status = failure(await apply('two', { size: 1, code: 'b' }), 409, 'Conflict');
      expect(status.message).toBe('Apply failed with 1 conflict: conflict with "one": .spec.code');
    });
  });

  it('need the resourceVersion for a replacement', async () => {
    const path = await fresh();
    const made = ok(await post(path, { size: 1 }), 201);
    const body = { ...kind, metadata: { name: 'w' }, spec: { size: 2 } };
    const status = failure(await api('PUT', `${path}/w`, body), 422, 'Invalid');
    expect(status.message).toContain('metadata.resourceVersion: Invalid value: 0x0: must be specified for an update');
    ok(await api('PUT', `${path}/w`, { ...made, spec: { size: 2 } }));
  });

  it('write nothing when nothing changed', async () => {
    const path = await fresh();
    const made = ok(await post(path, { size: 1 }), 201);
    const same = ok(await api('PATCH', `${path}/w`, { spec: { size: 1 } }, MERGE));
    expect(same.metadata.resourceVersion).toBe(made.metadata.resourceVersion);
    expect(ok(await api('PUT', `${path}/w`, made)).metadata.resourceVersion).toBe(made.metadata.resourceVersion);
  });

  it('are printed in the columns of their definition', async () => {
    const path = await fresh();
    ok(await post(path, { size: 4 }), 201);
    const accept = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json';
    type Table = { columnDefinitions: { name: string; priority: number }[]; rows: { cells: unknown[] }[] };
    const table = ok(await api<Table>('GET', path, undefined, { accept }));
    expect(table.columnDefinitions.map(({ name, priority }) => [name, priority])).toEqual([
      ['Name', 0],
      ['Size', 0],
      ['Phase', 1],
      ['Age', 0],
    ]);
    expect(table.rows[0]?.cells.slice(0, 3)).toEqual(['w', 4, null]);
    expect(table.rows[0]?.cells[3]).toMatch(/^\d+s$/);
  });
});

describeOnClusters('a definition that is deleted', (start) => {
  const it8s = conformance(start);
  const { api } = it8s;

  it('ends its watches, deletes its objects, and answers 404 until it is installed again', async () => {
    const group = `${unique('g')}.example.com`;
    const path = (await it8s.fresh('widgets')).replace('/api/v1', `/apis/${group}/v1`);
    const widget = { apiVersion: `${group}/v1`, kind: 'Widget', metadata: { name: 'w' }, spec: { size: 1 } };
    await installCrd(it8s.cluster.client, widgets(group));
    ok(await eventually(async () => (await api('POST', path, widget)).status === 201 && api('GET', `${path}/w`)));

    await using watch = await it8s.watch(`${path}?watch=true`);
    expect((await watch.next()).type).toBe('ADDED');
    ok(await api('DELETE', `${DEFINITIONS}/widgets.${group}`));
    await watch.ended(30_000);
    await eventually(async () => (await api('GET', path)).status === 404, { timeoutMs: 30_000 });
    await eventually(async () => (await api('GET', `${DEFINITIONS}/widgets.${group}`)).status === 404, {
      timeoutMs: 30_000,
    });

    await installCrd(it8s.cluster.client, widgets(group));
    const again = await eventually(
      async () => {
        const answer = await api('GET', path);
        return answer.status === 200 && answer.json;
      },
      { timeoutMs: 30_000 },
    );
    expect(names(again)).toEqual([]);
  });
});
