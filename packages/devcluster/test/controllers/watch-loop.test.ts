import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { eventually, never } from '@kube-trigger/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ApiClient } from '../../src/controllers/api-client.js';
import type { KubeObject } from '../../src/controllers/objects.js';
import { Resource } from '../../src/controllers/resource.js';

type Handler = (query: URLSearchParams, response: ServerResponse, request: IncomingMessage) => void;

const thing = (name: string, resourceVersion: string) => ({
  metadata: { name, namespace: 'ns', uid: name, resourceVersion },
});
const list = (version: string, items: object[], from?: string) =>
  JSON.stringify({ metadata: { resourceVersion: version, continue: from }, items });
const line = (type: string, object: object) => `${JSON.stringify({ type, object })}\n`;

/** A server that says exactly what the test tells it to. */
describe('following a kind', () => {
  let server: Server;
  let asked: string[];
  let onList: Handler;
  let onWatch: Handler;
  let resource: Resource<KubeObject>;
  let ending: AbortController;
  let running: Promise<void>;
  let errors: unknown[];

  beforeEach(async () => {
    asked = [];
    errors = [];
    onList = (_, response) => response.end(list('10', [thing('a', '5')]));
    onWatch = (_, response) => response.writeHead(200).flushHeaders();
    server = createServer((request, response) => {
      const query = new URL(request.url ?? '', 'http://x').searchParams;
      const watch = query.get('watch') === '1';
      asked.push(watch ? `watch ${query.get('resourceVersion')}` : 'list');
      (watch ? onWatch : onList)(query, response, request);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
  });

  afterEach(async () => {
    ending.abort();
    await running;
    server.closeAllConnections();
    server.close();
  });

  const start = () => {
    ending = new AbortController();
    const client = new ApiClient(
      { server: `http://127.0.0.1:${(server.address() as AddressInfo).port}` },
      ending.signal,
    );
    resource = new Resource(client, { apiVersion: 'v1', kind: 'Thing', plural: 'things', namespaced: true });
    running = resource.run(ending.signal, (error) => errors.push(error)).then(() => client.close());
  };
  const names = () =>
    resource
      .values()
      .map((object) => object.metadata.name)
      .join('');

  it('lists in pages, then takes what the watch brings', async () => {
    onList = (query, response) =>
      response.end(
        query.get('continue') === 'more' ? list('10', [thing('b', '6')]) : list('10', [thing('a', '5')], 'more'),
      );
    onWatch = (_, response) => {
      response.write(line('ADDED', thing('c', '11')) + line('DELETED', thing('a', '12')));
    };
    start();
    await eventually(() => names() === 'bc');
    expect(asked).toEqual(['list', 'list', 'watch 10']);
  });

  it('takes an event that comes in two pieces', async () => {
    const text = line('ADDED', thing('ü', '11'));
    onWatch = (_, response) => {
      const bytes = Buffer.from(text);
      const middle = bytes.indexOf('ü') + 1;
      response.write(bytes.subarray(0, middle));
      setTimeout(() => response.write(bytes.subarray(middle)), 20);
    };
    start();
    await eventually(() => names() === 'aü');
    expect(errors).toEqual([]);
  });

  it('goes on from the last version when the server ends a watch, bookmarks included', async () => {
    const answers = [line('ADDED', thing('b', '11')), line('BOOKMARK', { metadata: { resourceVersion: '20' } })];
    onWatch = (_, response) => {
      const next = answers.shift();
      if (next === undefined) response.flushHeaders();
      else response.end(next);
    };
    start();
    await eventually(() => asked.length === 4);
    expect(asked).toEqual(['list', 'watch 10', 'watch 11', 'watch 20']);
    expect(names()).toBe('ab');
    expect(errors).toEqual([]);
  });

  it.for<[string, Handler]>([
    [
      'answers 410',
      (_, response) => response.writeHead(410).end(JSON.stringify({ kind: 'Status', code: 410, reason: 'Gone' })),
    ],
    [
      'says 410 in the stream',
      (_, response) => response.end(line('ERROR', { code: 410, reason: 'Expired', message: 'too old' })),
    ],
    ['resets the connection, and the next one', (_, __, request) => request.socket.resetAndDestroy()],
    ['ends in the middle of an event', (_, response) => response.end('{"type":"ADDED","obj')],
    ['sends what is not JSON', (_, response) => response.end('<html>\n')],
  ])('lists anew when the watch %s', async ([what, broken]) => {
    // A reset of a connection that was idle before is not news: it is asked again once.
    let breaks = what.startsWith('resets') ? 2 : 1;
    onWatch = (query, response, request) =>
      breaks-- > 0 ? broken(query, response, request) : response.writeHead(200).flushHeaders();
    start();
    await eventually(() => asked.length >= 2);
    onList = (_, response) => response.end(list('30', [thing('b', '25')]));
    await eventually(() => names() === 'b' && asked.at(-1) !== 'list');
    expect(asked.slice(0, 2)).toEqual(['list', 'watch 10']);
    expect(asked.slice(-2)).toEqual(['list', 'watch 30']);
    expect(errors).toHaveLength(1);
  });

  it('does not ask in a tight loop when every watch ends at once', async () => {
    onWatch = (_, response) => response.end();
    start();
    await eventually(() => asked.length === 2);
    await never(() => asked.length > 5, { forMs: 1200 });
  });

  it('waits longer and longer for a server that fails, and finds it again', async () => {
    onList = (_, response) => response.writeHead(500).end('{}');
    start();
    await never(() => asked.length > 6, { forMs: 1500 });
    expect(asked.length).toBeGreaterThan(2);
    onList = (_, response) => response.end(list('10', [thing('a', '5')]));
    await eventually(() => names() === 'a');
  });

  it('ends at once, also while it is connecting', async () => {
    onList = () => undefined;
    start();
    await eventually(() => asked.length === 1);
    const from = Date.now();
    ending.abort();
    await running;
    expect(Date.now() - from).toBeLessThan(500);
  });

  describe('creating', () => {
    const draft = {
      metadata: {
        name: 'new',
        namespace: 'ns',
        ownerReferences: [{ apiVersion: 'v1', kind: 'O', name: 'o', uid: 'u', controller: true }],
      },
    };
    const made = { ...draft, metadata: { ...draft.metadata, uid: 'x', resourceVersion: '11' } };

    it.for<[string, Handler]>([
      ['got lost', (_, __, request) => request.socket.resetAndDestroy()],
      [
        'was a failure of the server',
        (_, response) => response.writeHead(500).end('{"code":500,"message":"try again"}'),
      ],
    ])('takes the object of a first attempt whose answer %s', async ([, lose]) => {
      let posts = 0;
      start();
      await resource.synced;
      onList = (query, response, request) => {
        if (request.method === 'GET') response.end(JSON.stringify(made));
        else if (posts++ === 0) lose(query, response, request);
        else response.writeHead(409).end(JSON.stringify({ code: 409, reason: 'AlreadyExists', message: 'exists' }));
      };
      const object = await resource.create(draft, 'me');
      expect(object.metadata.uid).toBe('x');
      expect(resource.get('ns/new')?.metadata.uid).toBe('x');
    });

    it('does not take the object of another owner for its own', async () => {
      let posts = 0;
      start();
      await resource.synced;
      const other = { ...made, metadata: { ...made.metadata, ownerReferences: [] } };
      onList = (_, response, request) => {
        if (request.method === 'GET') response.end(JSON.stringify(other));
        else if (posts++ === 0) request.socket.resetAndDestroy();
        else response.writeHead(409).end(JSON.stringify({ code: 409, reason: 'AlreadyExists', message: 'exists' }));
      };
      await expect(resource.create(draft, 'me')).rejects.toMatchObject({ status: 409, reason: 'AlreadyExists' });
    });
  });
});
