import { createServer as createHttpsServer, type Server as HttpsServer } from 'node:https';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { VirtualClock } from '@kube-trigger/core/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isTriggerError, type TriggerError } from '@kube-trigger/core';
import { createCertificateAuthority } from '@kube-trigger/testing';
import { KUBE_ERROR_CODES, staticAuth, WELL_KNOWN, type KubeAuth } from '../src/index.js';
import { eventually, pass, testClient, type TestClient } from './support/harness.js';
import { item, ScriptedApi, sendJson, sendList, sendStatus, type ScriptedRequest } from './support/scripted-api.js';

let api: ScriptedApi;
let kube: TestClient;

beforeEach(async () => {
  api = await ScriptedApi.start();
  kube = testClient(api.url, { timings: { requestTimeoutMs: 2_000 } });
});

afterEach(async () => {
  await kube[Symbol.asyncDispose]();
  await api[Symbol.asyncDispose]();
});

const { ConfigMap, Deployment, Namespace, Secret } = WELL_KNOWN;
const cm = { resource: ConfigMap, namespace: 'shop', name: 'cm' };

function answerWith(code: number, body: object = {}, headers: Record<string, string> = {}): void {
  api.intercept = (_, response) => {
    sendJson(response, code, body, headers);
    return true;
  };
}

function sent(): ScriptedRequest {
  const last = api.requests.at(-1);
  if (last === undefined) throw new Error('nothing was sent');
  return last;
}

async function errorOf(work: Promise<unknown>): Promise<TriggerError> {
  const error: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!isTriggerError(error)) throw new Error('no TriggerError', { cause: error });
  return error;
}

describe('what is sent', () => {
  it('get, create, update, patch and delete', async () => {
    answerWith(200, { metadata: { name: 'x' } });
    const { client } = kube;
    await client.get(cm);
    expect([sent().method, sent().path]).toEqual(['GET', '/api/v1/namespaces/shop/configmaps/cm']);
    await client.get({ resource: Namespace, name: 'shop' });
    expect(sent().path).toBe('/api/v1/namespaces/shop');
    await client.create(Deployment, 'shop', { a: 1 });
    expect([sent().method, sent().path, sent().body]).toEqual([
      'POST',
      '/apis/apps/v1/namespaces/shop/deployments',
      '{"a":1}',
    ]);
    expect(sent().query.get('fieldManager')).toBe('kube-trigger');
    await client.update(cm, { b: 2 }, { subresource: 'status', dryRun: true });
    expect([sent().method, sent().path]).toEqual(['PUT', '/api/v1/namespaces/shop/configmaps/cm/status']);
    expect(sent().query.get('dryRun')).toBe('All');
    await client.delete(cm, { preconditions: { uid: 'u' } });
    expect([sent().method, JSON.parse(sent().body)]).toEqual([
      'DELETE',
      { kind: 'DeleteOptions', apiVersion: 'v1', preconditions: { uid: 'u' } },
    ]);
  });

  it.each([
    ['merge', 'application/merge-patch+json'],
    ['json', 'application/json-patch+json'],
    ['strategic', 'application/strategic-merge-patch+json'],
    ['apply', 'application/apply-patch+yaml'],
  ] as const)('a %s patch as %s', async (type, contentType) => {
    answerWith(200);
    await kube.client.patch(cm, { data: { a: '1' } }, { type, force: true, fieldManager: 'me' });
    expect(sent().headers['content-type']).toBe(contentType);
    expect(sent().body).toBe('{"data":{"a":"1"}}');
    expect(Object.fromEntries(sent().query)).toEqual({
      fieldManager: 'me',
      ...(type === 'apply' ? { force: 'true' } : {}),
    });
  });

  it('pages by continue token, and metadata only when asked', async () => {
    api.intercept = (request, response) => {
      const start = Number(request.query.get('continue') ?? 0);
      sendList(response, [item(`o${start}`, 1)], { version: 5, next: start < 2 ? String(start + 1) : '' });
      return true;
    };
    const all = await kube.client.list(ConfigMap, { namespace: 'shop', as: 'metadata', pageSize: 7 });
    expect(all.map(({ metadata }) => metadata.name)).toEqual(['o0', 'o1', 'o2']);
    expect(sent().query.get('limit')).toBe('7');
    expect(sent().headers.accept).toContain('as=PartialObjectMetadataList');
  });

  it('keeps the path prefix of the server (a proxy in front of many clusters)', async () => {
    answerWith(200);
    await using behind = testClient(`${api.url}/k8s/clusters/c-1/`);
    await behind.client.get(cm);
    expect(sent().path).toBe('/k8s/clusters/c-1/api/v1/namespaces/shop/configmaps/cm');
  });

  it('joins a query in the path with the one beside it', async () => {
    answerWith(200);
    await kube.client.request({ path: '/api/v1/pods?limit=1', query: { continue: 'a b', watch: undefined } });
    expect(Object.fromEntries(sent().query)).toEqual({ limit: '1', continue: 'a b' });
  });

  it('asks the server whether it may', async () => {
    answerWith(201, { status: { allowed: false, reason: 'no rule' } });
    const answer = await kube.client.canI({ verb: 'patch', resource: Deployment, namespace: 'shop', name: 'web' });
    expect(answer).toEqual({ allowed: false, reason: 'no rule' });
    expect(JSON.parse(sent().body)).toMatchObject({
      spec: {
        resourceAttributes: { verb: 'patch', group: 'apps', resource: 'deployments', namespace: 'shop', name: 'web' },
      },
    });
  });

  it('uses the same connections again', async () => {
    answerWith(200);
    for (let nth = 0; nth < 20; nth += 1) await kube.client.get(cm);
    // The next request may be sent in the moment before undici knows that the connection is free.
    expect(api.sockets.size).toBeLessThanOrEqual(2);
  });
});

