import { VirtualClock } from '@kube-trigger/core/testing';
import { eventually } from '@kube-trigger/testing';
import { getEventListeners, once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Bench, fakeEvent } from './support/bench.js';
import { Receiver, status } from './support/receiver.js';

let bench: Bench;
let receiver: Receiver;
beforeEach(async () => {
  bench = new Bench();
  receiver = await Receiver.start();
});
afterEach(async () => {
  await bench[Symbol.asyncDispose]();
  await receiver[Symbol.asyncDispose]();
});

const config = (rest: object = {}) => ({ url: `${receiver.origin}/hook?token=hunter2`, ...rest });

describe('a request', () => {
  it('is a structured CloudEvent with the id of the delivery, and the result names origin and path', async () => {
    const result = await bench.run(config());
    const { method, path, headers, body } = receiver.only;
    expect([method, path]).toEqual(['POST', '/hook?token=hunter2']);
    expect(headers).toMatchObject({
      'content-type': 'application/cloudevents+json; charset=utf-8',
      'webhook-id': 'event-1',
      'user-agent': 'kube-trigger',
    });
    expect(JSON.parse(body)).toMatchObject({ specversion: '1.0', id: 'event-1', subject: 'ConfigMap/shop/app-config' });
    expect(result).toEqual({
      outcome: 'done',
      targets: [{ target: `${receiver.origin}/hook`, outcome: 'done', message: 'answered 204' }],
    });
  });

  it('has the same id in each repetition', async () => {
    receiver.respond = status(503);
    await bench.failure(config());
    receiver.respond = status(200);
    await bench.run(config(), { attempt: 2, redelivered: true });
    expect(receiver.received.map(({ headers }) => headers['webhook-id'])).toEqual(['event-1', 'event-1']);
    expect(receiver.received.map(({ body }) => (JSON.parse(body) as { id: string }).id)).toEqual([
      'event-1',
      'event-1',
    ]);
  });

  it('has a templated body and headers from the rule, a ConfigMap and a Secret', async () => {
    bench.secret('hooks', { token: 'Bearer abc\n' });
    bench.configMap('settings', { team: 'web' });
    await bench.run(
      config({
        method: 'PUT',
        headers: [
          { name: 'X-Plain', value: 'yes' },
          { name: 'Authorization', valueFrom: { secretKeyRef: { name: 'hooks', key: 'token' } } },
          { name: 'X-Team', valueFrom: { configMapKeyRef: { name: 'settings', key: 'team' } } },
          { name: 'User-Agent', value: 'mine' },
        ],
        body: { template: '{"text": "${event.key} by ${rule.namespace}/${rule.name}", "keys": ${event.changedKeys}}' },
      }),
      { event: fakeEvent({ key: 'a "quoted" key', changedKeys: ['x"y'] }) },
    );
    const { method, headers, body } = receiver.only;
    expect(method).toBe('PUT');
    expect(headers).toMatchObject({
      'x-plain': 'yes',
      authorization: 'Bearer abc',
      'x-team': 'web',
      'user-agent': 'mine',
      'content-type': 'application/json',
    });
    expect(JSON.parse(body)).toEqual({ text: 'a "quoted" key by shop/example', keys: ['x"y'] });
  });

  it('has of the object what the template asks for', async () => {
    await bench.run(config({ body: { template: '{"app": ${object.metadata.labels.app}, "data": ${object.data}}' } }), {
      event: fakeEvent({ object: { metadata: { labels: { app: 'web' } }, data: { 'a"b': 'x\n' } } }),
    });
    expect(JSON.parse(receiver.only.body)).toEqual({ app: 'web', data: { 'a"b': 'x\n' } });
  });

  it('has no body with GET, and an empty one where the template is empty', async () => {
    await bench.run(config({ method: 'GET' }));
    await bench.run(config({ body: { template: '' } }), { id: 'event-2' });
    const [get, post] = receiver.received;
    expect([get?.method, get?.headers['ce-id'], get?.headers['content-length']]).toEqual(['GET', 'event-1', undefined]);
    expect([post?.body, post?.headers['content-length']]).toEqual(['', '0']);
  });

  it('says which part of a template an event does not have, and is not made', async () => {
    const error = await bench.failure(config({ body: { template: '{"zone": ${event.data.zone}}' } }));
    expect([error.code, error.retry]).toEqual(['KT_WEBHOOK_TEMPLATE', 'never']);
    expect(error.message).toContain('"event.data.zone": No such key: zone');
    expect(receiver.received).toEqual([]);
  });
});

