import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ServerResponse } from 'node:http';
import { config } from 'rxjs';
import { LISTS } from '../src/http/transport.js';
import { WELL_KNOWN } from '../src/well-known.js';
import { configMaps, dataOf, eventually, FAST, pass, Tape, testClient, type TestClient } from './support/harness.js';
import { gone, item, ScriptedApi, sendList, sendStatus } from './support/scripted-api.js';

let api: ScriptedApi;
let kube: TestClient;

beforeEach(async () => {
  api = await ScriptedApi.start();
  // Probes have tests of their own.
  kube = testClient(api.url, { timings: { probeAfterMs: 60_000 } });
});

afterEach(async () => {
  await kube[Symbol.asyncDispose]();
  await api[Symbol.asyncDispose]();
});

async function watching(count = 1): Promise<void> {
  await eventually(() => api.watches.length >= count);
}

describe('a watch', () => {
  it('lists, says synced, then follows from the list with bookmarks and a jittered end', async () => {
    api.items = [item('a', 3, { k: '1' })];
    using tape = new Tape(kube.client.watch(configMaps({ labelSelector: 'app=web' })));
    await watching();
    const { query, path } = api.lastWatch.request;
    api.lastWatch.send('MODIFIED', item('a', 11, { k: '2' }));
    api.lastWatch.send('ADDED', item('b', 12, { k: 'x' }));
    api.lastWatch.send('DELETED', item('a', 13));
    await tape.hears('-a');
    expect(tape.said).toEqual(['+a@3=1', 'synced', '+a@11=2', '+b@12=x', '-a']);
    expect(path).toBe('/api/v1/namespaces/shop/configmaps');
    expect(query.get('resourceVersion')).toBe('10');
    expect(query.get('allowWatchBookmarks')).toBe('true');
    expect(query.get('labelSelector')).toBe('app=web');
    expect(Number(query.get('timeoutSeconds'))).toBeGreaterThanOrEqual(240);
    expect(Number(query.get('timeoutSeconds'))).toBeLessThanOrEqual(480);
  });

  it('waits for its turn while others of its kind list, and for no other kind; a single object does not wait', async () => {
    const held: ServerResponse[] = [];
    api.intercept = ({ kind, path }, response) => {
      if (kind !== 'list' || !path.endsWith('/configmaps')) return false;
      held.push(response);
      return true;
    };
    const tapes = Array.from(
      { length: LISTS + 2 },
      (_, i) => new Tape(kube.client.watch(configMaps({ labelSelector: `i=${i}` }))),
    );
    await eventually(() => held.length === LISTS);
    using secrets = new Tape(kube.client.watch(configMaps({ resource: WELL_KNOWN.Secret })));
    await secrets.hears('synced');
    using single = new Tape(kube.client.watch(configMaps({ name: 'a' })));
    await eventually(() => held.length === LISTS + 1);
    sendList(held.pop() as ServerResponse, [item('a', 3, { k: '1' })], { version: 10 });
    await single.hears('synced');
    expect(held).toHaveLength(LISTS);
    tapes.at(-1)?.[Symbol.dispose]();
    for (const response of held.slice(0, 1)) sendList(response, [], { version: 10 });
    await eventually(() => held.length === LISTS + 1);
    for (const response of held.slice(1)) sendList(response, [], { version: 10 });
    for (const tape of tapes.slice(0, -1)) await tape.hears('synced');
    expect(held).toHaveLength(LISTS + 1);
    for (const tape of tapes) tape[Symbol.dispose]();
  });

  it('asks for one object by field selector, so that resourceNames in RBAC apply', async () => {
    using _ = new Tape(kube.client.watch(configMaps({ name: 'cm' })));
    await watching();
    expect(api.requests.map(({ query }) => query.get('fieldSelector'))).toEqual([
      'metadata.name=cm',
      'metadata.name=cm',
    ]);
  });

  it('resumes from the last bookmark after a clean end, without a list and without a word', async () => {
    using tape = new Tape(kube.client.watch(configMaps()));
    await watching();
    await pass(FAST.settledAfterMs);
    api.lastWatch.send('BOOKMARK', { kind: 'ConfigMap', metadata: { resourceVersion: '77' } });
    api.lastWatch.end();
    await watching(2);
    expect(api.lastWatch.request.query.get('resourceVersion')).toBe('77');
    expect(api.of('list')).toHaveLength(1);
    expect(tape.said).toEqual(['synced']);
  });

  it.each(['reset', 'cut'] as const)('survives a %s in the middle of a line and repeats nothing', async (how) => {
    using tape = new Tape(kube.client.watch(configMaps()));
    await watching();
    api.lastWatch.send('ADDED', item('a', 11, { k: '1' }));
    await tape.hears('+a@11=1');
    api.lastWatch.raw('{"type":"ADDED","object":{"metadata":{"name":"half"');
    await pass(20);
    api.lastWatch[how]();
    await watching(2);
    expect(api.lastWatch.request.query.get('resourceVersion')).toBe('11');
    api.lastWatch.send('ADDED', item('a', 11, { k: '1' }));
    api.lastWatch.send('MODIFIED', item('a', 12, { k: '2' }));
    await tape.hears('+a@12=2');
    expect(tape.said).toEqual(['synced', '+a@11=1', '+a@12=2']);
  });

  it('reads one-byte chunks, several events in a chunk, characters cut in two and an object of 1 MiB', async () => {
    using tape = new Tape(
      kube.client.watch(
        configMaps({ project: { id: 'size', of: (object) => `${Object.values(dataOf(object)).join('').length}` } }),
      ),
    );
    await watching();
    const small = `${JSON.stringify({ type: 'ADDED', object: item('ä', 11, { k: 'größe€' }) })}\n`;
    for (const byte of Buffer.from(small)) api.lastWatch.raw(Buffer.from([byte]));
    api.lastWatch.raw(small.replace('"11"', '"12"') + small.replace('"11"', '"13"'));
    api.lastWatch.send('ADDED', item('big', 14, { k: 'x'.repeat(1024 * 1024) }));
    await tape.hears('+big@14=1048576');
    expect(tape.said).toEqual(['synced', '+ä@11=6', '+ä@12=6', '+ä@13=6', '+big@14=1048576']);
  });

  it('lists again when a position stays unreadable, and keeps the inventory meanwhile', async () => {
    api.items = [item('a', 3, { k: '1' })];
    using tape = new Tape(kube.client.watch(configMaps()));
    for (let nth = 1; nth <= 3; nth += 1) {
      await watching(nth);
      api.lastWatch.raw('%% not json %%\n');
    }
    api.version = 20;
    await watching(4);
    expect(api.of('list')).toHaveLength(2);
    expect(api.lastWatch.request.query.get('resourceVersion')).toBe('20');
    expect(tape.said.filter((said) => said !== 'synced' && !said.startsWith('!'))).toEqual(['+a@3=1']);
  });
});

