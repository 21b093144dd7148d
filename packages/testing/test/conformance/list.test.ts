import { describe, expect, it } from 'vitest';
import { describeOnClusters } from '../../src/cluster.js';
import { conformance, failure, names, ok } from './support.js';

describeOnClusters('lists', (start) => {
  const { api, fresh } = conformance(start);

  /** Makes ConfigMaps of these names, in this order. */
  const filled = async (...made: string[]) => {
    const path = await fresh();
    for (const name of made) ok(await api('POST', path, { metadata: { name, labels: { name } } }), 201);
    return path;
  };

  it('are sorted by name and carry a resourceVersion; items of core kinds carry no kind', async () => {
    const path = await filled('b', 'a', 'c');
    const list = ok(await api('GET', `${path}?labelSelector=name`));
    expect(list).toMatchObject({ kind: 'ConfigMapList', apiVersion: 'v1' });
    expect(names(list)).toEqual(['a', 'b', 'c']);
    expect(list.metadata.resourceVersion).toMatch(/^[1-9]\d*$/);
    expect(list.items?.[0]).not.toHaveProperty('kind');
  });

  it('are empty, not null, where nothing is', async () => {
    const list = ok(
      await api(
        'GET',
        await fresh('endpoints').then((path) => path.replace('endpoints', 'secrets?labelSelector=none')),
      ),
    );
    expect(list.items).toEqual([]);
  });

  it('reach over all namespaces', async () => {
    const [one, other] = [await filled('everywhere'), await filled('everywhere')];
    const list = ok(await api('GET', '/api/v1/configmaps?fieldSelector=metadata.name%3Deverywhere'));
    const namespaces = list.items?.map(({ metadata }) => metadata.namespace);
    expect(namespaces).toEqual(expect.arrayContaining([one.split('/')[4], other.split('/')[4]]));
  });

  describe('in pages', () => {
    it('give each item once, all as of the first page, and say how many remain', async () => {
      const path = await filled('a', 'b', 'c', 'd', 'e');
      const first = ok(await api('GET', `${path}?limit=2`));
      const expected = names(ok(await api('GET', path)));
      expect(names(first)).toEqual(expected.slice(0, 2));
      expect(first.metadata.remainingItemCount).toBe(expected.length - 2);

      ok(await api('POST', path, { metadata: { name: 'cc' } }), 201);
      ok(await api('DELETE', `${path}/d`));
      const seen = names(first);
      let page = first;
      while (page.metadata.continue) {
        page = ok(await api('GET', `${path}?limit=2&continue=${encodeURIComponent(page.metadata.continue)}`));
        expect(page.metadata.resourceVersion).toBe(first.metadata.resourceVersion);
        seen.push(...names(page));
      }
      expect(seen).toEqual(expected);
      expect(page.metadata.remainingItemCount).toBeUndefined();
    });

    it('do not count the remaining items when there is a selector', async () => {
      const path = await filled('a', 'b', 'c');
      const first = ok(await api('GET', `${path}?limit=1&labelSelector=name`));
      expect(names(first)).toEqual(['a']);
      expect(first.metadata.continue).toBeTruthy();
      expect(first.metadata.remainingItemCount).toBeUndefined();
    });

    it('have no continue token when the limit is not reached', async () => {
      const list = ok(await api('GET', `${await filled('a')}?limit=500`));
      expect(list.metadata.continue).toBeUndefined();
      expect(list.metadata.remainingItemCount).toBeUndefined();
    });

    it('refuse a token that they did not make, and one together with a resourceVersion', async () => {
      const path = await filled('a', 'b');
      const invalid = failure(await api('GET', `${path}?limit=1&continue=nonsense`), 400, 'BadRequest');
      expect(invalid.message).toContain('continue key is not valid');
      const token = ok(await api('GET', `${path}?limit=1`)).metadata.continue;
      const both = failure(await api('GET', `${path}?limit=1&continue=${token}&resourceVersion=5`), 400, 'BadRequest');
      expect(both.message).toBe('specifying resource version is not allowed when using continue');
    });
  });

  describe('at a resourceVersion', () => {
    it('are not older than it, by default', async () => {
      const path = await filled('a');
      const made = ok(await api('POST', path, { metadata: { name: 'b' } }), 201);
      const list = ok(await api('GET', `${path}?resourceVersion=${made.metadata.resourceVersion}`));
      expect(names(list)).toContain('b');
      expect(
        names(
          ok(
            await api(
              'GET',
              `${path}?resourceVersion=${made.metadata.resourceVersion}&resourceVersionMatch=NotOlderThan`,
            ),
          ),
        ),
      ).toContain('b');
      ok(await api('GET', `${path}?resourceVersion=0`));
    });

    it('are exactly as it was, when asked to', async () => {
      const path = await filled('a');
      const made = ok(await api('POST', path, { metadata: { name: 'b' } }), 201);
      ok(await api('DELETE', `${path}/b`));
      const version = made.metadata.resourceVersion;
      const list = ok(await api('GET', `${path}?limit=10&resourceVersion=${version}&resourceVersionMatch=Exact`));
      expect(names(list)).toContain('b');
      expect(list.metadata.resourceVersion).toBe(version);
    });

    it.each([
      [
        'resourceVersionMatch=Exact',
        'resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided',
      ],
      [
        'resourceVersion=0&resourceVersionMatch=Exact',
        'resourceVersionMatch: Forbidden: resourceVersionMatch "exact" is forbidden for resourceVersion "0"',
      ],
      ['resourceVersion=5&resourceVersionMatch=Nearly', 'resourceVersionMatch: Unsupported value: "Nearly"'],
    ])('refuse ?%s with 422', async (query, message) => {
      const status = failure(await api('GET', `${await fresh()}?${query}`), 422, 'Invalid');
      expect(status.message).toContain(message);
    });

    it('refuse one that is no number, and show it', async () => {
      // 500 in v1.20, 400 later.
      const answer = await api('GET', `${await fresh()}?resourceVersion=abc`);
      expect(answer.status).toBeGreaterThanOrEqual(400);
      expect(answer.text).toContain('\\"abc\\"');
    });

    it('refuse one from the future with 504 after a while, and say so', async () => {
      const answer = await api('GET', `${await fresh()}?resourceVersion=999999999999`);
      const status = failure(answer, 504, 'Timeout');
      expect(status.message).toMatch(/Too large resource version: 999999999999, current: \d+$/);
      expect(status.details?.causes).toEqual([
        { reason: 'ResourceVersionTooLarge', message: 'Too large resource version' },
      ]);
    });
  });

  describe('by labels', () => {
    const select = async (path: string, selector: string) =>
      api('GET', `${path}?labelSelector=${encodeURIComponent(selector)}`);

    it.each([
      ['tier=web', ['a', 'b']],
      ['tier==web', ['a', 'b']],
      ['tier!=web,have', ['c', 'd']],
      ['tier in (web, db)', ['a', 'b', 'c']],
      ['tier in (db),stage', []],
      ['have,tier notin (web)', ['c', 'd']],
      ['stage', ['b']],
      ['have,!stage', ['a', 'c', 'd']],
      ['n>1', ['b', 'c']],
      ['n<2', ['a']],
      ['tier=web,stage=prod', ['b']],
      ['tier=,have', ['d']],
      ['example.com/x=y', ['d']],
      [' tier = web ', ['a', 'b']],
    ])('%s', async (selector, expected) => {
      const path = await fresh();
      const have = { have: '1' };
      const all: Record<string, Record<string, string>> = {
        a: { tier: 'web', n: '1' },
        b: { tier: 'web', stage: 'prod', n: '2' },
        c: { tier: 'db', n: '10' },
        d: { tier: '', 'example.com/x': 'y' },
      };
      await Promise.all(
        Object.entries(all).map(async ([name, labels]) =>
          ok(await api('POST', path, { metadata: { name, labels: { ...have, ...labels } } }), 201),
        ),
      );
      expect(names(ok(await select(path, selector)))).toEqual(expected);
    });

    it.each([
      ['a=b=c', `found '=', expected: ',' or 'end of string'`],
      ['a in b', `unable to parse requirement: found 'b' expected: '('`],
      ['a in (b', `unable to parse requirement: found '', expected: ',' or ')'`],
      ['=a', `found '=', expected: !, identifier, or 'end of string'`],
      ['a,', `found '', expected: identifier after ','`],
    ])('%s is refused with 400', async (selector, message) => {
      const status = failure(await select(await fresh(), selector), 400, 'BadRequest');
      expect(status.message).toBe(message);
    });

    it.each([
      ['a b', 'unable to parse requirement'],
      ['-a=b', 'unable to parse requirement: '],
      ['a=x y', `found 'y', expected: ',' or 'end of string'`],
      ['a>x', 'unable to parse requirement: '],
    ])('%s is refused with 400, in words that vary', async (selector, message) => {
      const status = failure(await select(await fresh(), selector), 400, 'BadRequest');
      expect(status.message).toContain(message);
    });
  });

  describe('by fields', () => {
    const select = async (path: string, selector: string) =>
      api('GET', `${path}?fieldSelector=${encodeURIComponent(selector)}`);

    it('metadata.name and metadata.namespace, equal or not', async () => {
      const path = await filled('a', 'b');
      const namespace = path.split('/')[4];
      expect(names(ok(await select(path, 'metadata.name=a')))).toEqual(['a']);
      expect(names(ok(await select(path, 'metadata.name==a')))).toEqual(['a']);
      expect(names(ok(await select(path, 'metadata.name!=a')))).not.toContain('a');
      expect(names(ok(await select('/api/v1/configmaps', `metadata.namespace=${namespace},metadata.name=b`)))).toEqual([
        'b',
      ]);
      expect(names(ok(await select(path, 'metadata.name=a,metadata.name=b')))).toEqual([]);
    });

    it('type of Secrets', async () => {
      const path = await fresh('secrets');
      ok(await api('POST', path, { metadata: { name: 'plain' } }), 201);
      ok(await api('POST', path, { metadata: { name: 'special' }, type: 'example.com/special' }), 201);
      expect(names(ok(await select(path, 'type=example.com/special')))).toEqual(['special']);
      expect(names(ok(await select(path, 'type!=example.com/special,metadata.name=plain')))).toEqual(['plain']);
    });

    it('spec.nodeName and status.phase of Pods', async () => {
      const list = ok(await select('/api/v1/pods', 'spec.nodeName=none,status.phase=Running'));
      expect([list.kind, list.items]).toEqual(['PodList', []]);
    });

    it('refuse other fields with 400', async () => {
      const status = failure(await select(await fresh(), 'data.a=1'), 400, 'BadRequest');
      expect(status.message).toContain(
        '"data.a" is not a known field selector: only "metadata.name", "metadata.namespace"',
      );
    });

    it('refuse what is no selector with 400', async () => {
      const status = failure(await select(await fresh(), 'nonsense'), 400, 'BadRequest');
      expect(status.message).toBe("invalid selector: 'nonsense'; can't understand 'nonsense'");
    });
  });
});
