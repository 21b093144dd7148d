import { VirtualClock } from '@kube-trigger/core/testing';
import { randomBytes } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { expect, it } from 'vitest';
import { Bench } from './support/bench.js';
import { Receiver, status } from './support/receiver.js';

it.each<[string, object]>([
  ['a structured CloudEvent', {}],
  ['a binary CloudEvent', { cloudEvents: { mode: 'binary' } }],
  ['a template', { body: { template: '${event.key} – übung', contentType: 'text/plain' } }],
  ['an empty body', { body: { template: '' } }],
  ['no body', { method: 'GET' }],
])('%s is signed as it is sent, anew for each attempt with the same id', async (_, rest) => {
  await using receiver = await Receiver.start();
  await using bench = new Bench();
  const secret = `whsec_${randomBytes(32).toString('base64')}`;
  bench.secret('hooks', { signing: secret });
  const config = { url: receiver.origin, signature: { secretKeyRef: { name: 'hooks', key: 'signing' } }, ...rest };
  // The official library looks at the real clock.
  const scheduler = new VirtualClock(Date.now());
  receiver.respond = status(500);
  await bench.failure(config, {}, { scheduler });
  await scheduler.advance(2000);
  receiver.respond = status(200);
  await bench.run(config, { attempt: 2 }, { scheduler });
  const headers = receiver.received.map(({ headers: sent }) => ({
    'webhook-id': String(sent['webhook-id']),
    'webhook-timestamp': String(sent['webhook-timestamp']),
    'webhook-signature': String(sent['webhook-signature']),
  }));
  for (const [index, { body }] of receiver.received.entries()) {
    const verify = (text: string) => new Webhook(secret).verify(text, headers[index] ?? {}, { jsonParse: false });
    expect(() => verify(body)).not.toThrow();
    expect(() => verify(`${body}.`)).toThrow('No matching signature');
  }
  expect(Number(headers[1]?.['webhook-timestamp']) - Number(headers[0]?.['webhook-timestamp'])).toBe(2);
  expect(headers[1]?.['webhook-id']).toBe(headers[0]?.['webhook-id']);
});
