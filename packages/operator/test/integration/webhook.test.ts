import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WebhookNetworkToken } from '@kube-trigger/action-webhook';
import { describeOnClusters, never } from '@kube-trigger/testing';
import { container } from 'tsyringe';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Stage } from '../support/stage.js';

interface CloudEvent {
  readonly id: string;
  readonly subject: string;
  readonly data: { readonly changedKeys: readonly string[] };
}

/** Answers with what the test says, and remembers what it was asked. */
async function startReceiver() {
  const received: { body: CloudEvent }[] = [];
  const answer = { status: 204 };
  const accept = async (request: IncomingMessage, response: ServerResponse) => {
    received.push({ body: JSON.parse(await read(request)) as CloudEvent });
    response.writeHead(answer.status).end();
  };
  const server = createServer((request, response) => void accept(request, response));
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/hook`, received, answer, close: () => server.close() };
}

async function read(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

describeOnClusters('a ConfigMap change calls a webhook', (start) => {
  let stage: Stage;
  let receiver: Awaited<ReturnType<typeof startReceiver>>;
  const services = container.createChildContainer();
  services.register(WebhookNetworkToken, { useValue: { allowLoopback: true } });
  beforeAll(async () => {
    receiver = await startReceiver();
    stage = await Stage.open(start);
    await stage.configMap('cm', { a: '1' });
    await stage.startOperator({ container: services });
    await stage.rule('hook', {
      sources: [{ configMap: { name: 'cm' } }],
      actions: [{ webhook: { url: receiver.url } }],
    });
    await stage.ready('hook');
  });
  afterAll(async () => {
    receiver.close();
    await stage[Symbol.asyncDispose]();
  });

  it('once per change, as a CloudEvent', async () => {
    await stage.patchConfigMap('cm', { data: { a: '2' } });
    await expect.poll(() => receiver.received.length).toBe(1);
    expect(receiver.received[0]?.body).toMatchObject({
      specversion: '1.0',
      subject: `ConfigMap/${stage.namespace}/cm`,
      data: { change: 'updated', changedKeys: ['a'] },
    });
    await stage.patchConfigMap('cm', { metadata: { labels: { team: 'a' } } });
    await never(() => receiver.received.length > 1, { forMs: 700 });
  });

  it('gives up what is refused for good, shows it, and delivers it again with the same id when asked to', async () => {
    receiver.answer.status = 400;
    await stage.patchConfigMap('cm', { data: { a: '3' } });
    await stage.condition('hook', 'Stalled', { status: 'True', reason: 'DeadLetters' });
    expect((await stage.status('hook')).deadLetters).toMatchObject([
      { key: `ConfigMap/${stage.namespace}/cm`, reason: 'KT_WEBHOOK_STATUS' },
    ]);
    const refused = receiver.received.at(-1)?.body.id;

    await stage.stopOperator();
    await stage.startOperator({ container: services });
    await never(() => receiver.received.length > 2, { forMs: 700 });

    receiver.answer.status = 204;
    await stage.patchRule('hook', { metadata: { annotations: { 'app.example.com/retry': 'now' } } });
    await expect.poll(() => receiver.received.length).toBe(3);
    expect(receiver.received.at(-1)?.body.id).toBe(refused);
    await stage.condition('hook', 'Stalled', { status: 'False' });
  });

  it('delivers again what was asked for while no operator ran', async () => {
    receiver.answer.status = 400;
    await stage.patchConfigMap('cm', { data: { a: '4' } });
    await stage.condition('hook', 'Stalled', { status: 'True', reason: 'DeadLetters' });
    const before = receiver.received.length;
    await stage.stopOperator();
    receiver.answer.status = 204;
    await stage.patchRule('hook', { metadata: { annotations: { 'app.example.com/retry': 'while away' } } });
    await stage.startOperator({ container: services });
    await expect.poll(() => receiver.received.length).toBe(before + 1);
    await stage.condition('hook', 'Stalled', { status: 'False' });
    await stage.stopOperator();
    await stage.startOperator({ container: services });
    await never(() => receiver.received.length > before + 1, { forMs: 700 });
  });

  it('lets filters and templates see a ConfigMap as it is, and never a Secret', async () => {
    const text = '{"color": "${object.data.color}", "id": "${event.id}"}';
    const actions = [{ webhook: { url: receiver.url, body: { template: text } } }];
    const filters = [{ cel: { expression: "object.data.color.startsWith('b')" } }];
    await stage.configMap('paint', { color: 'red' });
    await stage.rule('paint', { sources: [{ configMap: { name: 'paint' } }], filters, actions });
    await stage.ready('paint');
    const before = receiver.received.length;
    await stage.patchConfigMap('paint', { data: { color: 'green' } });
    await expect.poll(async () => (await stage.status('paint')).counters?.dropped).toBe(1);
    await stage.patchConfigMap('paint', { data: { color: 'blue' } });
    await expect.poll(() => receiver.received.length).toBe(before + 1);
    expect(receiver.received.at(-1)?.body).toMatchObject({ color: 'blue' });
    expect(JSON.stringify([await stage.status('paint'), await stage.checkpoints()])).not.toContain('blue');

    await stage.rule('hidden', { sources: [{ secret: { name: 'paint' } }], filters, actions });
    const message = /^spec\.filters\[0\]\.cel: uses object, but the values of a Secret reach no expression/;
    await stage.condition('hidden', 'Accepted', { status: 'False', reason: 'Invalid', message });
  });
});
