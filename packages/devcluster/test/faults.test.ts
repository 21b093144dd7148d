import { Agent, get } from 'node:https';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type DevCluster, startDevCluster } from '../src/index.js';
import { call, CONFIG_MAPS, createConfigMap, rawWatch, until } from './support.js';

describe('fault switches', () => {
  let cluster: DevCluster;
  beforeAll(async () => {
    cluster = await startDevCluster();
  });
  afterEach(() => cluster.faults.clear());
  afterAll(() => cluster.stop());

  const list = (path = CONFIG_MAPS) => call(cluster, 'GET', path);

  it.each(['drop', 'reset'] as const)('%s cuts new requests and open watches, until removed', async (kind) => {
    const watch = await rawWatch(cluster);
    const fault = cluster.faults[kind]();
    // In the middle of a chunked body FIN and RST look alike to a client of Node.
    expect(await watch.over).toBe('ECONNRESET');
    await expect(list()).rejects.toThrow('fetch failed');
    expect(fault.hits).toBeGreaterThanOrEqual(2);
    fault.remove();
    expect((await list()).status).toBe(200);
  });

  it.each(['drop', 'reset'] as const)('%s reaches below TLS', async (kind) => {
    await using secure = await startDevCluster({ tls: true });
    const agent = new Agent({ ca: secure.caPem });
    const ask = (): Promise<number | string> =>
      new Promise((resolve) => {
        const options = { agent, headers: { authorization: `Bearer ${secure.token}` } };
        get(`${secure.url}${CONFIG_MAPS}`, options, (answer) => {
          answer.resume();
          resolve(answer.statusCode ?? 0);
        }).on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? ''));
      });
    secure.faults[kind]({ count: 1 });
    expect(await ask()).toBe('ECONNRESET');
    expect(await ask()).toBe(200);
    agent.destroy();
  });

  it('freeze holds answers and open watches back, and gives them when removed', async () => {
    const watch = await rawWatch(cluster);
    const fault = cluster.faults.freeze({ verbs: ['watch', 'list'] });
    const listed = list();
    expect((await createConfigMap(cluster, 'frozen')).status).toBe(201);
    await until(() => fault.hits === 1);
    expect(watch.text()).not.toContain('"frozen"');
    fault.remove();
    expect((await listed).status).toBe(200);
    await until(() => watch.text().includes('"frozen"'));
    watch.close();
  });

  it('failWith answers a Status with Retry-After, as often as asked', async () => {
    cluster.faults.failWith({ status: 429, retryAfterSeconds: 7 }, { verbs: ['list'], count: 2 });
    const [first, second, third] = [await list(), await list(), await list()];
    expect([first.status, second.status, third.status]).toEqual([429, 429, 200]);
    expect(first.headers.get('retry-after')).toBe('7');
    expect(first.body).toMatchObject({ kind: 'Status', reason: 'TooManyRequests', details: { retryAfterSeconds: 7 } });
  });

  it('touches only what matches method, path and user agent', async () => {
    cluster.faults.failWith({ status: 503 }, { method: 'GET', path: /secrets/, userAgent: /^victim/ });
    const secrets = '/api/v1/secrets';
    expect((await list(secrets)).status).toBe(200);
    expect((await call(cluster, 'GET', secrets, { headers: { 'user-agent': 'victim/1' } })).status).toBe(503);
    expect((await call(cluster, 'GET', CONFIG_MAPS, { headers: { 'user-agent': 'victim/1' } })).status).toBe(200);
  });

  it('latency delays', async () => {
    cluster.faults.latency(120);
    const startedAt = performance.now();
    await list();
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(115);
  });

  it('closeWatchesAtOnce ends watches in order, without a word', async () => {
    cluster.faults.closeWatchesAtOnce();
    const watch = await rawWatch(cluster);
    expect(await watch.over).toBe('end');
    expect(watch.text()).toBe('');
  });

  it('truncateWatchLine cuts one line in the middle and the connection with it', async () => {
    const watch = await rawWatch(cluster, '&labelSelector=cut');
    cluster.faults.truncateWatchLine();
    await call(cluster, 'POST', CONFIG_MAPS, { body: { metadata: { name: 'cut', labels: { cut: '1' } } } });
    expect(await watch.over).toBe('ECONNRESET');
    expect(watch.text()).toMatch(/^\{"type":"ADDED"/);
    expect(watch.text()).not.toContain('\n');
    const next = await rawWatch(cluster, '&labelSelector=cut');
    await until(() => next.text().endsWith('\n'));
    next.close();
  });

  it('oneByteChunks sends every byte by itself, and all of them', async () => {
    cluster.faults.oneByteChunks({ verbs: ['watch'] });
    await createConfigMap(cluster, 'bytes');
    const watch = await rawWatch(cluster, '&fieldSelector=metadata.name%3Dbytes');
    await until(() => watch.text().endsWith('}\n'));
    expect(JSON.parse(watch.text())).toMatchObject({ type: 'ADDED', object: { metadata: { name: 'bytes' } } });
    expect(watch.chunks()).toBeGreaterThan(20);
    watch.close();
  });

  it('compact turns older watches and continue tokens away with 410', async () => {
    const { body } = await createConfigMap(cluster, 'old');
    const page = await list(`${CONFIG_MAPS}?limit=1`);
    await createConfigMap(cluster, 'new');
    cluster.faults.compact();
    const watch = await rawWatch(cluster, `&resourceVersion=${body.metadata.resourceVersion ?? ''}`);
    expect(await watch.over).toBe('end');
    expect(JSON.parse(watch.text())).toMatchObject({ type: 'ERROR', object: { code: 410, reason: 'Expired' } });
    const { continue: token } = page.body.metadata as { continue?: string };
    const rest = await list(`${CONFIG_MAPS}?limit=1&continue=${token ?? ''}`);
    expect(rest.status).toBe(410);
    const { continue: inconsistent } = rest.body.metadata as { continue?: string };
    expect((await list(`${CONFIG_MAPS}?continue=${inconsistent ?? ''}`)).status).toBe(200);
  });
});
