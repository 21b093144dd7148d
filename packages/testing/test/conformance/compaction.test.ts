import { beforeAll, describe, expect, it } from 'vitest';
import { describeOnClusters } from '../../src/cluster.js';
import { conformance, failure, ok } from './support.js';

describeOnClusters('compacted history', (start) => {
  const it8s = conformance(start, { own: true, controllers: false });
  const { api, watch } = it8s;
  const make = async (path: string, name: string) => ok(await api('POST', path, { metadata: { name } }), 201);

  let path = '';
  /** Of the time before the compaction. */
  let version = '';
  let continueToken = '';
  beforeAll(async () => {
    path = await it8s.fresh();
    for (const name of ['a', 'b', 'c', 'd']) await make(path, name);
    const page = ok(await api('GET', `${path}?limit=2`));
    version = page.metadata.resourceVersion;
    continueToken = page.metadata.continue ?? '';
    await make(path, 'e');
    await it8s.cluster.compact();
  });

  it('answers 410 within the stream to a watch from before, and ends it', async () => {
    await using old = await watch(`${path}?watch=true&resourceVersion=${version}`);
    expect(old.status).toBe(200);
    const { type, object } = await old.next();
    expect(type).toBe('ERROR');
    expect(object).toMatchObject({ kind: 'Status', apiVersion: 'v1', status: 'Failure', reason: 'Expired', code: 410 });
    expect(object.message).toMatch(/^too old resource version: \d+ \(\d+\)$/);
    await old.ended();
  });

  it('answers 410 to a continue token from before, with another token that goes on from the present', async () => {
    const answer = await api('GET', `${path}?limit=2&continue=${continueToken}`);
    expect([answer.status, answer.json['reason'], answer.json['code']]).toEqual([410, 'Expired', 410]);
    expect(answer.json['message']).toMatch(
      /^The provided continue parameter is too old to display a consistent list result\./,
    );
    const rest = ok(await api('GET', `${path}?limit=10&continue=${answer.json.metadata.continue}`));
    expect(rest.items?.map(({ metadata }) => metadata.name)).toEqual(['c', 'd', 'e']);
  });

  it('answers 410 with its status to a list exactly as of before', async () => {
    const query = `limit=1&resourceVersion=${version}&resourceVersionMatch=Exact`;
    const status = failure(await api('GET', `${path}?${query}`), 410, 'Expired');
    expect(status.message).toContain('too old');
  });

  it('serves a list that is not older than before, out of the present', async () => {
    const list = ok(await api('GET', `${path}?resourceVersion=${version}`));
    expect(list.items).toHaveLength(5);
  });

  it('leaves watches from a fresh list as they were', async () => {
    const list = ok(await api('GET', path));
    await using fresh = await watch(`${path}?watch=true&resourceVersion=${list.metadata.resourceVersion}`);
    const added = await make(path, 'f');
    expect(await fresh.next()).toMatchObject({ type: 'ADDED', object: { metadata: { uid: added.metadata.uid } } });
  });

  describe('and a restarted API server', () => {
    it('ends watches, keeps objects and versions, and lets a watch resume with nothing lost', async () => {
      const made = await make(path, 'before');
      await using open = await watch(`${path}?watch=true`);
      await open.next();
      await it8s.cluster.restart();
      await open.ended();
      expect(ok(await api('GET', `${path}/before`))).toEqual(made);

      const list = ok(await api('GET', path));
      expect(Number(list.metadata.resourceVersion)).toBeGreaterThanOrEqual(Number(made.metadata.resourceVersion));
      await using resumed = await watch(`${path}?watch=true&resourceVersion=${list.metadata.resourceVersion}`);
      const next = await make(path, 'after');
      expect((await resumed.next()).object.metadata.uid).toBe(next.metadata.uid);
    });
  });
});
