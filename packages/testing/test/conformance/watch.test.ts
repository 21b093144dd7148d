import { describe, expect, it } from 'vitest';
import { describeOnClusters } from '../../src/cluster.js';
import { MERGE, conformance, failure, ok } from './support.js';

describeOnClusters('watches', (start) => {
  const it8s = conformance(start);
  const { api, fresh } = it8s;
  const open = (path: string, query = '') => it8s.watch(`${path}?watch=true&labelSelector=mine${query}`);
  const make = async (path: string, name: string, fields: object = {}) =>
    ok(await api('POST', path, { metadata: { name, labels: { mine: 'yes' } }, ...fields }), 201);

  it('without a resourceVersion begin with what is there, then follow changes', async () => {
    const path = await fresh();
    const there = await make(path, 'there');
    await using watch = await open(path);
    expect(watch.status).toBe(200);
    const first = await watch.next();
    expect(first).toEqual({ type: 'ADDED', object: { ...there, apiVersion: 'v1', kind: 'ConfigMap' } });
    const added = await make(path, 'added');
    expect(await watch.next()).toMatchObject({ type: 'ADDED', object: { metadata: added.metadata } });
  });

  it('from a resourceVersion give exactly the changes after it, in order, each with its own version', async () => {
    const path = await fresh();
    const first = await make(path, 'a');
    const from = ok(await api('GET', path)).metadata.resourceVersion;
    const second = await make(path, 'b');
    const third = ok(await api('PATCH', `${path}/a`, { data: { x: '1' } }, MERGE));
    ok(await api('DELETE', `${path}/b`));
    await using watch = await open(path, `&resourceVersion=${from}`);
    const events = await watch.until(({ type }) => type === 'DELETED');
    expect(events.map(({ type, object }) => [type, object.metadata.name])).toEqual([
      ['ADDED', 'b'],
      ['MODIFIED', 'a'],
      ['DELETED', 'b'],
    ]);
    const versions = events.map(({ object }) => Number(object.metadata.resourceVersion));
    expect(versions.slice(0, 2)).toEqual([second, third].map(({ metadata }) => Number(metadata.resourceVersion)));
    expect(versions[2]).toBeGreaterThan(versions[1] ?? Infinity);
    expect(events[1]?.object.metadata.uid).toBe(first.metadata.uid);
  });

  it('resume after any event without a gap and without repeating it', async () => {
    const path = await fresh();
    await using watch = await open(path);
    for (const name of ['a', 'b', 'c']) await make(path, name);
    const [, b] = [await watch.next(), await watch.next()];
    await using resumed = await open(path, `&resourceVersion=${b.object.metadata.resourceVersion}`);
    expect((await resumed.next()).object.metadata.name).toBe('c');
  });

  it('from resourceVersion 0 begin with what is there', async () => {
    const path = await fresh();
    await make(path, 'a');
    await using watch = await open(path, '&resourceVersion=0');
    expect(await watch.next()).toMatchObject({ type: 'ADDED', object: { metadata: { name: 'a' } } });
  });

  it('say nothing of a write that changed nothing', async () => {
    const path = await fresh();
    const made = await make(path, 'a', { data: { x: '1' } });
    await using watch = await open(path, `&resourceVersion=${made.metadata.resourceVersion}`);
    ok(await api('PATCH', `${path}/a`, { data: { x: '1' } }, MERGE));
    ok(await api('PUT', `${path}/a`, made));
    await make(path, 'marker');
    expect((await watch.next()).object.metadata.name).toBe('marker');
  });

  it('give the last state with a deletion', async () => {
    const path = await fresh();
    const made = await make(path, 'a', { data: { x: '1' } });
    await using watch = await open(path, `&resourceVersion=${made.metadata.resourceVersion}`);
    ok(await api('DELETE', `${path}/a`));
    const { type, object } = await watch.next();
    expect([type, object.data, object.metadata.uid]).toEqual(['DELETED', { x: '1' }, made.metadata.uid]);
    expect(Number(object.metadata.resourceVersion)).toBeGreaterThan(Number(made.metadata.resourceVersion));
  });

  it('tell a delete and a recreation as two events of different uids', async () => {
    const path = await fresh();
    const made = await make(path, 'a');
    await using watch = await open(path, `&resourceVersion=${made.metadata.resourceVersion}`);
    ok(await api('DELETE', `${path}/a`));
    const again = await make(path, 'a');
    const events = [await watch.next(), await watch.next()];
    expect(events.map(({ type, object }) => [type, object.metadata.uid])).toEqual([
      ['DELETED', made.metadata.uid],
      ['ADDED', again.metadata.uid],
    ]);
  });

  describe('with a selector', () => {
    it('take an object that begins to match for added, and one that ceases to for deleted', async () => {
      const path = await fresh();
      const made = ok(await api('POST', path, { metadata: { name: 'a' } }), 201);
      await using watch = await open(path, `&resourceVersion=${made.metadata.resourceVersion}`);
      const label = (mine: string | null, x: string) =>
        api('PATCH', `${path}/a`, { metadata: { labels: { mine } }, data: { x } }, MERGE);
      ok(await label('yes', '1'));
      ok(await label('still', '2'));
      const left = ok(await label(null, '3'));
      ok(await label(null, '4'));
      ok(await label('again', '5'));
      const events = [await watch.next(), await watch.next(), await watch.next(), await watch.next()];
      expect(events.map(({ type, object }) => [type, object.data?.['x']])).toEqual([
        ['ADDED', '1'],
        ['MODIFIED', '2'],
        // The last state that matched, with the version of the change that ended it.
        ['DELETED', '2'],
        ['ADDED', '5'],
      ]);
      expect(events[2]?.object.metadata.resourceVersion).toBe(left.metadata.resourceVersion);
    });

    it('follow one name', async () => {
      const path = await fresh();
      await using watch = await it8s.watch(`${path}?watch=1&fieldSelector=metadata.name%3Db`);
      await make(path, 'a');
      await make(path, 'b');
      const event = await watch.next();
      expect([event.type, event.object.metadata.name]).toEqual(['ADDED', 'b']);
      expect(watch.pending()).toEqual([]);
    });

    it('follow Secrets of a type', async () => {
      const path = await fresh('secrets');
      await using watch = await it8s.watch(`${path}?watch=1&fieldSelector=type%3Dexample.com%2Fx`);
      await make(path, 'a');
      await make(path, 'b', { type: 'example.com/x' });
      expect((await watch.next()).object.metadata.name).toBe('b');
    });
  });

  it('can be restricted to one object by the old path', async () => {
    const path = (await fresh()).replace('/api/v1/', '/api/v1/watch/');
    const plain = path.replace('/watch', '');
    await make(plain, 'a');
    await using watch = await it8s.watch(`${path}/a`);
    expect((await watch.next()).object.metadata.name).toBe('a');
  });

  it('reach over all namespaces', async () => {
    const [one, other] = [await fresh(), await fresh()];
    const query = '?watch=true&labelSelector=across';
    await using watch = await it8s.watch(`/api/v1/configmaps${query}`);
    for (const path of [one, other])
      ok(await api('POST', path, { metadata: { name: 'a', labels: { across: '1' } } }), 201);
    const seen = [await watch.next(), await watch.next()].map(({ object }) => object.metadata.namespace);
    expect(seen).toEqual([one, other].map((path) => path.split('/')[4]));
  });

  it('end in order after timeoutSeconds', async () => {
    const startedAt = Date.now();
    await using watch = await open(await fresh(), '&timeoutSeconds=1');
    await watch.ended(5000);
    expect(Date.now() - startedAt).toBeGreaterThanOrEqual(950);
  });

  it('send a bookmark before they end, if bookmarks are allowed: a version to resume from', async () => {
    const path = await fresh();
    const made = await make(path, 'a');
    const from = `&resourceVersion=${made.metadata.resourceVersion}`;
    await using watch = await it8s.watch(
      `${path}?watch=true&labelSelector=none${from}&allowWatchBookmarks=true&timeoutSeconds=4`,
    );
    // A change that the watch does not see: without any, there may be nothing newer to tell.
    await make(path, 'b');
    const bookmark = await watch.next(6000);
    expect(bookmark.type).toBe('BOOKMARK');
    expect(bookmark.object).toMatchObject({ apiVersion: 'v1', kind: 'ConfigMap' });
    expect(Number(bookmark.object.metadata.resourceVersion)).toBeGreaterThan(Number(made.metadata.resourceVersion));
    expect(bookmark.object.metadata).not.toHaveProperty('name');

    const last = await make(path, 'c');
    await using resumed = await open(path, `&resourceVersion=${bookmark.object.metadata.resourceVersion}`);
    expect(await resumed.next()).toMatchObject({ type: 'ADDED', object: { metadata: { uid: last.metadata.uid } } });
  });

  it('send no bookmark if bookmarks are not allowed', async () => {
    await using watch = await open(await fresh(), '&timeoutSeconds=3');
    await watch.ended(6000);
    expect(watch.pending()).toEqual([]);
  });

  it('refuse resourceVersionMatch', async () => {
    const answer = await api('GET', `${await fresh()}?watch=true&resourceVersion=1&resourceVersionMatch=Exact`);
    const status = failure(answer, 422, 'Invalid');
    expect(status.message).toContain('resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden for watch');
  });

  it('of an unknown resource answer 404', async () => {
    const answer = await api('GET', '/api/v1/namespaces/default/nothings?watch=true');
    expect(failure(answer, 404, 'NotFound').message).toBe('the server could not find the requested resource');
  });

  it('need no namespace to be there yet', async () => {
    await using watch = await it8s.watch('/api/v1/namespaces/not-there-yet/configmaps?watch=true&timeoutSeconds=1');
    expect(watch.status).toBe(200);
    await watch.ended();
  });

  describe('carry every byte of', () => {
    it('an object of 1 MB', async () => {
      const path = await fresh();
      await using watch = await open(path);
      const data = { a: 'x€'.repeat(260_000) };
      await make(path, 'big', { data });
      expect((await watch.next()).object.data).toEqual(data);
    });

    it('200 quick changes of one object, none left out', async () => {
      const path = await fresh();
      const made = await make(path, 'a', { data: { n: '0' } });
      await using watch = await open(path, `&resourceVersion=${made.metadata.resourceVersion}`);
      for (let n = 1; n <= 200; n += 1) ok(await api('PATCH', `${path}/a`, { data: { n: String(n) } }, MERGE));
      const events = await watch.until(({ object }) => object.data?.['n'] === '200');
      expect(events.map(({ object }) => Number(object.data?.['n']))).toEqual(
        Array.from({ length: 200 }, (_, i) => i + 1),
      );
    });
  });
});
