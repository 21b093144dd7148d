import type { SourceEvent } from '@kube-trigger/core';
import { describeReadme, describeSourceContract, fakeContext, FakeFetch } from '@kube-trigger/testing/contracts';
import { makeInstance, type SourceWorld } from '@kube-trigger/testing/contracts';
import { describe, expect, it, vi } from 'vitest';
import plugin from './index.ts';

const config = { url: 'http://queue.example/orders', waitSeconds: 20, batch: 10 };

/** A queue that answers when there is a message, and keeps what was deleted. */
class FakeQueue {
  readonly deleted: string[] = [];
  readonly #waiting = new Set<(messages: unknown) => void>();
  readonly web = new FakeFetch(({ url, method }) => {
    if (method === 'DELETE') this.deleted.push(url.split('/').at(-1) ?? '');
    if (method === 'DELETE' || url.includes('wait=0')) return Response.json([]);
    return new Promise((resolve) => this.#waiting.add((messages) => resolve(Response.json(messages))));
  });
  #sent = 0;

  send(): void {
    this.#sent += 1;
    this.answer([{ id: `m${this.#sent}`, receipt: `r${this.#sent}`, body: { order: this.#sent } }]);
  }

  answer(messages: unknown): void {
    for (const resolve of this.#waiting) resolve(messages);
    this.#waiting.clear();
  }
}

/** The outside of the source: the queue and the clock. */
function world(): SourceWorld {
  const queue = new FakeQueue();
  const context = fakeContext();
  return {
    config,
    context,
    register: queue.web.register,
    held: () => queue.web.held() + context.scheduler.pending,
    change: async () => {
      // Every listener has to be asking: the queue holds no message for later.
      await vi.waitFor(() => expect(queue.web.held()).toBeGreaterThan(0));
      queue.send();
    },
    blind: () => {
      queue.web.disconnect();
      queue.answer('nonsense');
    },
    heal: () => {
      queue.web.reconnect();
      return context.scheduler.advance(5000);
    },
    sabotage: () => queue.web.sabotage(),
  };
}

describeSourceContract('queue', { plugin, world });
describeReadme({ plugin, readme: new URL('../README.md', import.meta.url), packageName: 'kube-trigger-plugin-queue' });

describe('a message', () => {
  /** The next occurrence. */
  async function next(events: AsyncIterator<SourceEvent>) {
    for (;;) {
      const { value } = (await events.next()) as { value: SourceEvent };
      if (value.change === 'occurred') return value;
    }
  }

  it('is deleted once it is settled, and not before', async () => {
    const queue = new FakeQueue();
    const source = makeInstance(plugin, queue.web);
    const events = (source.open(config, fakeContext()) as AsyncIterable<SourceEvent>)[Symbol.asyncIterator]();
    const coming = next(events);
    await vi.waitFor(() => expect(queue.web.requests.some(({ url }) => url.includes('wait=20'))).toBe(true));
    queue.send();
    const message = await coming;
    expect(message).toMatchObject({ key: 'Message/m1', revision: 'm1', data: { body: { order: 1 } } });
    expect(queue.deleted).toEqual([]);
    message.settled?.('done');
    await vi.waitFor(() => expect(queue.deleted).toEqual(['r1']));
  });
});