describe('errors', () => {
  it.each([
    [400, 'KT_KUBE_INVALID', 'never'],
    [403, 'KT_KUBE_FORBIDDEN', 'backoff'],
    [404, 'KT_KUBE_NOT_FOUND', 'backoff'],
    [409, 'KT_KUBE_CONFLICT', 'backoff'],
    [410, 'KT_KUBE_EXPIRED', 'backoff'],
    [422, 'KT_KUBE_INVALID', 'never'],
    [500, 'KT_KUBE_SERVER_ERROR', 'backoff'],
    [502, 'KT_KUBE_SERVER_ERROR', 'backoff'],
  ] as const)('%s is %s, retry %s', async (status, code, retry) => {
    answerWith(status, { kind: 'Status', message: 'because' });
    const error = await errorOf(kube.client.get(cm));
    expect(error).toMatchObject({ code, retry });
    expect(error.message).toBe(`get configmaps "cm" in namespace shop: ${status} because`);
    expect(Object.keys(KUBE_ERROR_CODES)).toContain(code);
    expect(api.requests).toHaveLength(1);
    expect(kube.client.stats().failures).toEqual({ [code]: 1 });
  });

  it('403 names the rule to add: resource with group and subresource, verb, namespace', async () => {
    answerWith(403, { kind: 'Status', message: 'no' });
    const error = await errorOf(
      kube.client.patch(
        { resource: Deployment, namespace: 'shop', name: 'web' },
        {},
        { type: 'merge', subresource: 'scale' },
      ),
    );
    expect(error.message).toBe('patch deployments/scale.apps "web" in namespace shop: 403 no');
    expect(error.fix).toBe(
      'Add to a Role in namespace shop: {apiGroups: ["apps"], resources: ["deployments/scale"], verbs: ["patch"], resourceNames: ["web"]}',
    );
    const everywhere = await errorOf(kube.client.list(Secret));
    expect(everywhere.fix).toBe(
      'Add to a ClusterRole: {apiGroups: [""], resources: ["secrets"], verbs: ["list", "watch"]}',
    );
  });

  it("never quotes what was sent: not for Secrets, not in the decoder's context, not the token", async () => {
    await using secretive = testClient(api.url, {
      auth: {
        credentials: () => Promise.resolve({ server: api.url, headers: { authorization: 'Bearer t0ken' }, tls: {} }),
        reload: () => Promise.resolve(),
        namespace: () => Promise.resolve(undefined),
      },
    });
    answerWith(422, {
      kind: 'Status',
      reason: 'Invalid',
      message: 'Secret "s" is invalid: data[k]: Invalid value: "hunter2"',
      details: { causes: [{ field: 'data[k]', reason: 'FieldValueInvalid', message: 'Invalid value: "hunter2"' }] },
    });
    const secret = { resource: Secret, namespace: 'shop', name: 's' };
    const refused = await errorOf(secretive.client.patch(secret, { data: { k: 'hunter2' } }, { type: 'merge' }));
    expect(refused.message).toBe('patch secrets "s" in namespace shop: 422 Invalid; data[k]: FieldValueInvalid');
    answerWith(400, { kind: 'Status', message: 'cannot decode, error found in #10 byte of ...|"k":"hunter2"|...' });
    const undecodable = await errorOf(secretive.client.create(ConfigMap, 'shop', { data: { k: 'hunter2' } }));
    expect(undecodable.message).toBe('create configmaps in namespace shop: 400 cannot decode');
    api.intercept = (_, response) => {
      response.end('{"hunter2"');
      return true;
    };
    const garbled = await errorOf(secretive.client.get(secret));
    expect(garbled.code).toBe('KT_KUBE_BAD_RESPONSE');
    for (const error of [refused, undecodable, garbled]) {
      const everything = `${error.stack} ${JSON.stringify(error)} ${String((error.cause as Error | undefined)?.stack)}`;
      expect(everything).not.toMatch(/hunter2|t0ken/);
    }
  });

  it("an answer that is no Status (a proxy's page) is cut down to its code", async () => {
    api.intercept = (_, response) => {
      response.writeHead(502).end(`<html>${'x'.repeat(200_000)}</html>`);
      return true;
    };
    expect((await errorOf(kube.client.get(cm))).message).toBe(
      'get configmaps "cm" in namespace shop: 502 no explanation',
    );
  });

  it('refuses an answer larger than the limit', async () => {
    answerWith(200, { data: 'x'.repeat(10_000) });
    expect(await errorOf(kube.client.request({ path: '/version', maxBytes: 1_000 }))).toMatchObject({
      code: 'KT_KUBE_TOO_LARGE',
      retry: 'never',
    });
    expect((await errorOf(kube.client.get(cm, { maxBytes: 1_000 }))).code).toBe('KT_KUBE_TOO_LARGE');
  });
});

