import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ObjectVersion } from '../src/index.js';
import { configMaps, eventually, Tape, testClient, type TestClient } from './support/harness.js';
import { gone, type Item, item, ScriptedApi, type ScriptedRequest, sendList } from './support/scripted-api.js';

let api: ScriptedApi;
let kube: TestClient;

beforeEach(async () => {
  api = await ScriptedApi.start();
  api.intercept = (request, response) => {
    if (request.method !== 'GET' || request.query.has('watch')) return false;
    const { items, next } = page(request);
    const contents = isMetadata(request) ? items.map(({ metadata }) => ({ metadata })) : items;
    sendList(response, contents, { version: api.version, next });
    return true;
  };
  kube = testClient(api.url, { timings: { probeAfterMs: 60_000 }, pageSize: 10 });
});

afterEach(async () => {
  await kube[Symbol.asyncDispose]();
  await api[Symbol.asyncDispose]();
});

/** At most ten objects, whatever is asked for. */
function page({ query }: ScriptedRequest): { readonly items: readonly Item[]; readonly next: string } {
  const name = /metadata\.name=([^,]+)/.exec(query.get('fieldSelector') ?? '')?.[1];
  if (name !== undefined) return { items: api.items.filter(({ metadata }) => metadata.name === name), next: '' };
  const start = Number(query.get('continue') ?? 0);
  const next = start + 10 < api.items.length ? String(start + 10) : '';
  return { items: api.items.slice(start, start + 10), next };
}

function isMetadata({ headers }: ScriptedRequest): boolean {
  return headers.accept?.includes('as=PartialObjectMetadataList') === true;
}

/** The lists so far: `names` by names and versions, `bodies` with contents, or the name of the one object. */
function lists(): string[] {
  return api.requests
    .filter(({ query }) => !query.has('watch'))
    .map((request) => /metadata\.name=(.+)/.exec(request.query.get('fieldSelector') ?? '')?.[1] ?? nameOf(request));
}

function nameOf(request: ScriptedRequest): string {
  return isMetadata(request) ? 'names' : 'bodies';
}

function objects(count: number, version = 1): Item[] {
  return Array.from({ length: count }, (_, i) => item(`o${i}`, version, { k: `v${i}` }));
}

/** Knows every object in its first version. */
const knowsFirst = ({ resourceVersion }: ObjectVersion) => (resourceVersion === '1' ? 'known' : undefined);

async function watching(count = 1): Promise<void> {
  await eventually(() => api.watches.length >= count);
}

describe('a subscriber that recalls', () => {
  it('is told what it knows, and no contents are asked for', async () => {
    api.items = objects(25);
    using tape = new Tape(kube.client.watch(configMaps({ recall: knowsFirst })));
    await tape.hears('synced');
    expect(tape.said).toEqual([...api.items.map(({ metadata }) => `+${metadata.name}@1=known`), 'synced']);
    expect(lists()).toEqual(['names', 'names', 'names']);
    expect(kube.client.stats().watches[0]?.objects).toBe(25);
  });

  it('has the few that changed read one by one, before it is told that all was said', async () => {
    api.items = objects(10);
    api.items[4] = item('o4', 7, { k: 'new' });
    using tape = new Tape(kube.client.watch(configMaps({ recall: knowsFirst })));
    await tape.hears('synced');
    expect(tape.said.slice(-2)).toEqual(['+o4@7=new', 'synced']);
    expect(lists()).toEqual(['names', 'o4']);
  });

  it('has whole pages read while most is unknown, and goes back to names when it is not', async () => {
    api.items = [...objects(20, 2), ...objects(40).slice(20)];
    using tape = new Tape(kube.client.watch(configMaps({ recall: knowsFirst })));
    await tape.hears('synced');
    expect(tape.said).toContain('+o3@2=v3');
    expect(tape.said).toContain('+o39@1=known');
    // The third page is read with its contents for nothing: that is how it is found out.
    expect(lists()).toEqual(['names', 'bodies', 'bodies', 'bodies', 'names']);
  });

  it('hears of no change that came before what was read', async () => {
    api.items = objects(10);
    api.items[4] = item('o4', 13, { k: 'newest' });
    using tape = new Tape(kube.client.watch(configMaps({ recall: knowsFirst })));
    await watching();
    api.lastWatch.send('MODIFIED', item('o4', 12, { k: 'between' }));
    api.lastWatch.send('MODIFIED', item('o4', 13, { k: 'newest' }));
    api.lastWatch.send('MODIFIED', item('o4', 14, { k: 'later' }));
    await tape.hears('+o4@14=later');
    expect(tape.said.filter((said) => said.includes('o4'))).toEqual(['+o4@13=newest', '+o4@14=later']);
  });

  it('hears of no deletion of the object that the one that was read replaced', async () => {
    api.items = objects(10);
    const made = item('o4', 13, { k: 'anew' });
    api.items[4] = { ...made, metadata: { ...made.metadata, uid: 'another' } };
    using tape = new Tape(kube.client.watch(configMaps({ recall: knowsFirst })));
    await watching();
    api.lastWatch.send('DELETED', item('o4', 12));
    api.lastWatch.send('ADDED', api.items[4]);
    api.lastWatch.send('MODIFIED', item('o5', 14, { k: 'x' }));
    await tape.hears('+o5@14=x');
    expect(tape.said.filter((said) => said.includes('o4'))).toEqual(['+o4@13=anew']);
  });

  it('hears of no change and no making of the object that the one that was read replaced', async () => {
    api.items = objects(10);
    const made = item('o4', 25, { k: 'anew' });
    api.items[4] = { ...made, metadata: { ...made.metadata, uid: 'another' } };
    using tape = new Tape(kube.client.watch(configMaps({ recall: knowsFirst })));
    await watching();
    api.lastWatch.send('MODIFIED', item('o4', 21, { k: 'former' }));
    api.lastWatch.send('DELETED', item('o4', 22));
    const between = item('o4', 23, { k: 'between' });
    api.lastWatch.send('ADDED', { ...between, metadata: { ...between.metadata, uid: 'third' } });
    api.lastWatch.send('DELETED', { metadata: { ...between.metadata, uid: 'third', resourceVersion: '24' } });
    api.lastWatch.send('ADDED', api.items[4]);
    api.lastWatch.send('MODIFIED', item('o5', 26, { k: 'x' }));
    await tape.hears('+o5@26=x');
    expect(tape.said.filter((said) => said.includes('o4'))).toEqual(['+o4@25=anew']);
  });

  it('says of an object that went between the list and its reading that it is absent', async () => {
    api.items = objects(10);
    const tape = new Tape(kube.client.watch(configMaps({ recall: knowsFirst })));
    await watching();
    const answer = api.intercept;
    api.intercept = (request, response) => {
      if (request.query.get('fieldSelector')?.includes('o4') === true) api.items.splice(4, 1);
      return answer(request, response);
    };
    api.items[4] = item('o4', 12, { k: 'x' });
    api.lastWatch.send('ERROR', gone());
    await eventually(() => tape.said.filter((said) => said === 'synced').length === 2);
    expect(tape.said.slice(-2)).toEqual(['-o4', 'synced']);
    tape.stop();
  });
});

