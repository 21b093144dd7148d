import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { Agent, request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import * as entry from '../src/index.js';
import { startDevCluster } from '../src/index.js';
import { call, CONFIG_MAPS, createConfigMap, rawWatch, until } from './support.js';

async function temporaryFolder(): Promise<{ path: string; [Symbol.asyncDispose](): Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), 'devcluster-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) };
}

describe('a dev cluster', () => {
  it('exports what it says', () => {
    expect(Object.keys(entry).toSorted()).toEqual(['startDevCluster']);
  });

  it('speaks https that its own authority vouches for', async () => {
    await using cluster = await startDevCluster({ tls: true });
    expect(cluster.url).toMatch(/^https:/);
    const ask = (headers: Record<string, string>) =>
      new Promise<number | undefined>((resolve, reject) => {
        const agent = new Agent({ ca: cluster.caPem });
        request(`${cluster.url}/version`, { agent, headers }, (answer) => {
          answer.resume();
          agent.destroy();
          resolve(answer.statusCode);
        })
          .on('error', reject)
          .end();
      });
    expect(await ask({ authorization: `Bearer ${cluster.token}` })).toBe(200);
    // Plain http without credentials is the administrator's; https is not.
    expect(await ask({})).toBe(401);
  });

  it('writes a kubeconfig for its owner alone', async () => {
    await using folder = await temporaryFolder();
    await using cluster = await startDevCluster({ token: 'secret' });
    const path = join(folder.path, 'kubeconfig');
    await cluster.writeKubeconfig(path);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    const config = parse(await readFile(path, 'utf8')) as { clusters: object[]; users: object[] };
    expect(config.clusters[0]).toMatchObject({ cluster: { server: cluster.url, 'insecure-skip-tls-verify': true } });
    expect(config.users[0]).toMatchObject({ user: { token: 'secret' } });
  });

  it('restarts on the same port with the same data, and cuts what was connected', async () => {
    await using cluster = await startDevCluster();
    await createConfigMap(cluster, 'kept');
    const { url } = cluster;
    const watch = await rawWatch(cluster);
    await cluster.restart();
    expect(await watch.over).toBe('ECONNRESET');
    expect(cluster.url).toBe(url);
    expect((await call(cluster, 'GET', `${CONFIG_MAPS}/kept`)).status).toBe(200);
  });

  it('finds its data again in the data file, and lets no old watch resume', async () => {
    await using folder = await temporaryFolder();
    const dataFile = join(folder.path, 'data.json');
    let version = '';
    {
      await using first = await startDevCluster({ dataFile });
      version = (await createConfigMap(first, 'kept', { a: '1' })).body.metadata.resourceVersion ?? '';
    }
    await using second = await startDevCluster({ dataFile });
    const { body } = await call(second, 'GET', `${CONFIG_MAPS}/kept`);
    expect(body).toMatchObject({ data: { a: '1' }, metadata: { resourceVersion: version } });
    const next = await createConfigMap(second, 'next');
    expect(Number(next.body.metadata.resourceVersion)).toBeGreaterThan(Number(version));
  });

  it('revokes tokens', async () => {
    await using cluster = await startDevCluster();
    const token = cluster.addToken('jane', ['system:masters']);
    const ask = () => call(cluster, 'GET', CONFIG_MAPS, { headers: { authorization: `Bearer ${token}` } });
    expect((await ask()).status).toBe(200);
    expect(cluster.revokeToken(token)).toBe(true);
    expect((await ask()).status).toBe(401);
    expect(cluster.revokeToken(token)).toBe(false);
  });

  it('counts requests, open watches and sockets', async () => {
    await using cluster = await startDevCluster();
    const watch = await rawWatch(cluster);
    await call(cluster, 'GET', `${CONFIG_MAPS}/none`, { headers: { 'user-agent': 'me/1' } });
    expect(cluster.stats.byKind()).toEqual({ 'watch configmaps': 1, 'get configmaps': 1 });
    expect(cluster.stats.requests({ userAgent: /^me/, verb: 'get' })).toBe(1);
    expect(cluster.stats.openWatches).toBe(1);
    expect(cluster.stats.openSockets).toBeGreaterThanOrEqual(1);
    watch.close();
    await until(() => cluster.stats.openWatches === 0);
    cluster.stats.reset();
    expect(cluster.stats.requests()).toBe(0);
  });

  it('serves pages of a list as of the first page, whatever happens in between', async () => {
    await using cluster = await startDevCluster();
    for (const name of ['a', 'b', 'c', 'd']) await createConfigMap(cluster, name, { v: '1' });
    const first = await call(cluster, 'GET', `${CONFIG_MAPS}?limit=2`);
    await call(cluster, 'DELETE', `${CONFIG_MAPS}/c`);
    await createConfigMap(cluster, 'bb');
    await call(cluster, 'PATCH', `${CONFIG_MAPS}/d`, {
      body: { data: { v: '2' } },
      headers: { 'content-type': 'application/merge-patch+json' },
    });
    const { continue: token = '', resourceVersion } = first.body.metadata as {
      continue?: string;
      resourceVersion?: string;
    };
    const second = await call(cluster, 'GET', `${CONFIG_MAPS}?limit=2&continue=${token}`);
    expect(second.body.items?.map(({ metadata, data }) => [metadata.name, data])).toEqual([
      ['c', { v: '1' }],
      ['d', { v: '1' }],
    ]);
    expect(second.body.metadata.resourceVersion).toBe(resourceVersion);
  });
});