describe('time', () => {
  it('a request without an answer ends at its timeout and its socket with it', async () => {
    api.intercept = () => true;
    const error = await errorOf(kube.client.request({ path: '/version', timeoutMs: 80 }));
    expect(error).toMatchObject({ code: 'KT_KUBE_UNREACHABLE', message: 'GET /version: no answer within 80 ms' });
    await eventually(() => api.sockets.size === 0);
  });

  it('of many asked for at once, 64 are under way; the time of the others counts from when they are sent', async () => {
    const clock = new VirtualClock();
    await using own = testClient(api.url, { timings: { requestTimeoutMs: 2_000 }, scheduler: clock });
    const held: (() => void)[] = [];
    api.intercept = (_, response) => held.push(() => sendJson(response, 200, {})) > 0;
    const answers = Array.from({ length: 100 }, () => own.client.get(cm));
    await eventually(() => held.length === 64);
    // One that has a time of its own is somebody's heartbeat.
    const lease = own.client.get(cm, { timeoutMs: 1_900 });
    await eventually(() => held.length === 65);
    await clock.advance(1_500);
    for (const answer of held.splice(0)) answer();
    await lease;
    await eventually(() => held.length === 36);
    await clock.advance(1_500);
    for (const answer of held) answer();
    await Promise.all(answers);
  });

  it('an aborted request rejects with the reason at once, down to the socket', async () => {
    api.intercept = () => true;
    const controller = new AbortController();
    const request = kube.client.get(cm, { signal: controller.signal });
    await eventually(() => api.requests.length === 1);
    const reason = new Error('not needed any more');
    controller.abort(reason);
    await expect(request).rejects.toBe(reason);
    await eventually(() => api.sockets.size === 0);
  });

  it('429 with Retry-After is repeated after it, writes included', async () => {
    let refused = 0;
    api.intercept = (_, response) => {
      if (refused++ === 0) sendStatus(response, 429, { headers: { 'retry-after': '1' } });
      else sendJson(response, 200, {});
      return true;
    };
    const startedAt = performance.now();
    await kube.client.patch(cm, {}, { type: 'merge' });
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(990);
    expect(api.requests).toHaveLength(2);
  });

  it('429 that asks for longer than the timeout is handed to the caller with its time', async () => {
    answerWith(429, { kind: 'Status', message: 'slow down' }, { 'retry-after': '60' });
    expect(await errorOf(kube.client.get(cm))).toMatchObject({
      code: 'KT_KUBE_TOO_MANY_REQUESTS',
      retry: { afterMs: 60_000 },
    });
    expect(api.requests).toHaveLength(1);
  });

  it.each([
    ['seconds', '3600'],
    ['more than a timer can hold', '9999999'],
    ['a date', 'Fri, 01 Jan 2100 00:00:00 GMT'],
  ])('a Retry-After of more than a minute (%s) is taken for a minute', async (_, header) => {
    answerWith(503, { kind: 'Status' }, { 'retry-after': header });
    expect(await errorOf(kube.client.get(cm))).toMatchObject({ retry: { afterMs: 60_000 } });
  });

  it('more than a minute in the Status is taken for a minute as well', async () => {
    answerWith(429, { kind: 'Status', details: { retryAfterSeconds: 3_600 } });
    expect(await errorOf(kube.client.get(cm))).toMatchObject({ retry: { afterMs: 60_000 } });
  });

  it('503 with Retry-After is repeated for reads only: a write may have been done', async () => {
    answerWith(503, { kind: 'Status' }, { 'retry-after': '1' });
    expect(await errorOf(kube.client.patch(cm, {}, { type: 'merge' }))).toMatchObject({ code: 'KT_KUBE_SERVER_ERROR' });
    expect(api.requests).toHaveLength(1);
    await errorOf(kube.client.get(cm));
    expect(api.requests.length).toBeGreaterThan(2);
  });

  it('a read on a pooled connection that was just closed is sent again, a write is not', async () => {
    let resets = 1;
    api.intercept = (_, response) => {
      if (resets-- > 0) response.socket?.resetAndDestroy();
      else sendJson(response, 200, {});
      return true;
    };
    await kube.client.get(cm);
    expect(api.requests).toHaveLength(2);
    resets = 1;
    expect(await errorOf(kube.client.patch(cm, {}, { type: 'merge' }))).toMatchObject({ code: 'KT_KUBE_UNREACHABLE' });
    expect(api.requests).toHaveLength(3);
  });
});

