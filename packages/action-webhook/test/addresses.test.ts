import type { LookupAddress } from 'node:dns';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Resolve, WebhookNetwork } from '../src/index.js';
import { Bench } from './support/bench.js';
import { Receiver, status } from './support/receiver.js';

let receiver: Receiver;
beforeEach(async () => {
  receiver = await Receiver.start();
});
afterEach(() => receiver[Symbol.asyncDispose]());

/** A name server that answers each question with the next list, and then with the last one. */
function answering(...lists: readonly (readonly string[])[]): Resolve & { asked: string[] } {
  const asked: string[] = [];
  const resolve: Resolve = (hostname, done) => {
    const list = lists[Math.min(asked.length, lists.length - 1)] ?? [];
    asked.push(hostname);
    const addresses = list.map((address): LookupAddress => ({ address, family: address.includes(':') ? 6 : 4 }));
    setImmediate(() => done(null, addresses));
  };
  return Object.assign(resolve, { asked });
}

async function outcome(url: string, network: WebhookNetwork, rest: object = {}): Promise<string> {
  await using bench = new Bench(network);
  const [first] = await Promise.allSettled([bench.run({ url, ...rest })]);
  if (first.status === 'fulfilled') return 'done';
  const { code, retry, message } = first.reason as { code: string; retry: string; message: string };
  return `${code} ${retry}: ${message}`;
}

const REFUSED = 'KT_WEBHOOK_ADDRESS_REFUSED never: ';

describe('a loopback address', () => {
  it('is refused unless whoever runs the operator allows it', async () => {
    expect(await outcome(receiver.origin, {})).toBe(
      `${REFUSED}${receiver.origin}/ leads to 127.0.0.1, a loopback address`,
    );
    expect(await outcome(receiver.origin, { allowLoopback: false })).toContain(REFUSED);
    expect(receiver.connections).toBe(0);
    expect(await outcome(receiver.origin, { allowLoopback: true })).toBe('done');
  });

  it.each(['http://[::1]:1/', 'http://127.1:1/', 'http://0x7f000001:1/', 'http://[::ffff:127.0.0.1]:1/'])(
    'is one however it is written: %s',
    async (url) => {
      expect(await outcome(url, {})).toContain(REFUSED);
    },
  );

  it('is refused behind a name too', async () => {
    expect(await outcome(`http://localhost:${receiver.port}/`, {})).toMatch(
      /KT_WEBHOOK_ADDRESS_REFUSED never: http:\/\/localhost:\d+\/ leads to .*, a loopback/,
    );
    expect(receiver.connections).toBe(0);
  });

  it('is told with a fix that is for it', async () => {
    await using bench = new Bench({});
    const url = `http://localhost:${receiver.port}/`;
    const own = "That is kube-trigger's own pod; name a Service or pods instead";
    expect((await bench.failure({ url })).fix).toBe(own);
    await expect(bench.check({ url: receiver.origin })).rejects.toMatchObject({
      message: `${receiver.origin}/ leads to 127.0.0.1, a loopback address`,
      fix: own,
    });
    const resolve = answering(['169.254.169.254']);
    await using other = new Bench({ resolve });
    expect((await other.failure({ url: 'http://metadata.example.com/' })).fix).toMatch(/^Set allowLinkLocal/);
  });

  it('is found by check when it stands in the URL', async () => {
    await using bench = new Bench({});
    await expect(bench.check({ url: receiver.origin })).rejects.toMatchObject({ code: 'KT_WEBHOOK_ADDRESS_REFUSED' });
  });
});

describe('a name', () => {
  it.each([
    ['169.254.169.254'],
    ['fe80::1'],
    ['fd00:ec2::254'],
    ['::ffff:169.254.169.254'],
    ['0.0.0.0'],
    ['224.0.0.1'],
  ])('that leads to %s is refused', async (address) => {
    const network = { allowLoopback: true, resolve: answering([address]) };
    expect(await outcome('http://innocent.example.com/', network)).toContain(
      `${REFUSED}http://innocent.example.com/ leads to ${address}, `,
    );
  });

  it('that leads to good and bad addresses is refused', async () => {
    const network = { allowLoopback: true, resolve: answering(['127.0.0.1', '169.254.169.254']) };
    expect(await outcome(`http://innocent.example.com:${receiver.port}/`, network)).toContain(REFUSED);
    expect(receiver.connections).toBe(0);
  });

  it('that leads to a good address at first and a bad one later is refused from then on', async () => {
    const resolve = answering(['127.0.0.1'], ['169.254.169.254']);
    await using bench = new Bench({ allowLoopback: true, resolve });
    const url = `http://rebind.example.com:${receiver.port}/`;
    receiver.respond = status(200, { connection: 'close' });
    await bench.run({ url });
    expect((await bench.failure({ url }, { id: 'event-2' })).code).toBe('KT_WEBHOOK_ADDRESS_REFUSED');
    expect(resolve.asked).toEqual(['rebind.example.com', 'rebind.example.com']);
    expect(receiver.received).toHaveLength(1);
  });

  it('that changes its mind after it was looked at gains nothing: the connection goes to what was looked at', async () => {
    const resolve = answering(['127.0.0.1'], ['169.254.169.254']);
    await using bench = new Bench({ allowLoopback: true, resolve });
    await bench.run({ url: `http://rebind.example.com:${receiver.port}/` });
    expect(resolve.asked).toHaveLength(1);
    expect([...receiver.sockets].map(({ remoteAddress }) => remoteAddress)).toEqual(['127.0.0.1']);
  });

  it('that leads nowhere is tried again', async () => {
    const resolve: Resolve = (hostname, done) =>
      setImmediate(() =>
        done(Object.assign(new Error(`getaddrinfo ENOTFOUND ${hostname}`), { code: 'ENOTFOUND' }), []),
      );
    expect(await outcome('http://gone.example.com/a?token=hunter2', { resolve })).toBe(
      'KT_WEBHOOK_UNREACHABLE backoff: http://gone.example.com/a getaddrinfo ENOTFOUND gone.example.com (ENOTFOUND)',
    );
    expect(await outcome('http://gone.example.com/', { resolve: answering([]) })).toContain('the name has no address');
  });
});

describe('allowLinkLocal', () => {
  // Asked of check, which makes no connection: nothing must ever be sent to such an address from a test.
  const url = 'http://169.254.169.254/';
  const checked = async (config: object, network: WebhookNetwork) => {
    await using bench = new Bench(network);
    const check = async () => bench.check({ url, ...config });
    return check().then(
      () => 'fine',
      (error: { code?: string }) => error.code ?? 'invalid',
    );
  };

  it('lets a rule have such a target, unless the operator says no', async () => {
    expect(await checked({}, {})).toBe('invalid');
    expect(await checked({ allowLinkLocal: true }, {})).toBe('fine');
    expect(await checked({ allowLinkLocal: true }, { honourAllowLinkLocal: false })).toBe('KT_WEBHOOK_ADDRESS_REFUSED');
  });

  it('counts when the request is made', async () => {
    const network = { honourAllowLinkLocal: false, resolve: answering(['169.254.169.254']) };
    expect(await outcome('http://metadata.example.com/', network, { allowLinkLocal: true })).toContain(REFUSED);
  });

  it('does not open loopback', async () => {
    expect(await outcome(receiver.origin, {}, { allowLinkLocal: true })).toContain(REFUSED);
  });
});
