import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createKubeClient, staticAuth, type KubeClient } from '../src/index.js';
import { configMaps, eventually, FAST, MemoryLogger, pass, Tape } from './support/harness.js';
import { item, OpenWatch, ScriptedApi, sendJson, sendList, sendStatus, type Item } from './support/scripted-api.js';

let api: ScriptedApi;
let client: KubeClient;
let allowed: boolean;
/** Where the answers to that question wait, if they do. */
let held: (() => void)[] | undefined;
/** Watches that are open, by the name they select; `''` for the whole namespace. */
let open: Map<string, OpenWatch>;
let state: Map<string, Item>;
let version: number;

beforeEach(async () => {
  api = await ScriptedApi.start();
  allowed = true;
  held = undefined;
  open = new Map();
  state = new Map();
  version = 10;
  api.intercept = (request, response) => {
    const name = /metadata\.name=(.*)/.exec(request.query.get('fieldSelector') ?? '')?.[1] ?? '';
    if (request.path.endsWith('selfsubjectaccessreviews')) {
      const answer = () => sendJson(response, 201, { status: { allowed } });
      if (held === undefined) answer();
      else held.push(answer);
    } else if (name === '' && !allowed) sendStatus(response, 403);
    else if (request.kind === 'list') {
      sendList(
        response,
        [...state.values()].filter(({ metadata }) => name === '' || metadata.name === name),
        { version },
      );
    } else if (request.kind === 'watch') {
      const watch = new OpenWatch(request, response).headers();
      open.set(name, watch);
      response.once('close', () => open.get(name) === watch && open.delete(name));
    } else return false;
    return true;
  };
  client = createKubeClient({
    auth: staticAuth({ server: api.url }),
    logger: new MemoryLogger(),
    timings: { ...FAST, probeAfterMs: 60_000 },
    widenAbove: 3,
  });
});

afterEach(async () => {
  await client.close();
  await api[Symbol.asyncDispose]();
});

function write(name: string, data: string, to: 'all' | 'wide' | 'single' = 'all'): void {
  version += 1;
  const type = state.has(name) ? 'MODIFIED' : 'ADDED';
  const object = item(name, version, { k: data });
  state.set(name, object);
  say(name, type, object, to);
}

function remove(name: string): void {
  version += 1;
  state.delete(name);
  say(name, 'DELETED', item(name, version), 'all');
}

function say(name: string, type: 'ADDED' | 'MODIFIED' | 'DELETED', object: Item, to: 'all' | 'wide' | 'single'): void {
  if (to !== 'wide') open.get(name)?.send(type, object);
  if (to !== 'single') open.get('')?.send(type, object);
}

function tapes(...names: string[]): Tape[] {
  return names.map((name) => new Tape(client.watch(configMaps({ name }))));
}

async function wide(): Promise<void> {
  await eventually(
    () => open.size === 1 && open.has(''),
    5_000,
    () => `only the wide watch: ${[...open.keys()].join()}`,
  );
}

async function singles(count: number): Promise<void> {
  await eventually(
    () => open.size === count && !open.has(''),
    5_000,
    () => `${count} singles: ${[...open.keys()].join()}`,
  );
}