describe('subscribers who share a watch', () => {
  it('that do not recall have everything read, and each hears what it knows', async () => {
    api.items = objects(10);
    using knowing = new Tape(kube.client.watch(configMaps({ recall: knowsFirst })));
    using unknowing = new Tape(kube.client.watch(configMaps()));
    await unknowing.hears('synced');
    expect(unknowing.said).toEqual([
      ...api.items.map(({ metadata, data }) => `+${metadata.name}@1=${data?.['k']}`),
      'synced',
    ]);
    expect(knowing.said).toHaveLength(11);
  });

  it('and come late are told that all was said only after what they lack was read', async () => {
    api.items = objects(10);
    using first = new Tape(kube.client.watch(configMaps({ recall: knowsFirst })));
    await first.hears('synced');
    await watching();
    const recall = ({ name }: ObjectVersion) => (name === 'o4' ? undefined : 'mine');
    using late = new Tape(kube.client.watch(configMaps({ recall })));
    expect(late.said).not.toContain('synced');
    await late.hears('synced');
    expect(late.said.slice(-2)).toEqual(['+o4@1=v4', 'synced']);
    expect(lists()).toEqual(['names', 'names', 'o4']);
    expect(first.said).not.toContain('-o4');
  });
});

it('who comes while a list is under way, and lacks what was recognised before, has it read by another one', async () => {
  api.items = objects(20);
  let late: Tape | undefined;
  const recall = (version: ObjectVersion) => {
    if (version.name === 'o15') late ??= new Tape(kube.client.watch(configMaps()));
    return knowsFirst(version);
  };
  using first = new Tape(kube.client.watch(configMaps({ recall })));
  await eventually(() => late?.said.includes('synced') === true);
  expect(new Set(late?.said.slice(0, -1))).toEqual(
    new Set(api.items.map(({ metadata, data }) => `+${metadata.name}@1=${data?.['k']}`)),
  );
  await first.hears('synced');
  late?.stop();
});

it('a relist of what is known asks for names and versions', async () => {
  api.items = objects(25);
  using tape = new Tape(kube.client.watch(configMaps()));
  await watching();
  expect(lists()).toEqual(['bodies', 'bodies', 'bodies']);
  api.items[3] = item('o3', 12, { k: 'new' });
  api.items.pop();
  api.lastWatch.send('ERROR', gone());
  await watching(2);
  expect(lists().slice(3)).toEqual(['names', 'o3', 'names', 'names']);
  expect(tape.said.slice(26)).toEqual(['+o3@12=new', '-o24', 'synced']);
});
