import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Bench } from './support/bench.js';
import { Receiver, type Respond, status } from './support/receiver.js';

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

/** `/0` leads to `/1`, and so on to `/<hops>`. */
const chain =
  (hops: number, code: number): Respond =>
  (response, { path }) => {
    const at = Number(path.slice(1));
    if (at === hops) response.writeHead(200).end();
    else response.writeHead(code, { location: `/${at + 1}` }).end();
  };

describe('redirects', () => {
  it.each([301, 302, 307, 308])('of %i are followed with method, body and id when asked for', async (code) => {
    receiver.respond = chain(2, code);
    await bench.run({ url: `${receiver.origin}/0`, followRedirects: 2 });
    expect(receiver.received.map(({ method, path }) => `${method} ${path}`)).toEqual(['POST /0', 'POST /1', 'POST /2']);
    expect(new Set(receiver.received.map(({ body }) => body)).size).toBe(1);
    expect(new Set(receiver.received.map(({ headers }) => headers['webhook-id']))).toEqual(new Set(['event-1']));
  });

  it('are final failures by default', async () => {
    receiver.respond = chain(1, 307);
    const error = await bench.failure({ url: `${receiver.origin}/0` });
    expect([error.code, error.retry]).toEqual(['KT_WEBHOOK_STATUS', 'never']);
    expect(error.fix).toContain('followRedirects');
    expect(receiver.received).toHaveLength(1);
  });

  it('in a circle end', async () => {
    receiver.respond = status(307, { location: '/' });
    const error = await bench.failure({ url: receiver.origin, followRedirects: 5 });
    expect([error.code, error.retry]).toEqual(['KT_WEBHOOK_REDIRECT', 'never']);
    expect(receiver.received).toHaveLength(6);
  });

  it('of 303 are followed by GET only', async () => {
    receiver.respond = chain(1, 303);
    await bench.run({ url: `${receiver.origin}/0`, method: 'GET', followRedirects: 1 });
    const error = await bench.failure({ url: `${receiver.origin}/0`, followRedirects: 1 }, { id: 'event-2' });
    expect(error.message).toContain('redirects to a page about the result');
  });

  it.each([
    ['another host', 'http://localhost/', 'to another host'],
    ['a metadata address', 'http://169.254.169.254/', 'to another host'],
    ['another port', 'http://127.0.0.1:1/', 'to another port'],
    ['another protocol', 'file:///etc/passwd', 'to a URL that has the scheme "file"'],
    ['a password', 'http://me:hunter2@127.0.0.1/', 'to a URL that has a user name or password'],
    ['nowhere', 'http://', 'to no readable place'],
  ])('to %s are refused, without quoting the place', async (_, location, reason) => {
    receiver.respond = status(307, { location });
    const error = await bench.failure({ url: receiver.origin, followRedirects: 5 });
    expect([error.code, error.retry]).toEqual(['KT_WEBHOOK_REDIRECT', 'never']);
    expect(error.message).toContain(`answered 307 and redirects ${reason}`);
    expect(`${error.message} ${error.fix}`).not.toMatch(/hunter2|etc|169/);
    expect(receiver.received).toHaveLength(1);
  });

  it('without a place are refused', async () => {
    receiver.respond = status(308);
    expect((await bench.failure({ url: receiver.origin, followRedirects: 1 })).message).toContain(
      'to no readable place',
    );
  });
});
