import { expect, it } from 'vitest';
import { describeOnClusters } from '../../src/cluster.js';
import { conformance, failure, names, ok } from './support.js';

const PARTIAL = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1';
const PARTIAL_LIST = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1';
const TABLE = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json';

interface Table {
  kind: string;
  apiVersion: string;
  metadata: { resourceVersion: string };
  columnDefinitions: { name: string; type: string; priority: number }[];
  rows: { cells: unknown[]; object: { kind: string; metadata: { name: string } } }[];
}

describeOnClusters('formats', (start) => {
  const it8s = conformance(start);
  const { api, fresh } = it8s;
  const make = async (path: string, name: string) =>
    ok(await api('POST', path, { metadata: { name, labels: { mine: 'yes' } }, data: { secret: 'no' } }), 201);

  it('give one object as PartialObjectMetadata: no data', async () => {
    const path = await fresh();
    const made = await make(path, 'a');
    const partial = ok(await api('GET', `${path}/a`, undefined, { accept: PARTIAL }));
    expect(partial).toEqual({ kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: made.metadata });
  });

  it('give lists as PartialObjectMetadataList, in pages too', async () => {
    const path = await fresh();
    for (const name of ['a', 'b', 'c']) await make(path, name);
    const list = ok(await api('GET', `${path}?labelSelector=mine&limit=2`, undefined, { accept: PARTIAL_LIST }));
    expect(list).toMatchObject({ kind: 'PartialObjectMetadataList', apiVersion: 'meta.k8s.io/v1' });
    expect(names(list)).toEqual(['a', 'b']);
    expect(list.metadata.continue).toBeTruthy();
    expect(list.metadata.resourceVersion).toMatch(/^\d+$/);
    expect(list.items?.[0]).not.toHaveProperty('data');
  });

  it('give watches as PartialObjectMetadata, bookmarks as well', async () => {
    const path = await fresh();
    await make(path, 'a');
    await using watch = await it8s.cluster.watch(
      `${path}?watch=true&labelSelector=mine&allowWatchBookmarks=true&timeoutSeconds=4`,
      { accept: PARTIAL },
    );
    const added = await watch.next();
    expect(added.object).toMatchObject({ kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1' });
    expect(added.object).not.toHaveProperty('data');
    ok(await api('DELETE', `${path}/a`));
    const deleted = await watch.next();
    expect([deleted.type, deleted.object.metadata.name]).toEqual(['DELETED', 'a']);
    const bookmark = await watch.next(6000);
    expect([bookmark.type, bookmark.object.kind]).toEqual(['BOOKMARK', 'PartialObjectMetadata']);
  });

  it('give lists and single objects as Table', async () => {
    const path = await fresh();
    await make(path, 'a');
    const table = ok(await api<Table>('GET', `${path}?labelSelector=mine`, undefined, { accept: TABLE }));
    expect([table.kind, table.apiVersion]).toEqual(['Table', 'meta.k8s.io/v1']);
    expect(table.metadata.resourceVersion).toMatch(/^\d+$/);
    expect(table.columnDefinitions.map(({ name }) => name)).toEqual(['Name', 'Data', 'Age']);
    expect(table.rows).toHaveLength(1);
    expect(table.rows[0]?.cells.slice(0, 2)).toEqual(['a', 1]);
    expect(table.rows[0]?.cells[2]).toMatch(/^\d+s$/);
    expect(table.rows[0]?.object).toMatchObject({ kind: 'PartialObjectMetadata', metadata: { name: 'a' } });

    const one = ok(await api<Table>('GET', `${path}/a`, undefined, { accept: TABLE }));
    expect(one.rows.map(({ cells }) => cells[0])).toEqual(['a']);
    const whole = ok(await api<Table>('GET', `${path}/a?includeObject=Object`, undefined, { accept: TABLE }));
    expect(whole.rows[0]?.object).toMatchObject({ kind: 'ConfigMap', data: { secret: 'no' } });
  });

  it.each([
    ['/apis/apps/v1', 'deployments', ['Name', 'Ready', 'Up-to-date', 'Available', 'Age']],
    ['/apis/apps/v1', 'statefulsets', ['Name', 'Ready', 'Age']],
    ['/api/v1', 'secrets', ['Name', 'Type', 'Data', 'Age']],
    ['/api/v1', 'pods', ['Name', 'Ready', 'Status', 'Restarts', 'Age']],
    ['/api/v1', 'namespaces', ['Name', 'Status', 'Age']],
  ])('have in %s for %s the columns that kubectl shows', async (version, resource, columns) => {
    const table = ok(await api<Table>('GET', `${version}/${resource}?limit=1`, undefined, { accept: TABLE }));
    const shown = table.columnDefinitions.filter(({ priority }) => priority === 0).map(({ name }) => name);
    expect(shown).toEqual(columns);
  });

  it('fall back along the accept header, and refuse what they do not know', async () => {
    const path = await fresh();
    await make(path, 'a');
    const accept = 'application/json;as=Nonsense;v=v1;g=meta.k8s.io,application/json';
    expect(ok(await api('GET', `${path}/a`, undefined, { accept })).kind).toBe('ConfigMap');
    failure(
      await api('GET', `${path}/a`, undefined, { accept: 'application/json;as=Nonsense;v=v1;g=meta.k8s.io' }),
      406,
      'NotAcceptable',
    );
  });
});
