// `node queue-server.mjs PORT [HOST]`: a queue in memory, as its clients see one of a cloud. POST /messages puts the body in;
// GET /messages?max=&wait= hands messages out, waiting for the first; DELETE /messages/RECEIPT ends one. What was handed out and not deleted comes
// again after 30 seconds. In a pod HOST is 0.0.0.0; there is no access control.
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';

const HIDDEN_MS = 30_000;
/** By id: `{ id, body, receipt, visibleAtMs }`. */
const messages = new Map();
/** Resolvers of clients that wait. */
const waiting = new Set();

function handOut(max) {
  const nowMs = Date.now();
  const ready = [...messages.values()].filter(({ visibleAtMs }) => visibleAtMs <= nowMs).slice(0, max);
  for (const message of ready) Object.assign(message, { receipt: randomUUID(), visibleAtMs: nowMs + HIDDEN_MS });
  return ready.map(({ id, receipt, body }) => ({ id, receipt, body }));
}

async function receive(max, waitMs, request) {
  const endMs = Date.now() + waitMs;
  for (;;) {
    const found = handOut(max);
    if (found.length > 0 || Date.now() >= endMs || request.destroyed) return found;
    await new Promise((resolve) => {
      waiting.add(resolve);
      setTimeout(resolve, Math.min(1000, endMs - Date.now()));
    });
  }
}

async function answer(request) {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://queue');
  const receipt = /^\/messages\/(.+)$/.exec(pathname)?.[1];
  if (request.method === 'POST' && pathname === '/messages') {
    const id = randomUUID();
    messages.set(id, { id, body: JSON.parse(await text(request)), visibleAtMs: 0 });
    for (const wake of waiting) wake();
    waiting.clear();
    return { id };
  }
  if (request.method === 'DELETE' && receipt !== undefined) {
    const found = [...messages.values()].find((message) => message.receipt === decodeURIComponent(receipt));
    if (found !== undefined) messages.delete(found.id);
    return {};
  }
  if (request.method !== 'GET') return undefined;
  if (pathname === '/count') return { messages: messages.size };
  if (pathname !== '/messages') return undefined;
  return receive(Number(searchParams.get('max') ?? 1), Number(searchParams.get('wait') ?? 0) * 1000, request);
}

const server = createServer((request, response) => {
  answer(request).then(
    (body) =>
      response
        .writeHead(body === undefined ? 404 : 200, { 'content-type': 'application/json' })
        .end(JSON.stringify(body ?? {})),
    () => response.writeHead(400).end(),
  );
});
const [, , port = '9324', host = '127.0.0.1'] = process.argv;
server.listen(Number(port), host, () => process.stdout.write(`queue: http://${host}:${server.address().port}\n`));
