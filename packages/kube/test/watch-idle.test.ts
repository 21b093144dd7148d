import { VirtualClock } from '@kube-trigger/core/testing';
import { eventually } from '@kube-trigger/testing';
import { expect, it } from 'vitest';
import { createKubeClient, staticAuth } from '../src/index.js';
import { configMaps, MemoryLogger, pass, Tape } from './support/harness.js';
import { item, type OpenWatch, ScriptedApi } from './support/scripted-api.js';

const IDLE_MINUTES = 10;
/** No watch ends sooner. */
const LEAST_SECONDS = 240;
const SECOND = 1000;

/** The production timings on a clock of the test, and a server that ends each watch when it was asked to. */
class IdleWorld implements AsyncDisposable {
  readonly clock = new VirtualClock();
  readonly #endsAt = new Map<OpenWatch, number>();
  readonly kube;

  private constructor(readonly api: ScriptedApi) {
    this.kube = createKubeClient({
      auth: staticAuth({ server: api.url }),
      logger: new MemoryLogger(),
      scheduler: this.clock,
      monotonicMs: () => this.clock.now(),
    });
  }

  static async open(): Promise<IdleWorld> {
    return new IdleWorld(await ScriptedApi.start());
  }

  /** How long the watches lived that are over, in seconds. */
  readonly livedSeconds: number[] = [];

  /** Second by second, each when everything that was sent has been answered. */
  async idle(seconds: number): Promise<void> {
    for (let second = 0; second < seconds; second += 1) {
      await this.clock.advance(SECOND);
      await this.#quiet();
      for (const watch of this.api.watches) this.#look(watch);
    }
  }

  #look(watch: OpenWatch): void {
    const now = this.clock.now();
    const asked = Number(watch.request.query.get('timeoutSeconds')) * SECOND;
    const endsAt = this.#endsAt.get(watch) ?? now + asked;
    this.#endsAt.set(watch, endsAt);
    if (endsAt === Infinity || (!watch.closed && now < endsAt)) return;
    if (!watch.closed) watch.end();
    this.livedSeconds.push((now - (endsAt - asked)) / SECOND);
    this.#endsAt.set(watch, Infinity);
  }

  async #quiet(): Promise<void> {
    await eventually(() => this.kube.stats().requests === this.api.requests.length, { intervalMs: 1 });
    // For the answers, which are sent at once.
    await pass(1);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kube.close();
    await this.api[Symbol.asyncDispose]();
  }
}

it('a healthy watch lives through ten idle minutes, renewed at most every four, and says the next change at once', async () => {
  await using world = await IdleWorld.open();
  const { api, kube } = world;
  using tape = new Tape(kube.watch(configMaps()));
  await tape.hears('synced');
  await world.idle(IDLE_MINUTES * 60);

  expect(api.of('watch').length).toBeLessThanOrEqual(1 + (IDLE_MINUTES * 60) / LEAST_SECONDS);
  expect(world.livedSeconds.length).toBeGreaterThan(0);
  expect(Math.min(...world.livedSeconds)).toBeGreaterThanOrEqual(LEAST_SECONDS);
  // It was looked after all the while, and never listed again.
  expect(api.of('probe').length).toBeGreaterThan(IDLE_MINUTES);
  expect(api.of('list')).toHaveLength(1);

  // Without a tick of the clock.
  api.lastWatch.send('MODIFIED', item('a', 11, { k: '1' }));
  await tape.hears('+a@11=1');
  expect(tape.said).toEqual(['synced', '+a@11=1']);
});