describe('an answer', () => {
  it.each<[number, object]>([
    [200, {}],
    [204, {}],
    [299, {}],
    [304, { successCodes: ['200-299', '304'] }],
    [503, { successCodes: ['503'] }],
  ])('%i with %j means done', async (code, rest) => {
    receiver.respond = status(code);
    await expect(bench.run(config(rest))).resolves.toMatchObject({ outcome: 'done' });
  });

  it.each<[number, object, 'never' | 'backoff']>([
    [300, {}, 'never'],
    [302, {}, 'never'],
    [304, {}, 'never'],
    [400, {}, 'never'],
    [401, {}, 'never'],
    [403, {}, 'never'],
    [404, {}, 'never'],
    [408, {}, 'backoff'],
    [409, {}, 'never'],
    [410, {}, 'never'],
    [413, {}, 'never'],
    [422, {}, 'never'],
    [425, {}, 'backoff'],
    [429, {}, 'backoff'],
    [500, {}, 'backoff'],
    [501, {}, 'backoff'],
    [503, {}, 'backoff'],
    [599, {}, 'backoff'],
    [200, { successCodes: ['202'] }, 'never'],
    [404, { retryCodes: ['404'] }, 'backoff'],
    [500, { retryCodes: [] }, 'never'],
  ])('%i with %j means %s', async (code, rest, retry) => {
    receiver.respond = status(code);
    const error = await bench.failure(config(rest));
    expect([error.code, error.retry, error.facts['status']]).toEqual(['KT_WEBHOOK_STATUS', retry, code]);
    expect(error.message).toBe(`${receiver.origin}/hook answered ${code}`);
    expect(error.fix).toMatch(/\S/);
  });

  it.each<[string, number, unknown]>([
    ['7', 429, { afterMs: 7000 }],
    ['7', 503, { afterMs: 7000 }],
    ['Thu, 01 Jan 2026 00:00:30 GMT', 503, { afterMs: 30_000 }],
    ['86400', 503, { afterMs: 3_600_000 }],
    ['soon', 503, 'backoff'],
    ['7', 404, 'never'],
  ])('with Retry-After: %s and %i means %j', async (header, code, retry) => {
    receiver.respond = status(code, { 'retry-after': header });
    expect((await bench.failure(config())).retry).toEqual(retry);
  });

  it('may announce itself first', async () => {
    receiver.respond = (response) => {
      response.writeEarlyHints({ link: '</style.css>; rel=preload' });
      response.writeProcessing();
      response.writeHead(200).end();
    };
    await expect(bench.run(config())).resolves.toMatchObject({ outcome: 'done' });
  });
});

describe('an answer that does not end', () => {
  it('of a gigabyte is broken off after 64 KiB and grows nothing', async () => {
    const chunk = Buffer.alloc(65_536);
    let written = 0;
    receiver.respond = (response) => {
      response.writeHead(200, { 'content-length': 1_073_741_824 });
      const more = (): void => {
        while (!response.destroyed && response.write(chunk)) written += chunk.length;
        if (!response.destroyed) response.once('drain', more);
      };
      more();
    };
    const before = process.memoryUsage().rss;
    await expect(bench.run(config())).resolves.toMatchObject({ outcome: 'done' });
    await eventually(() => receiver.sockets.size === 0 && bench.action.openSockets === 0);
    expect(written).toBeLessThan(32 * 1_048_576);
    expect(process.memoryUsage().rss - before).toBeLessThan(64 * 1_048_576);
  });

  it('but drips is broken off after a second, and the status stands', async () => {
    const scheduler = new VirtualClock();
    receiver.respond = (response) => {
      response.writeHead(200);
      response.write('.');
    };
    const running = bench.run(config(), {}, { scheduler });
    await eventually(() => scheduler.pending > 0);
    await scheduler.advance(999);
    expect(receiver.sockets.size).toBe(1);
    await scheduler.advance(1);
    await expect(running).resolves.toMatchObject({ outcome: 'done' });
    await eventually(() => receiver.sockets.size === 0);
    expect(scheduler.pending).toBe(0);
  });

  it('but breaks after the status changes nothing about it', async () => {
    receiver.respond = (response) => {
      response.writeHead(200, { 'content-length': 1000 });
      response.write('.', () => response.destroy());
    };
    await expect(bench.run(config())).resolves.toMatchObject({ outcome: 'done' });
  });

  it.each([
    ['before the status', (socket: NodeJS.WritableStream) => void socket],
    ['within the headers', (socket: NodeJS.WritableStream) => void socket.write('HTTP/1.1 200 OK\r\nX-Slow: ')],
  ])('ends with the signal when it stops %s', async (_, part) => {
    receiver.respond = (response) => part(response.socket as NodeJS.WritableStream);
    const controller = new AbortController();
    const running = bench.run(config(), {}, { signal: controller.signal });
    const ended = running.catch((error: unknown) => error);
    await eventually(() => receiver.received.length === 1);
    const reason = new Error('timed out');
    controller.abort(reason);
    expect(await ended).toBe(reason);
    await eventually(() => receiver.sockets.size === 0 && bench.action.openSockets === 0);
  });
});