describe('410', () => {
  it.each(['in the stream', 'as the answer'])(
    '%s leads to one list that is compared with the inventory',
    async (where) => {
      api.items = [
        item('same', 1, { k: '1' }),
        item('changed', 2, { k: '1' }),
        item('gone', 3),
        item('again', 4, { k: 'x' }),
      ];
      using tape = new Tape(kube.client.watch(configMaps()));
      await watching();
      await pass(FAST.settledAfterMs);
      const recreated = { ...item('again', 30, { k: 'x' }), metadata: { ...item('again', 30).metadata, uid: 'other' } };
      api.items = [item('same', 1, { k: '1' }), item('changed', 20, { k: '2' }), recreated, item('new', 25)];
      api.version = 40;
      const before = tape.said.length;
      if (where === 'as the answer') {
        let once = true;
        api.intercept = (request, response) => {
          if (request.kind !== 'watch' || !once) return false;
          once = false;
          sendStatus(response, 410);
          return true;
        };
        api.lastWatch.end();
      } else api.lastWatch.send('ERROR', gone());
      await tape.hears('synced', { from: before });
      await watching(2);
      expect(tape.said.slice(before)).toEqual([
        '+changed@20=2',
        '-again',
        '+again@30=x',
        '+new@25=',
        '-gone',
        'synced',
      ]);
      expect(api.of('list')).toHaveLength(2);
      expect(api.lastWatch.request.query.get('resourceVersion')).toBe('40');
    },
  );

  it('on a continue token starts the list anew, without repeating what was said', async () => {
    const all = Array.from({ length: 6 }, (_, index) => item(`o${index}`, index + 1, { k: 'v' }));
    let refused = 0;
    api.intercept = (request, response) => {
      if (request.kind !== 'list') return false;
      const start = Number(request.query.get('continue') ?? 0);
      if (start === 4 && refused === 0) {
        refused += 1;
        sendStatus(response, 410);
        return true;
      }
      sendList(response, all.slice(start, start + 2), { version: 10, next: start + 2 < 6 ? String(start + 2) : '' });
      return true;
    };
    using tape = new Tape(kube.client.watch(configMaps()));
    await tape.hears('synced');
    expect(tape.said).toEqual([...all.map((_, index) => `+o${index}@${index + 1}=v`), 'synced']);
    expect(api.of('list').map(({ query }) => query.get('continue'))).toEqual([null, '2', '4', null, '2', '4']);
  });
});

