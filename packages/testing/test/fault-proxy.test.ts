import { execFile } from 'node:child_process';
import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { connect } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Agent, request } from 'undici';
import { ApiClient } from '../src/api-client.js';
import { startReal } from '../src/cluster.js';
import { envtestWanted } from '../src/envtest.js';
import { eventually, never } from '../src/eventually.js';
import { type FaultProxy, startFaultProxy } from '../src/fault-proxy/fault-proxy.js';
import { kubeconfigFor } from '../src/kubeconfig.js';
import { createCertificateAuthority } from '../src/pki.js';

const LINE = '{"type":"ADDED","object":{}}\n';

describe('startFaultProxy', () => {
  let server: FakeServer;
  let proxy: FaultProxy;
  let agent: Agent;
  beforeEach(async () => {
    server = await FakeServer.start();
    proxy = await startFaultProxy({ target: server.url });
    agent = new Agent({ allowH2: false, headersTimeout: 5000, bodyTimeout: 0 });
  });
  afterEach(async () => {
    await agent.destroy();
    await proxy.stop();
    await server.stop();
  });

  const get = async (path: string, method = 'GET', body: string | null = null) => {
    const answer = await request(proxy.url + path, { dispatcher: agent, method, body });
    return { status: answer.statusCode, headers: answer.headers, text: await answer.body.text() };
  };
  const openWatch = async (path = '/api/v1/configmaps?watch=true') => {
    const answer = await request(proxy.url + path, { dispatcher: agent });
    const seen = { text: '', failure: undefined as string | undefined, ended: false };
    answer.body.on('data', (data: Buffer) => (seen.text += data.toString()));
    answer.body.on('end', () => (seen.ended = true));
    answer.body.on('error', (error: Error & { code?: string }) => (seen.failure = error.code ?? error.message));
    return seen;
  };

  it('forwards method, path, headers and body, and the answer’s', async () => {
    const answer = await get('/echo?x=1', 'POST', 'hello');
    expect(answer.status).toBe(201);
    expect(answer.headers['x-from']).toBe('server');
    expect(JSON.parse(answer.text)).toMatchObject({
      method: 'POST',
      url: '/echo?x=1',
      body: 'hello',
      host: server.host,
    });
  });

  it('streams a watch line by line', async () => {
    const watch = await openWatch();
    server.emit(LINE);
    await eventually(() => watch.text === LINE);
    server.emit(LINE);
    await eventually(() => watch.text === LINE + LINE);
    expect(proxy.openExchanges({ isWatch: true })).toBe(1);
  });

  describe('answers', () => {
    it('with the injected status as often as asked, then forwards again', async () => {
      const fault = proxy.inject({ method: 'GET', path: /^\/echo/ }, { answer: 429, retryAfterSeconds: 7 }, 2);
      const first = await get('/echo');
      expect([first.status, first.headers['retry-after']]).toEqual([429, '7']);
      expect(JSON.parse(first.text)).toMatchObject({
        kind: 'Status',
        code: 429,
        reason: 'TooManyRequests',
        details: { retryAfterSeconds: 7 },
      });
      expect((await get('/echo')).status).toBe(429);
      expect((await get('/echo')).status).toBe(201);
      expect(fault.applied()).toBe(2);
      expect(server.requests).toEqual(['GET /echo']);
    });

    it.each([401, 403, 410, 500, 503])('with %i, and with no more once the fault is removed', async (answer) => {
      const fault = proxy.inject({}, { answer });
      expect((await get('/echo')).status).toBe(answer);
      fault.remove();
      expect((await get('/echo')).status).toBe(201);
    });

    it('leaves requests alone that do not match', async () => {
      proxy.inject({ isWatch: true }, { answer: 410 });
      proxy.inject({ method: 'PATCH' }, { answer: 500 });
      proxy.inject({ path: /nowhere/ }, { answer: 500 });
      expect((await get('/echo?watch=false')).status).toBe(201);
      expect((await get('/api/v1/configmaps?watch=1')).status).toBe(410);
    });
  });

  it('delays', async () => {
    proxy.inject({}, { delayMs: 80 });
    const startedAt = performance.now();
    expect((await get('/echo')).status).toBe(201);
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(79);
  });

  it('sends the body in chunks of one byte', async () => {
    proxy.inject({}, { bytesPerChunk: 1 });
    expect(await rawBody(proxy.url, '/echo')).toMatch(/\r\n\r\n(1\r\n[^]\r\n)+0\r\n\r\n$/);
    expect(JSON.parse((await get('/echo')).text)).toMatchObject({ method: 'GET' });
  });

  describe('cuts', () => {
    it.each(['reset', 'fin'] as const)('with a %s before the server has seen the request', async (cut) => {
      proxy.inject({}, { cut }, 1);
      await expect(get('/echo')).rejects.toMatchObject({ code: cut === 'reset' ? 'ECONNRESET' : 'UND_ERR_SOCKET' });
      expect(server.requests).toEqual([]);
    });

    it('after the head of the answer', async () => {
      proxy.inject({}, { cut: 'fin', after: 'head' });
      await expect(get('/echo')).rejects.toMatchObject({ code: 'UND_ERR_SOCKET' });
      expect(server.requests).toEqual(['GET /echo']);
    });

    it('after so many bytes', async () => {
      proxy.inject({}, { cut: 'fin', after: { bytes: 5 } });
      const watch = await openWatch();
      server.emit(LINE);
      await eventually(() => watch.failure);
      expect(watch).toEqual({ text: LINE.slice(0, 5), failure: 'UND_ERR_SOCKET', ended: false });
    });

    it('in the middle of a line, whole ones having passed', async () => {
      proxy.inject({}, { cut: 'fin', after: { lines: 2 } });
      const watch = await openWatch();
      server.emit(LINE + LINE);
      await eventually(() => watch.text === LINE + LINE);
      expect(watch.failure).toBeUndefined();
      server.emit(LINE);
      await eventually(() => watch.failure);
      expect(watch.text).toBe(LINE + LINE + LINE.slice(0, 14));
    });

    it('open watches on demand, with a reset or in the middle of a line', async () => {
      const [first, second] = [await openWatch(), await openWatch('/other?watch=true')];
      expect(proxy.cut('reset', { match: { path: /configmaps/ } })).toBe(1);
      await eventually(() => first.failure === 'ECONNRESET');
      expect(proxy.cut('fin', { midLine: true })).toBe(1);
      await eventually(() => second.failure === 'UND_ERR_SOCKET');
      expect(second.text).toMatch(/^{"type"/);
      await eventually(() => server.openResponses === 0, { because: 'the server’s side should end as well' });
    });

    it('resets idle connections too', async () => {
      await get('/echo');
      expect(proxy.openSockets()).toBe(1);
      proxy.resetConnections();
      await eventually(() => proxy.openSockets() === 0);
    });
  });

  describe('freezes', () => {
    it('the way to the client: the request arrives, the answer waits for the thaw', async () => {
      proxy.freeze({ direction: 'toClient' });
      const answer = get('/echo');
      await eventually(() => server.requests.length === 1);
      await staysPending(answer);
      proxy.thaw();
      expect((await answer).status).toBe(201);
    });

    it('the way to the server: the request waits', async () => {
      await get('/echo');
      proxy.freeze({ direction: 'toServer' });
      const answer = get('/echo');
      await staysPending(answer);
      expect(server.requests).toHaveLength(1);
      proxy.thaw();
      expect((await answer).status).toBe(201);
    });

    it('an open watch: no data and no end of the stream reach the client', async () => {
      const watch = await openWatch();
      server.emit(LINE);
      await eventually(() => watch.text === LINE);
      proxy.freeze();
      server.emit(LINE);
      server.endAll();
      await never(() => watch.text !== LINE || watch.ended || watch.failure, { forMs: 150 });
      proxy.thaw();
      await eventually(() => watch.ended);
      expect(watch.text).toBe(LINE + LINE);
    });

    it('only watches when asked to', async () => {
      const watch = await openWatch();
      proxy.freeze({ only: 'watches' });
      expect((await get('/echo')).status).toBe(201);
      server.emit(LINE);
      const another = openWatch();
      await staysPending(another);
      expect(watch.text).toBe('');
      proxy.thaw();
      await eventually(() => watch.text === LINE);
      await another;
    });

    it('single requests by an injected fault, until it is removed', async () => {
      const fault = proxy.inject({ path: /echo/ }, { freeze: 'toClient' }, 1);
      const answer = get('/echo');
      await eventually(() => server.requests.length === 1);
      await staysPending(answer);
      expect((await get('/echo')).status).toBe(201);
      fault.remove();
      expect((await answer).status).toBe(201);
    });

    it('forgets a request whose client gives up meanwhile', async () => {
      proxy.freeze();
      const aborter = new AbortController();
      const answer = request(`${proxy.url}/echo`, { dispatcher: agent, signal: aborter.signal });
      await staysPending(answer);
      aborter.abort();
      await expect(answer).rejects.toThrow('aborted');
      proxy.thaw();
      await eventually(() => proxy.openSockets() === 0 && proxy.openExchanges() === 0);
    });
  });

  it('counts requests by path, watches as such, and open sockets', async () => {
    await get('/echo?a=1');
    await get('/echo?a=2');
    await openWatch();
    expect(proxy.requestCounts()).toEqual({ 'GET /echo': 2, 'WATCH /api/v1/configmaps': 1 });
    expect(proxy.requestCount({ isWatch: true })).toBe(1);
    expect(proxy.requestCount()).toBe(3);
    expect(proxy.openSockets()).toBe(2);
    await agent.destroy();
    await eventually(() => proxy.openSockets() === 0);
    await eventually(() => server.openResponses === 0);
  });

  it('ends the client’s connection when the server is gone', async () => {
    await server.stop();
    await expect(get('/echo')).rejects.toMatchObject({ code: 'ECONNRESET' });
  });

  it('passes upgrades both ways', async () => {
    const { port } = new URL(proxy.url);
    const socket = connect(Number(port), '127.0.0.1');
    let text = '';
    socket.on('data', (data) => (text += data.toString()));
    socket.write('GET /exec HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nfirst');
    await eventually(() => text.endsWith('first'));
    expect(text).toMatch(/^HTTP\/1.1 101 /);
    socket.write(' second');
    await eventually(() => text.endsWith('first second'));
    socket.destroy();
  });

  it('stops with watches open and requests frozen', async () => {
    const watch = await openWatch();
    proxy.freeze();
    const frozen = get('/echo');
    frozen.catch(() => {});
    await eventually(() => proxy.openSockets() === 2);
    await proxy.stop();
    await eventually(() => watch.failure);
    await expect(frozen).rejects.toMatchObject({ code: 'ECONNRESET' });
  });
});

describe('startFaultProxy with TLS', () => {
  it('speaks TLS, resets TLS connections, and shows a rotated certificate to new ones', async () => {
    const [one, other] = [await createCertificateAuthority('one'), await createCertificateAuthority('other')];
    const server = await FakeServer.start();
    const tls = await one.issue({ commonName: 'proxy', hosts: ['127.0.0.1'] });
    const proxy = await startFaultProxy({ target: server.url, tls });
    const status = async (ca: string) => {
      const agent = new Agent({ connect: { ca } });
      const answer = await request(`${proxy.url}/echo`, { dispatcher: agent });
      await answer.body.dump();
      await agent.close();
      return answer.statusCode;
    };
    expect(await status(one.cert)).toBe(201);
    await expect(status(other.cert)).rejects.toThrow('certificate');

    proxy.useCertificate(await other.issue({ commonName: 'proxy', hosts: ['127.0.0.1'] }));
    expect(await status(other.cert)).toBe(201);
    proxy.inject({}, { cut: 'reset' });
    await expect(status(other.cert)).rejects.toMatchObject({ code: 'ECONNRESET' });

    await proxy.stop();
    await server.stop();
  });

  it('does not answer the handshake while the network is frozen', async () => {
    const authority = await createCertificateAuthority();
    const server = await FakeServer.start();
    const tls = await authority.issue({ commonName: 'proxy', hosts: ['127.0.0.1'] });
    const proxy = await startFaultProxy({ target: server.url, tls });
    const agent = new Agent({ connect: { ca: authority.cert } });
    proxy.freeze();
    const answer = request(`${proxy.url}/echo`, { dispatcher: agent });
    await staysPending(answer);
    proxy.thaw();
    const { statusCode, body } = await answer;
    await body.dump();
    expect(statusCode).toBe(201);
    await agent.close();
    await proxy.stop();
    await server.stop();
  });
});

describe.skipIf(!envtestWanted())('startFaultProxy before a real API server', () => {
  it('serves kubectl, and a watch that it can silence', async () => {
    await using cluster = await startReal();
    await using proxy = await startFaultProxy({ target: cluster.url, ca: cluster.ca, tls: true });
    const namespace = await cluster.createNamespace('proxied');
    const text = kubeconfigFor({ url: proxy.url, ca: proxy.ca, token: cluster.token });
    const kubeconfig = await cluster.writeKubeconfig(undefined, text);
    const kubectl = join(process.env['KUBEBUILDER_ASSETS'] ?? '', 'kubectl');
    const listed = await promisify(execFile)(kubectl, ['--kubeconfig', kubeconfig, 'get', 'namespace', namespace]);
    expect(listed.stdout).toContain('Active');

    const client = new ApiClient(proxy.url, cluster.token, proxy.ca);
    const configMaps = `/api/v1/namespaces/${namespace}/configmaps`;
    await using watch = await client.watch(`${configMaps}?watch=true&fieldSelector=metadata.name%3Dcm`);
    proxy.freeze({ only: 'watches' });
    await client.request('POST', configMaps, { metadata: { name: 'cm' } });
    await never(() => watch.pending().length > 0, { forMs: 200 });
    proxy.thaw();
    expect((await watch.next()).object.metadata.name).toBe('cm');
    await client.close();
  });
});

/** Echoes requests; keeps watches open; upgrades to an echo. */
class FakeServer {
  readonly requests: string[] = [];
  readonly #watches = new Set<ServerResponse>();
  readonly #server: Server;
  url = '';

  private constructor() {
    this.#server = createServer((req, res) => this.#serve(req, res));
    this.#server.on('upgrade', (_req, socket, head) => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
      socket.write(head);
      socket.pipe(socket);
    });
  }

  static async start(): Promise<FakeServer> {
    const fake = new FakeServer();
    await new Promise<void>((resolve) => {
      fake.#server.listen(0, '127.0.0.1', resolve);
    });
    fake.url = `http://127.0.0.1:${(fake.#server.address() as AddressInfo).port}`;
    return fake;
  }

  get host(): string {
    return new URL(this.url).host;
  }

  get openResponses(): number {
    return this.#watches.size;
  }

  emit(text: string): void {
    for (const watch of this.#watches) watch.write(text);
  }

  endAll(): void {
    for (const watch of this.#watches) watch.end();
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
  }

  #serve(req: IncomingMessage, res: ServerResponse): void {
    const { method, url, headers } = req;
    this.requests.push(`${method} ${url}`);
    if (url?.includes('watch=')) {
      if (!url.includes('watch=false')) {
        res.writeHead(200, { 'content-type': 'application/json' });
        res.flushHeaders();
        this.#watches.add(res);
        res.once('close', () => this.#watches.delete(res));
        return;
      }
    }
    let body = '';
    req.on('data', (data: Buffer) => (body += data.toString()));
    req.on('end', () => {
      res.writeHead(201, { 'x-from': 'server', 'content-type': 'application/json' });
      res.end(JSON.stringify({ method, url, body, host: headers.host }));
    });
  }
}

async function staysPending(promise: Promise<unknown>): Promise<void> {
  let settled: string | undefined;
  promise.then(
    () => (settled = 'fulfilled'),
    () => (settled = 'rejected'),
  );
  await never(() => settled, { forMs: 100, because: 'it should wait' });
}

/** The answer as it stands on the wire. */
async function rawBody(url: string, path: string): Promise<string> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  let text = '';
  socket.on('data', (data) => (text += data.toString()));
  socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
  await eventually(() => text.endsWith('0\r\n\r\n'));
  socket.destroy();
  return text;
}
