import { fakeContext, fakeDelivery, configOf } from '@kube-trigger/testing/contracts';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { WebhookConfig } from '../src/index.js';
import { Bench, everythingIn, plugin } from './support/bench.js';
import { Receiver, type Respond, status } from './support/receiver.js';

const MARK = 'hunter2';
const SIGNING = Buffer.from(`${MARK}-0123456789abcdef01`).toString('base64');

let bench: Bench;
let receiver: Receiver;
beforeEach(async () => {
  bench = new Bench();
  receiver = await Receiver.start();
  bench.secret('hooks', { token: `Bearer ${MARK}`, signing: `whsec_${SIGNING}`, broken: `${MARK}\nX: y`, short: MARK });
});
afterEach(async () => {
  await bench[Symbol.asyncDispose]();
  await receiver[Symbol.asyncDispose]();
});

const config = (rest: object = {}) => ({
  url: `${receiver.origin}/hook?token=${MARK}`,
  headers: [{ name: 'Authorization', valueFrom: { secretKeyRef: { name: 'hooks', key: 'token' } } }],
  signature: { secretKeyRef: { name: 'hooks', key: 'signing' } },
  ...rest,
});

const echo =
  (code: number): Respond =>
  (response, { headers, path }) => {
    response.writeHead(code, MARK, { 'x-echo': JSON.stringify(headers), location: `//${MARK}@${MARK}${path}` });
    response.end(JSON.stringify({ headers, path }));
  };

/** The result or the error, and the log, in all their parts. */
async function said(rest: object): Promise<string> {
  const context = fakeContext();
  const run = bench.action.run(configOf(plugin, config(rest)) as WebhookConfig, fakeDelivery(), context);
  const ended: unknown = await run.catch((error: unknown) => error);
  return [
    everythingIn(ended),
    inspect(ended, { depth: 10, showHidden: true }),
    JSON.stringify(context.logger.lines),
  ].join('\n');
}

describe('no secret gets into results, errors or logs', () => {
  it('although it is sent', async () => {
    const text = await said({});
    expect(receiver.only.headers.authorization).toBe(`Bearer ${MARK}`);
    expect(receiver.only.path).toContain(MARK);
    expect(text).toContain('answered 204');
    expect(text).not.toContain(MARK);
    expect(text).not.toContain(String(receiver.only.headers['webhook-signature']));
  });

  it.each<[string, object, Respond]>([
    ['a refusal that echoes everything', {}, echo(400)],
    ['a failure that echoes everything', {}, echo(500)],
    ['a redirect to what it got', { followRedirects: 3 }, echo(307)],
    ['a broken connection', {}, (response) => void response.socket?.destroy()],
    ['nonsense', {}, (response) => void response.socket?.end(`${MARK}\r\n\r\n`)],
    ['a broken header', {}, (response) => void response.socket?.end(`HTTP/1.1 200 OK\r\n${MARK} : : x\r\n\r\n`)],
    [
      'a header that cannot be one',
      { headers: [{ name: 'A', valueFrom: { secretKeyRef: { name: 'hooks', key: 'broken' } } }] },
      status(200),
    ],
    ['a signing key that is none', { signature: { secretKeyRef: { name: 'hooks', key: 'short' } } }, status(200)],
    ['a template without its field', { body: { template: '"${event.data.gone}"' } }, status(200)],
  ])('with %s', async (_, rest, respond) => {
    receiver.respond = respond;
    const text = await said(rest);
    expect(text).toContain('KT_WEBHOOK_');
    expect(text).not.toContain(MARK);
    expect(text).not.toContain(SIGNING);
  });
});