describe('a list of 50,000 objects in pages', () => {
  it('goes on at the page that failed and says every object once', { timeout: 60_000 }, async () => {
    const count = 50_000;
    const failing = new Map([
      [12_000, 503],
      [30_000, 0],
      [45_000, 429],
    ]);
    api.intercept = (request, response) => {
      if (request.kind !== 'list') return false;
      const start = Number(request.query.get('continue') ?? 0);
      const failure = failing.get(start);
      failing.delete(start);
      if (failure === 0) response.socket?.resetAndDestroy();
      else if (failure !== undefined) sendStatus(response, failure);
      else {
        const page = Array.from({ length: 500 }, (_, index) => item(`o${start + index}`, start + index + 1));
        sendList(response, page, { version: 60_000, next: start + 500 < count ? String(start + 500) : '' });
      }
      return true;
    };
    let present = 0;
    const names = new Set<string>();
    await using big = testClient(api.url, { pageSize: 500 });
    using tape = new Tape(big.client.watch(configMaps()), (event) => {
      if (event.type !== 'present') return;
      present += 1;
      names.add(event.name);
    });
    await tape.hears('synced', { withinMs: 40_000 });
    expect(failing.size).toBe(0);
    expect(present).toBe(count);
    expect(names.size).toBe(count);
    expect(api.of('list')).toHaveLength(100 + 3);
    expect(big.client.stats().watches[0]?.objects).toBe(count);
  });
});

describe('sharing', () => {
  it('replays the inventory to a late subscriber without a request, and outlives the first one', async () => {
    api.items = [item('a', 3, { k: '1' })];
    const first = new Tape(kube.client.watch(configMaps()));
    await watching();
    api.lastWatch.send('ADDED', item('b', 11, { k: '2' }));
    await first.hears('+b@11=2');
    using second = new Tape(kube.client.watch(configMaps()));
    expect(second.said).toEqual(['+a@3=1', '+b@11=2', 'synced']);
    expect(kube.client.stats().watches).toMatchObject([{ subscribers: 2, objects: 2, state: 'watching' }]);
    first.stop();
    api.lastWatch.send('DELETED', item('a', 12));
    await second.hears('-a');
    expect(first.text).not.toContain('-a');
    expect(api.requests).toHaveLength(2);
  });

  it('is by scope and projection', async () => {
    using tapes = new DisposableStack();
    const other = { id: 'other', of: () => '' };
    for (const overrides of [{}, { project: other }, { labelSelector: 'a=b' }, { namespace: undefined }, {}]) {
      tapes.use(new Tape(kube.client.watch(configMaps(overrides))));
    }
    expect(kube.client.stats().watches.map(({ subscribers }) => subscribers)).toEqual([2, 1, 1, 1]);
  });

  it('goes on for the others when a subscriber throws', async () => {
    const unhandled: unknown[] = [];
    config.onUnhandledError = (error) => unhandled.push(error);
    try {
      kube.client.watch(configMaps()).subscribe(() => {
        throw new Error('consumer bug');
      });
      using tape = new Tape(kube.client.watch(configMaps()));
      await watching();
      api.lastWatch.send('ADDED', item('a', 11, { k: '1' }));
      await tape.hears('+a@11=1');
      await eventually(() => unhandled.length > 0);
    } finally {
      config.onUnhandledError = null;
    }
  });
});