describe('a connection that is accepted and never finishes TLS', () => {
  const sockets = new Set<Socket>();
  let front: Server;
  let tls: HttpsServer;
  let behind: TestClient;

  beforeEach(async () => {
    const authority = await createCertificateAuthority();
    const host = await authority.issue({ commonName: 'api', hosts: ['127.0.0.1'] });
    tls = createHttpsServer(host, (_, response) => response.end('{}'));
    // The first connection hangs.
    front = createServer((socket) => {
      if (sockets.size > 0) tls.emit('connection', socket);
      sockets.add(socket.on('error', () => undefined));
    });
    await new Promise<void>((resolve) => front.listen(0, '127.0.0.1', resolve));
    const server = `https://127.0.0.1:${(front.address() as AddressInfo).port}`;
    const auth = staticAuth({ server, tls: { ca: authority.cert } });
    behind = testClient(server, { auth, timings: { connectTimeoutMs: 600_000 } });
  });

  afterEach(async () => {
    await behind[Symbol.asyncDispose]();
    for (const socket of sockets) socket.destroy();
    front.close();
  });

  it('holds up its own request only', async () => {
    const controller = new AbortController();
    const reason = new Error('waited for long enough');
    const hanging = behind.client
      .get(cm, { signal: controller.signal, timeoutMs: 600_000 })
      .catch((error: unknown) => error);
    await eventually(() => sockets.size === 1);
    await expect(behind.client.get(cm, { timeoutMs: 600_000 })).resolves.toEqual({});
    controller.abort(reason);
    expect(await hanging).toBe(reason);
  });
});

describe('credentials', () => {
  /** A login whose token the test rotates. */
  function rotating(): KubeAuth & { token: string; next: string; reloads: number } {
    return {
      token: 'old',
      next: 'new',
      reloads: 0,
      credentials() {
        return Promise.resolve({ server: api.url, headers: { authorization: `Bearer ${this.token}` }, tls: {} });
      },
      async reload() {
        this.reloads += 1;
        await pass(20);
        this.token = this.next;
      },
      namespace: () => Promise.resolve(undefined),
    };
  }

  beforeEach(() => {
    api.intercept = ({ headers }, response) => {
      if (headers.authorization === 'Bearer new') sendJson(response, 200, {});
      else sendStatus(response, 401);
      return true;
    };
  });

  it('a 401 reloads them once for all who got one, and the requests succeed', async () => {
    const auth = rotating();
    await using client = testClient(api.url, { auth });
    await Promise.all([1, 2, 3].map(() => client.client.get(cm)));
    expect(auth.reloads).toBe(1);
    await client.client.get(cm);
    expect(auth.reloads).toBe(1);
  });

  it('a 401 with fresh credentials is said', async () => {
    const auth = rotating();
    auth.next = 'still wrong';
    await using client = testClient(api.url, { auth });
    expect(await errorOf(client.client.get(cm))).toMatchObject({ code: 'KT_KUBE_UNAUTHORIZED' });
    expect(api.requests).toHaveLength(2);
  });
});
