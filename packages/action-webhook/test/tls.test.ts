import type { TLSSocket } from 'node:tls';
import { type CertificateAuthority, createCertificateAuthority, eventually } from '@kube-trigger/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Bench } from './support/bench.js';
import { Receiver, status } from './support/receiver.js';

let ca: CertificateAuthority;
let other: CertificateAuthority;
let receiver: Receiver;
let bench: Bench;

beforeAll(async () => {
  [ca, other] = await Promise.all([createCertificateAuthority('one'), createCertificateAuthority('other')]);
  const server = await ca.issue({ commonName: 'receiver', hosts: ['web.shop.svc'] });
  // It asks for a certificate, and looks at it only where a test does.
  receiver = await Receiver.start({ tls: { ...server, ca: ca.cert, requestCert: true, rejectUnauthorized: false } });
});
afterAll(() => receiver[Symbol.asyncDispose]());

beforeEach(() => {
  receiver.received.length = 0;
  receiver.respond = status(200);
  bench = new Bench();
});
afterEach(() => bench[Symbol.asyncDispose]());

const config = (tls?: object) => ({ url: receiver.origin, ...(tls === undefined ? {} : { tls }) });
const serverName = 'web.shop.svc';

/** Who the server sees, by request. */
function clients(): { authorized: boolean; commonName: unknown }[] {
  const seen: { authorized: boolean; commonName: unknown }[] = [];
  receiver.respond = (response, { request }) => {
    const socket = request.socket as TLSSocket;
    seen.push({ authorized: socket.authorized, commonName: socket.getPeerCertificate().subject?.CN });
    response.end();
  };
  return seen;
}

describe('a server certificate', () => {
  it('of an own authority is trusted, inline and from a ConfigMap or Secret', async () => {
    bench.configMap('ca', { 'ca.crt': `${ca.cert}\n` });
    bench.secret('ca', { 'ca.crt': ca.cert });
    const ref = { name: 'ca', key: 'ca.crt' };
    await bench.run(config({ serverName, caBundle: { pem: ca.cert } }));
    await bench.run(config({ serverName, caBundle: { configMapKeyRef: ref } }));
    await bench.run(config({ serverName, caBundle: { secretKeyRef: ref } }));
    expect(receiver.received).toHaveLength(3);
  });

  it.each<[string, () => object | undefined]>([
    ['nobody vouches for', () => undefined],
    ['another authority vouches for', () => ({ serverName, caBundle: { pem: other.cert } })],
    ['has another name', () => ({ caBundle: { pem: ca.cert } })],
    ['has another name than is asked for', () => ({ serverName: 'db.shop.svc', caBundle: { pem: ca.cert } })],
  ])('that %s is refused, and tried again', async (_, tls) => {
    const error = await bench.failure(config(tls()));
    expect([error.code, error.retry]).toEqual(['KT_WEBHOOK_TLS', 'backoff']);
    expect(error.fix).toContain('tls.caBundle');
    expect(receiver.received).toHaveLength(0);
  });

  it('that has expired is refused', async () => {
    const expired = await ca.issue({ commonName: 'receiver', hosts: [serverName], validForMs: -1000 });
    await using old = await Receiver.start({ tls: expired });
    const error = await bench.failure({ url: old.origin, tls: { serverName, caBundle: { pem: ca.cert } } });
    expect([error.code, error.facts['network']]).toEqual(['KT_WEBHOOK_TLS', 'CERT_HAS_EXPIRED']);
  });

  it('is not asked of a server that speaks plain HTTP', async () => {
    await using plain = await Receiver.start();
    const error = await bench.failure({ url: plain.origin.replace('http:', 'https:') });
    expect([error.code, error.retry]).toEqual(['KT_WEBHOOK_TLS', 'backoff']);
  });
});

describe('a client certificate', () => {
  const tls = () => ({ serverName, caBundle: { pem: ca.cert }, clientCertificate: { secretName: 'client' } });
  const secret = ({ cert, key }: { cert: string; key: string }) =>
    bench.secret('client', { 'tls.crt': cert, 'tls.key': key });

  it('is shown, and a rotated one with new connections at once', async () => {
    const seen = clients();
    secret(await ca.issue({ commonName: 'first' }));
    await bench.run(config(tls()));
    secret(await ca.issue({ commonName: 'second' }));
    await bench.run(config(tls()), { id: 'event-2' });
    expect(seen).toEqual([
      { authorized: true, commonName: 'first' },
      { authorized: true, commonName: 'second' },
    ]);
    await eventually(() => bench.action.openSockets === 1);
  });

  it.each<[string, Record<string, string>, string]>([
    ['missing', {}, 'KT_WEBHOOK_REFERENCE_NOT_FOUND'],
    ['without its key', { 'tls.crt': 'x' }, 'KT_WEBHOOK_REFERENCE_NOT_FOUND'],
    ['unreadable', { 'tls.crt': 'hunter2', 'tls.key': 'hunter2' }, 'KT_WEBHOOK_REFERENCE_INVALID'],
  ])('that is %s is said, by check as well', async (_, data, code) => {
    bench.secret('client', data);
    const error = await bench.failure(config(tls()));
    expect([error.code, error.retry]).toEqual([code, 'backoff']);
    expect(`${error.message} ${error.fix}`).not.toContain('hunter2');
    await expect(bench.check(config(tls()))).rejects.toMatchObject({ code });
  });

  it('with the key of another is said', async () => {
    const [one, two] = await Promise.all([ca.issue({ commonName: 'one' }), ca.issue({ commonName: 'two' })]);
    secret({ cert: one.cert, key: two.key });
    expect((await bench.failure(config(tls()))).code).toBe('KT_WEBHOOK_REFERENCE_INVALID');
  });
});

it('says that a referenced CA bundle is none, without quoting it', async () => {
  bench.configMap('ca', { 'ca.crt': 'hunter2' });
  const caBundle = { configMapKeyRef: { name: 'ca', key: 'ca.crt' } };
  const error = await bench.failure(config({ caBundle }));
  expect([error.code, error.message]).toEqual([
    'KT_WEBHOOK_REFERENCE_INVALID',
    'ConfigMap "ca" key "ca.crt" is not a list of PEM certificates',
  ]);
});
