import { createServer, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';
import { getEventListeners } from 'node:events';
import { asyncScheduler, type SchedulerAction, type SchedulerLike, type Subscription } from 'rxjs';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createKubeClient, staticAuth, type KubeClient } from '../src/index.js';
import { configMaps, eventually, FAST, MemoryLogger, pass, Tape } from './support/harness.js';
import { item, ScriptedApi, sendList, sendStatus } from './support/scripted-api.js';

/** The real clock, counting the timers that did not fire and were not cancelled. */
class CountingScheduler implements SchedulerLike {
  readonly #open = new Set<Subscription>();

  get timers(): number {
    for (const timer of this.#open) if (timer.closed) this.#open.delete(timer);
    return this.#open.size;
  }

  now(): number {
    return asyncScheduler.now();
  }

  schedule<T>(work: (this: SchedulerAction<T>, state?: T) => void, delay?: number, state?: T): Subscription {
    const timer: Subscription = asyncScheduler.schedule(
      function (this: SchedulerAction<T>, given?: T) {
        fired();
        work.call(this, given);
      },
      delay,
      state,
    );
    const fired = (): void => void this.#open.delete(timer);
    this.#open.add(timer);
    return timer;
  }
}

let api: ScriptedApi;
let scheduler: CountingScheduler;
let client: KubeClient;

beforeEach(async () => {
  api = await ScriptedApi.start();
  scheduler = new CountingScheduler();
  client = clientOf(api.url);
});

afterEach(async () => {
  await client.close();
  await api[Symbol.asyncDispose]();
});

/** No timer ends by itself before a test does. */
const PATIENT = {
  ...FAST,
  connectTimeoutMs: 20_000,
  answerTimeoutMs: 20_000,
  probeTimeoutMs: 20_000,
  confirmAfterMs: 20_000,
  forbiddenRetryMs: [20_000, 20_000],
} as const;

function clientOf(server: string): KubeClient {
  return createKubeClient({ auth: staticAuth({ server }), logger: new MemoryLogger(), scheduler, timings: PATIENT });
}

async function nothingIsLeft(of = client): Promise<void> {
  await eventually(
    () => of.stats().openSockets === 0 && scheduler.timers === 0,
    1_000,
    () => `no socket and no timer: ${of.stats().openSockets} and ${scheduler.timers}`,
  );
  expect(of.stats().watches).toEqual([]);
}

describe('unsubscribing leaves no socket, timer or watch behind', () => {
  it('in the same instant', async () => {
    new Tape(client.watch(configMaps())).stop();
    await nothingIsLeft();
    await pass(50);
    expect(api.of('watch')).toHaveLength(0);
  });

  it('while TCP is open and TLS hangs', async () => {
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      sockets.add(socket.on('error', () => undefined).resume());
      socket.on('close', () => sockets.delete(socket));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const frozen = clientOf(`https://127.0.0.1:${(server.address() as AddressInfo).port}`);
    const tape = new Tape(frozen.watch(configMaps()));
    await eventually(() => sockets.size === 1);
    expect(frozen.stats().openSockets).toBe(1);
    tape.stop();
    await nothingIsLeft(frozen);
    await eventually(() => sockets.size === 0);
    server.close();
    await frozen.close();
  });

  it.each(['list', 'watch'] as const)('while the %s is not answered', async (kind) => {
    api.intercept = (request) => request.kind === kind;
    const tape = new Tape(client.watch(configMaps()));
    await eventually(() => api.of(kind).length === 1);
    tape.stop();
    await nothingIsLeft();
    await eventually(() => api.sockets.size === 0);
  });

  it('between two pages, and hears nothing of the second', async () => {
    api.intercept = (request, response) => {
      if (request.kind !== 'list' || request.query.has('continue')) return request.kind === 'list';
      sendList(response, [item('a', 1)], { version: 5, next: '1' });
      return true;
    };
    const tape = new Tape(client.watch(configMaps()), () => tape.stop());
    await tape.hears('+a@1=');
    await nothingIsLeft();
    expect(tape.said).toEqual(['+a@1=']);
  });

  it('while watching, and from within an event', async () => {
    const tape = new Tape(client.watch(configMaps()), (event) => {
      if (event.type === 'present') tape.stop();
    });
    await eventually(() => api.watches.length === 1);
    const both = [item('a', 11), item('b', 12)]
      .map((object) => `${JSON.stringify({ type: 'ADDED', object })}\n`)
      .join('');
    api.lastWatch.raw(both);
    await nothingIsLeft();
    expect(tape.said).toEqual(['synced', '+a@11=']);
    await eventually(() => api.sockets.size === 0);
  });

  it('while waiting for the next attempt', async () => {
    api.intercept = (_, response) => {
      sendStatus(response, 403);
      return true;
    };
    const tape = new Tape(client.watch(configMaps()));
    await tape.hears('!KT_KUBE_FORBIDDEN');
    await eventually(() => client.stats().watches[0]?.state === 'waiting');
    tape.stop();
    await nothingIsLeft();
  });

  it('while a probe is under way', async () => {
    api.intercept = ({ kind }) => kind === 'probe';
    const tape = new Tape(client.watch(configMaps()));
    await eventually(() => api.of('probe').length === 1);
    tape.stop();
    await nothingIsLeft();
  });

  it('after many reconnects, on the signal that lives as long as the watch', async () => {
    api.intercept = (request, response) => {
      if (request.kind !== 'watch' || api.of('watch').length > 6) return false;
      response.writeHead(200).end();
      return true;
    };
    const spy = vi.spyOn(AbortSignal.prototype, 'addEventListener');
    using tape = new Tape(client.watch(configMaps()));
    await eventually(() => api.watches.length === 1);
    const signals = new Set(spy.mock.contexts as AbortSignal[]);
    spy.mockRestore();
    const most = Math.max(...[...signals].map((signal) => getEventListeners(signal, 'abort').length));
    expect(tape.said).toContain('synced');
    expect(most).toBeGreaterThan(0);
    expect(most).toBeLessThanOrEqual(3);
  });
});

describe('close', () => {
  it('ends watches and requests, closes every socket, and is final', async () => {
    api.intercept = ({ kind }) => kind === 'other';
    const tape = new Tape(client.watch(configMaps()));
    await eventually(() => api.watches.length === 1);
    const hanging = client.request({ path: '/version' }).catch((error: unknown) => error);
    await eventually(() => api.of('other').length === 1);
    await client.close();
    await client.close();
    expect(await hanging).toMatchObject({ code: 'KT_KUBE_CLOSED' });
    await nothingIsLeft();
    await expect(client.request({ path: '/version' })).rejects.toMatchObject({ code: 'KT_KUBE_CLOSED' });
    using after = new Tape(client.watch(configMaps()));
    expect(after.said).toEqual(['!KT_KUBE_CLOSED']);
    expect(tape.ended).toBe(false);
    await eventually(() => api.sockets.size === 0);
  });
});
