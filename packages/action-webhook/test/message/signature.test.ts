import { randomBytes } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { describe, expect, it } from 'vitest';
import { signatureHeaders, signingKeys } from '../../src/message/signature.js';
import { triggerError } from '../support/bench.js';

const base64 = (bytes: number) => randomBytes(bytes).toString('base64');
const keysOf = (value: string) => signingKeys(value, 'Secret "hooks" key "signing"');

describe('signatureHeaders', () => {
  it.each(['', '{"a":1}', 'ü\n🎉'])('are what the official library verifies: %j', (body) => {
    const secret = `whsec_${base64(32)}`;
    const nowMs = Date.now();
    const headers: Record<string, string> = {
      'webhook-id': 'event-1',
      ...signatureHeaders(keysOf(secret), { id: 'event-1', nowMs, body }),
    };
    const webhook = new Webhook(secret);
    expect(() => webhook.verify(body, headers, { jsonParse: false })).not.toThrow();
    expect(() => webhook.verify(`${body}.`, headers, { jsonParse: false })).toThrow('No matching signature');
    expect(headers['webhook-signature']).toBe(webhook.sign('event-1', new Date(nowMs), body));
    expect(() => new Webhook(base64(32)).verify(body, headers)).toThrow('No matching signature');
  });

  it('sign with each of several keys, so that a receiver may have either', () => {
    const [old, fresh] = [base64(24), base64(64)];
    const nowMs = Date.now();
    const headers = {
      'webhook-id': 'event-1',
      ...signatureHeaders(keysOf(`whsec_${old} \n ${fresh}\n`), { id: 'event-1', nowMs, body: '{}' }),
    };
    expect(new Webhook(old).verify('{}', headers)).toEqual({});
    expect(new Webhook(fresh).verify('{}', headers)).toEqual({});
  });
});

describe('signingKeys', () => {
  it.each([
    ['nothing', ''],
    ['blanks', ' \n'],
    ['a password', 'correct horse battery staple'],
    ['23 bytes', `whsec_${base64(23)}`],
    ['65 bytes', `whsec_${base64(65)}`],
    ['a good key and a bad one', `whsec_${base64(32)} whsec_x`],
    ['characters that are not base64', `whsec_${'-'.repeat(44)}`],
  ])('refuses %s without quoting it', async (_, value) => {
    const error = await triggerError((async () => keysOf(value))());
    expect(error.code).toBe('KT_WEBHOOK_REFERENCE_INVALID');
    expect(error.message).toBe('Secret "hooks" key "signing" holds no signing key of 24 to 64 bytes');
  });
});