describe('watches of single names', () => {
  it('stay single up to the limit, and nobody is asked', async () => {
    tapes('a', 'b', 'c', 'a');
    await singles(3);
    await pass(50);
    expect(api.of('other')).toHaveLength(0);
    expect(client.stats().watches.map(({ name }) => name)).toEqual(['a', 'b', 'c']);
  });

  it('become one watch of the namespace above it, without a word', async () => {
    for (const name of ['a', 'b', 'other']) write(name, '1');
    const [a, b, c] = tapes('a', 'b', 'c');
    await singles(3);
    const [d, again] = tapes('d', 'a');
    await wide();
    for (const tape of [a, b, c, d, again]) await tape?.hears('synced');
    expect([a, b, c, d, again].map((tape) => tape?.text)).toEqual([
      '+a@11=1 synced',
      '+b@12=1 synced',
      'synced',
      'synced',
      '+a@11=1 synced',
    ]);
    write('a', '2');
    write('other', '2');
    remove('b');
    write('d', 'new');
    await d?.hears('+d@17=new');
    expect([a, b, c, d].map((tape) => tape?.text)).toEqual([
      '+a@11=1 synced +a@14=2',
      '+b@12=1 synced -b',
      'synced',
      'synced +d@17=new',
    ]);
    expect(client.stats().watches).toMatchObject([{ name: undefined, objects: 3 }]);
  });

  it('are moved only when the wide watch has come as far as the single one', async () => {
    write('a', '1');
    const [a] = tapes('a', 'b', 'c');
    await singles(3);
    write('a', '2', 'single');
    await a?.hears('+a@12=2');
    // The wide list comes from a server that lags behind.
    const ahead = state.get('a');
    state.set('a', item('a', 11, { k: '1' }));
    version = 11;
    tapes('d');
    await eventually(() => open.has(''));
    await eventually(() => !open.has('b'));
    await pass(100);
    expect(open.has('a')).toBe(true);
    expect(a?.text).toBe('+a@11=1 synced +a@12=2');
    version = 12;
    state.set('a', ahead ?? item('a', 12));
    say('a', 'MODIFIED', item('a', 12, { k: '2' }), 'wide');
    await wide();
    write('a', '3');
    await a?.hears('+a@13=3');
    expect(a?.text).toBe('+a@11=1 synced +a@12=2 +a@13=3');
  });

  it('a late subscriber of a wide group gets its object at once, without a request', async () => {
    write('z', '1');
    tapes('a', 'b', 'c', 'd');
    await wide();
    const requests = api.requests.length;
    const [z, none] = tapes('z', 'none');
    expect([z?.text, none?.text]).toEqual(['+z@11=1 synced', 'synced']);
    expect(api.requests).toHaveLength(requests);
  });

  it('a late subscriber of a wide group that is in doubt gets its object once it is listed again', async () => {
    write('z', '1');
    tapes('a', 'b', 'c', 'd');
    await wide();
    client.doubtWatches();
    // What the wide watch does not say: it is deaf.
    version = 20;
    state.set('z', item('z', 20, { k: '2' }));
    const [z, none] = tapes('z', 'none');
    expect([z?.text, none?.text]).toEqual(['', '']);
    await Promise.all([z?.hears('synced'), none?.hears('synced')]);
    expect([z?.text, none?.text]).toEqual(['+z@20=2 synced', 'synced']);
  });

  it('a subscriber of a group that is about to be wide hears nothing of its object before it was read', async () => {
    write('z', '1');
    using all = new Tape(client.watch({ ...configMaps(), recall: () => 'recalled' }));
    await all.hears('synced');
    const { intercept } = api;
    const lists: (() => void)[] = [];
    api.intercept = (request, response) => {
      const isWide = request.kind === 'list' && !request.query.has('fieldSelector');
      return isWide ? lists.push(() => intercept(request, response)) > 0 : intercept(request, response);
    };
    tapes('a', 'b', 'c', 'd');
    await eventually(() => lists.length === 1);
    const [z] = tapes('z');
    expect(z?.text).toBe('');
    api.intercept = intercept;
    for (const list of lists) list();
    await z?.hears('synced');
    expect(z?.text).toBe('+z@11=1 synced');
  });

  it.each([true, false])(
    'that come while the answer is awaited (%s) have no watch of their own before',
    async (answer) => {
      for (const name of ['a', 'late']) write(name, '1');
      allowed = answer;
      const waiting: (() => void)[] = (held = []);
      const first = tapes('a', 'b', 'c', 'd');
      await eventually(() => waiting.length > 0);
      await singles(4);
      const late = tapes('late', 'later', 'a');
      await pass(50);
      expect(api.requests.filter(({ query }) => query.get('fieldSelector')?.includes('late'))).toEqual([]);
      held = undefined;
      for (const give of waiting) give();
      await (answer ? wide() : singles(6));
      for (const tape of [...first, ...late]) await tape.hears('synced');
      expect([...first, ...late].map((tape) => tape.text)).toEqual([
        '+a@11=1 synced',
        'synced',
        'synced',
        'synced',
        '+late@12=1 synced',
        'synced',
        '+a@11=1 synced',
      ]);
      write('late', '2');
      await late[0]?.hears('+late@13=2');
      expect(late[0]?.text).toBe('+late@12=1 synced +late@13=2');
    },
  );

  it('stay single where the namespace is forbidden, and the question is not repeated', async () => {
    allowed = false;
    tapes('a', 'b', 'c', 'd');
    await singles(4);
    tapes('e', 'f');
    await singles(6);
    expect(api.of('other')).toHaveLength(2);
  });

  it('become single again when the right to the namespace is withdrawn, without a word for what did not change', async () => {
    for (const name of ['a', 'b', 'c']) write(name, '1');
    const all = tapes('a', 'b', 'c', 'd');
    await wide();
    allowed = false;
    state.delete('b');
    write('c', '2', 'single');
    open.get('')?.end();
    await singles(4);
    await all[2]?.hears('+c@14=2');
    await all[1]?.hears('-b');
    expect(all.map((tape) => tape.said.filter((said) => said !== 'synced'))).toEqual([
      ['+a@11=1'],
      ['+b@12=1', '-b'],
      ['+c@13=1', '+c@14=2'],
      [],
    ]);
  });

  it('leave nothing behind, in any mode', async () => {
    const all = tapes('a', 'b', 'c', 'd');
    await wide();
    for (const tape of all) tape.stop();
    await eventually(() => client.stats().watches.length === 0 && open.size === 0);
    const early = tapes('a', 'b', 'c', 'd', 'e');
    for (const tape of early) tape.stop();
    expect(client.stats().watches).toEqual([]);
    const [a] = tapes('a');
    await a?.hears('synced');
    await singles(1);
  });
});