describe('no answer', () => {
  it.each<
    [string, (socket: { destroy: () => void; resetAndDestroy: () => void; end: (text?: string) => void }) => void]
  >([
    ['a closed connection', (socket) => socket.end()],
    ['a reset', (socket) => socket.resetAndDestroy()],
    ['half a status line', (socket) => socket.end('HTTP/1.1 2')],
    ['something else than HTTP', (socket) => socket.end('SSH-2.0-OpenSSH_9.7\r\n')],
    ['too many headers', (socket) => socket.end(`HTTP/1.1 200 OK\r\n${'X-A: b\r\n'.repeat(8000)}\r\n`)],
  ])('%s: tried again', async (_, act) => {
    receiver.respond = (response) => act(response.socket as never);
    const error = await bench.failure(config());
    expect([error.code, error.retry]).toEqual(['KT_WEBHOOK_UNREACHABLE', 'backoff']);
    expect(error.message).toContain(`${receiver.origin}/hook `);
    expect(error.message).not.toContain('hunter2');
  });

  it('a refused connection: tried again', async () => {
    await receiver[Symbol.asyncDispose]();
    const error = await bench.failure({ url: 'http://127.0.0.1:1/hook' });
    expect([error.code, error.retry, error.facts['network']]).toEqual([
      'KT_WEBHOOK_UNREACHABLE',
      'backoff',
      'ECONNREFUSED',
    ]);
  });
});

describe('connections', () => {
  it('are used again, also after refusals', async () => {
    for (const [index, code] of [200, 500, 404, 200].entries()) {
      receiver.respond = (response) => response.writeHead(code).end('x'.repeat(1000));
      await bench.run(config(), { id: `event-${index}` }).catch(() => undefined);
    }
    expect(receiver.received).toHaveLength(4);
    // undici dials a second one when a request follows in the very tick in which the first is done.
    expect(receiver.connections).toBeLessThanOrEqual(2);
  });

  it('are gone after dispose, and none is made after it', async () => {
    await bench.run(config());
    expect(bench.action.openSockets).toBe(1);
    await bench.action.dispose();
    await eventually(() => receiver.sockets.size === 0 && bench.action.openSockets === 0);
    expect((await bench.failure(config())).code).toBe('KT_WEBHOOK_DISPOSED');
    expect(receiver.received).toHaveLength(1);
    await bench.action.dispose();
  });

  it('that are being made end with dispose', async () => {
    const silent = createServer().listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const failing = bench.failure({ url: `https://127.0.0.1:${(silent.address() as AddressInfo).port}` });
    const [socket] = (await once(silent, 'connection')) as [Socket];
    expect(bench.action.openSockets).toBe(1);
    socket.resume();
    await bench.action.dispose();
    await once(socket, 'close');
    expect([(await failing).code, bench.action.openSockets]).toEqual(['KT_WEBHOOK_DISPOSED', 0]);
    silent.close();
  });

  it('that were retired while in use end with dispose', async () => {
    receiver.respond = (response, { headers }) => {
      if (headers['webhook-id'] !== 'event-1') response.end();
    };
    const failing = bench.failure(config());
    await eventually(() => receiver.received.length === 1);
    // Another policy is another way to connect.
    await bench.run(config({ allowLinkLocal: true }), { id: 'event-2' });
    expect(bench.action.openSockets).toBe(2);
    await bench.action.dispose();
    expect((await failing).retry).toBe('backoff');
    await eventually(() => receiver.sockets.size === 0 && bench.action.openSockets === 0);
  });

  it('that are made too late carry no request', async () => {
    let answer: (() => void) | undefined;
    await using slow = new Bench({
      allowLoopback: true,
      resolve: (_, done) => {
        const now = () => done(null, [{ address: '127.0.0.1', family: 4 }]);
        if (answer === undefined) answer = now;
        else now();
      },
    });
    const controller = new AbortController();
    const url = `http://slow.example.com:${receiver.port}/`;
    const ended = slow.run({ url }, {}, { signal: controller.signal }).catch((error: unknown) => error);
    await eventually(() => answer !== undefined);
    controller.abort(new Error('timed out'));
    await expect(ended).resolves.toMatchObject({ message: 'timed out' });
    answer?.();
    await eventually(() => receiver.connections === 1);
    await slow.run({ url }, { id: 'event-2' });
    expect(receiver.only.headers['webhook-id']).toBe('event-2');
  });

  it('leave nothing at the signal of the attempt', async () => {
    const { signal } = new AbortController();
    await bench.run(config(), {}, { signal });
    receiver.respond = status(500);
    await bench.failure(config(), { id: 'event-2' }, { signal });
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  it('that are in use end with dispose', async () => {
    receiver.respond = () => undefined;
    const failing = bench.failure(config());
    await eventually(() => receiver.received.length === 1);
    await bench.action.dispose();
    expect((await failing).code).toBe('KT_WEBHOOK_DISPOSED');
    await eventually(() => receiver.sockets.size === 0 && bench.action.openSockets === 0);
  });
});