describe('what is in doubt', () => {
  it('is told to a newcomer once a list has confirmed it; who was there hears what is new', async () => {
    api.items = [item('a', 3, { k: '1' }), item('gone', 4, { k: '1' })];
    using before = new Tape(kube.client.watch(configMaps()));
    await watching();
    // What the watch does not say: it is deaf.
    api.items = [item('a', 20, { k: '2' }), item('b', 21, { k: 'x' })];
    api.version = 30;
    kube.client.doubtWatches();
    using after = new Tape(kube.client.watch(configMaps()));
    expect(after.said).toEqual([]);
    await after.hears('synced');
    expect(after.said).toEqual(['+a@20=2', '+b@21=x', 'synced']);
    expect(before.said.slice(3)).toEqual(['+a@20=2', '+b@21=x', '-gone', 'synced']);
    using last = new Tape(kube.client.watch(configMaps()));
    expect(last.said).toEqual(['+a@20=2', '+b@21=x', 'synced']);
    expect(api.of('list')).toHaveLength(2);
  });

  it('is not confirmed by a list that began before', async () => {
    const lists: ServerResponse[] = [];
    api.intercept = ({ kind }, response) => kind === 'list' && lists.push(response) > 0;
    using before = new Tape(kube.client.watch(configMaps()));
    await eventually(() => lists.length === 1);
    kube.client.doubtWatches();
    using after = new Tape(kube.client.watch(configMaps()));
    sendList(lists.shift() as ServerResponse, [item('a', 3, { k: '1' })], { version: 10 });
    await eventually(() => lists.length === 1);
    expect([before.text, after.text]).toEqual(['+a@3=1 synced', '']);
    sendList(lists.shift() as ServerResponse, [item('a', 20, { k: '2' })], { version: 30 });
    await after.hears('synced');
    expect(after.text).toBe('+a@20=2 synced');
  });

  it('stays untold while it cannot be listed, which is said', async () => {
    using before = new Tape(kube.client.watch(configMaps()));
    await watching();
    kube.client.doubtWatches();
    api.intercept = (_, response) => {
      sendStatus(response, 403);
      return true;
    };
    using after = new Tape(kube.client.watch(configMaps()));
    await after.hears('!KT_KUBE_FORBIDDEN');
    using last = new Tape(kube.client.watch(configMaps()));
    expect([after.text, last.text]).toEqual(['!KT_KUBE_FORBIDDEN', '!KT_KUBE_FORBIDDEN']);
    api.intercept = () => false;
    await Promise.all([before, after, last].map((tape) => tape.hears('synced', { from: 1 })));
  });

  it('is nothing before anything was listed', async () => {
    using before = new Tape(kube.client.watch(configMaps()));
    kube.client.doubtWatches();
    using after = new Tape(kube.client.watch(configMaps()));
    await watching();
    expect([before.said, after.said]).toEqual([['synced'], ['synced']]);
    expect(api.of('list')).toHaveLength(1);
  });
});

describe('a projection that throws', () => {
  it('costs its own object only, is named once without content, and heals with the next version', async () => {
    const project = {
      id: 'picky',
      of: (object: object) => {
        const [value = ''] = Object.values(dataOf(object as never));
        if (value.startsWith('bad')) throw new Error(`cannot digest ${value}`);
        return value;
      },
    };
    api.items = [item('a', 1, { k: 'fine' }), item('b', 2, { k: 'bad-secret' })];
    using tape = new Tape(kube.client.watch(configMaps({ project })));
    await watching();
    api.lastWatch.send('MODIFIED', item('a', 11, { k: 'better' }));
    await tape.hears('+a@11=better');
    expect(tape.said).toEqual(['+a@1=fine', 'synced', '!KT_KUBE_PROJECTION', '+a@11=better']);
    expect(kube.logger.lines.filter(({ message }) => message === 'watch interrupted')).toHaveLength(1);
    expect(JSON.stringify(kube.logger.lines)).not.toContain('secret');
    api.lastWatch.send('MODIFIED', item('b', 12, { k: 'good' }));
    await tape.hears('synced', { from: 4 });
    expect(tape.said.slice(4)).toEqual(['+b@12=good', 'synced']);
  });
});
