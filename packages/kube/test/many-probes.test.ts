import { VirtualClock } from '@kube-trigger/core/testing';
import { eventually } from '@kube-trigger/testing';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createKubeClient, DEFAULT_TIMINGS, type KubeClient, staticAuth } from '../src/index.js';
import { PLACES, PROBES } from '../src/http/transport.js';
import { configMaps, MemoryLogger, Tape } from './support/harness.js';
import { item, OpenWatch, ScriptedApi, sendJson } from './support/scripted-api.js';

/** More than may be probed at a time. */
const WATCHES = PROBES + 10;

let clock: VirtualClock;
let api: ScriptedApi;
let client: KubeClient;
let tapes: Tape[];
/** The probes that were asked for, each open until the test ends it. */
let probes: OpenWatch[];

beforeEach(async () => {
  clock = new VirtualClock();
  api = await ScriptedApi.start();
  probes = [];
  api.intercept = (request, response) => {
    if (request.kind === 'probe') probes.push(new OpenWatch(request, response).headers());
    else if (request.path === '/version') sendJson(response, 200, {});
    else return false;
    return true;
  };
  client = createKubeClient({
    auth: staticAuth({ server: api.url }),
    logger: new MemoryLogger(),
    scheduler: clock,
    monotonicMs: () => clock.now(),
    // All watches fall due in the same moment.
    random: () => 0.5,
  });
  const places = Array.from({ length: WATCHES }, (_, i) => configMaps({ namespace: `n${i}` }));
  tapes = places.map((scope) => new Tape(client.watch(scope)));
  await eventually(() => client.stats().watches.every(({ state }) => state === 'watching'));
});

afterEach(async () => {
  for (const tape of tapes) tape.stop();
  await client.close();
  await api[Symbol.asyncDispose]();
});

const of = (namespace: string) => (watch: OpenWatch) => watch.request.path.includes(`/${namespace}/`);
const namespacesOf = (watches: readonly OpenWatch[]) =>
  new Set(watches.map(({ request }) => request.path.split('/')[4] ?? ''));

/** As many probes as may be under way are, and answered as far as they are. */
async function allPlacesTaken(): Promise<void> {
  await clock.advance(DEFAULT_TIMINGS.probeAfterMs);
  await eventually(() => probes.length >= PROBES, { because: 'probes should be under way' });
  // What was sent before its answer has arrived.
  await client.request({ path: '/version', timeoutMs: 5_000 });
}

it('a request finds a connection while as many probes and ordinary requests are under way as may be', async () => {
  await allPlacesTaken();
  const ordinary = api.intercept;
  let held = 0;
  api.intercept = (request, response) => {
    if (request.path !== '/held') return ordinary(request, response);
    held += 1;
    return true;
  };
  for (let i = 0; i < PLACES; i += 1) void client.request({ path: '/held' }).catch(() => undefined);
  await eventually(() => held === PLACES, { because: 'ordinary requests should be under way' });
  await expect(client.request({ path: '/version', timeoutMs: 5_000 })).resolves.toEqual({});
  expect(probes).toHaveLength(PROBES);
});

it('a watch that waits for its probe longer than a probe may take is not taken for deaf, and is probed in its turn', async () => {
  await allPlacesTaken();
  await clock.advance(DEFAULT_TIMINGS.probeTimeoutMs + 1_000);
  for (const probe of probes) probe.end();
  await eventually(() => probes.length === WATCHES, { because: 'those who waited should be probed' });
  expect(namespacesOf(probes).size).toBe(WATCHES);
  for (const probe of probes) probe.end();
  expect(client.stats().watches.filter(({ deaf }) => deaf > 0)).toEqual([]);
  expect(api.watches).toHaveLength(WATCHES);
});

it('a watch that is deaf while it waits for its probe is noticed in its turn', async () => {
  await allPlacesTaken();
  const underWay = namespacesOf(probes);
  const waiting = tapes.flatMap((_, i) => (underWay.has(`n${i}`) ? [] : [`n${i}`]));
  const [deaf = ''] = waiting;
  for (const probe of probes) probe.end();
  await eventually(() => probes.some(of(deaf)));
  probes.find(of(deaf))?.send('ADDED', { metadata: { ...item('a', 15).metadata, namespace: deaf } });
  await eventually(() => probes.find(of(deaf))?.closed === true);
  await clock.advance(DEFAULT_TIMINGS.probeGraceMs + DEFAULT_TIMINGS.backoffBaseMs);
  await eventually(() => api.watches.filter(of(deaf)).length === 2, { because: 'it should be opened again' });
});

it('a watch that speaks while it waits for its probe is not probed', async () => {
  await allPlacesTaken();
  const underWay = namespacesOf(probes);
  const waiting = tapes.flatMap((_, i) => (underWay.has(`n${i}`) ? [] : [i]));
  const [speaks = -1] = waiting;
  const object = { metadata: { ...item('a', 15).metadata, namespace: `n${speaks}` } };
  api.watches.find(of(`n${speaks}`))?.send('ADDED', object);
  await tapes[speaks]?.hears('+a@15=');
  for (const probe of probes) probe.end();
  await eventually(() => probes.length === WATCHES - 1);
  await clock.settle();
  expect(probes.some(of(`n${speaks}`))).toBe(false);
});

it('a bookmark ends a probe when another one waits for its place, and else leaves it and its connection to the server', async () => {
  await allPlacesTaken();
  const bookmark = { metadata: { resourceVersion: '50' } };
  const [first, second] = probes;
  first?.send('BOOKMARK', bookmark);
  await eventually(() => first?.closed && probes.length === PROBES + 1);
  for (const probe of probes.slice(2)) probe.end();
  await eventually(() => probes.length === WATCHES);
  second?.send('BOOKMARK', bookmark);
  await eventually(() => client.stats().watches.some(({ ageOfLastProofMs }) => ageOfLastProofMs === 0));
  expect(second?.closed).toBe(false);
});
