import {
  isTriggerError,
  type Making,
  openSource,
  type Source,
  type SourceEvent,
  type SourcePlugin,
  type TriggerError,
} from '@kube-trigger/core';
import { finalize, firstValueFrom, type Observable, type Subscription } from 'rxjs';
import type { TSchema } from 'typebox';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from '../eventually.js';
import { type FakeContext, fakeContext, fakeEvent } from './fake-context.js';
import { stillAlive } from './live-heap.js';
import { type Collaborators, makeInstance } from './make-instance.js';
import { type AnyPlugin, configOf, itIsAPlugin } from './plugin-contract.js';
import { uncovered } from './rbac-coverage.js';
import type { RecordingKubeClient } from './recording-kube-client.js';

/** The outside of a source in one test. Made anew for each. For a level source at least one key exists from the start. */
export interface SourceWorld extends Collaborators {
  /** The plugin's config as it stands in a rule. */
  readonly config: unknown;
  /** Default: `fakeContext()`. */
  readonly context?: FakeContext;
  /** Makes the source have something new to say: another state of a key, another occurrence. Called several times. */
  change(): void | Promise<void>;
  /** How much of the outside the source holds: watches, requests, timers, sockets, listeners. 0 when it holds nothing. */
  held(): number;
  /** Makes the source unable to see, as when access is withdrawn. Left out where that cannot happen. */
  blind?(): void | Promise<void>;
  /** Lets it see again. Needed with `blind`. */
  heal?(): void | Promise<void>;
  /** Makes a collaborator throw, synchronously, whatever it is asked. */
  sabotage?(): void;
  /** Texts of the outside that must not come out of the source: contents, credentials. */
  readonly contents?: readonly string[];
  /** The client that `register` registers: what is asked of it is held against `plugin.rbac`. */
  readonly kube?: RecordingKubeClient;
  dispose?(): void | Promise<void>;
}

export interface SourceFixture<C extends TSchema> {
  readonly plugin: SourcePlugin<C>;
  world(): SourceWorld | Promise<SourceWorld>;
  /** How long the suite waits for what must come. Default 5000. */
  readonly timeoutMs?: number;
}

/**
 * What every source must hold, as vitest tests: cold; releases everything; silent after unsubscribe; a level source says everything that
 * exists and then `synced`, and after being opened again nothing is lost; objects are read where it says so; revisions are stable and opaque; errors carry codes; a
 * throwing collaborator becomes an error of the Observable; RBAC is declared.
 */
export function describeSourceContract<C extends TSchema>(name: string, fixture: SourceFixture<C>): void {
  describe(`the source contract of ${name}`, () => {
    const plugin = fixture.plugin as unknown as AnyPlugin &
      Pick<SourcePlugin, 'semantics' | 'objects'> &
      Making<Source>;
    let bench: Bench;
    beforeEach(async () => {
      bench = new Bench(plugin, await fixture.world(), fixture.timeoutMs);
    });
    afterEach(() => bench.dispose());

    itIsAPlugin(plugin, async () => (await fixture.world()).config);
    itHoldsItsResources(() => bench);
    itHoldsNoMoreWithTime(() => bench);
    itKeepsNoEvents(() => bench);
    if (plugin.semantics === 'level') itSaysWhatIs(() => bench);
    else itSaysWhatHappened(() => bench);
    itReadsItsObjects(() => bench);
    itKeepsTheForm(() => bench);
    itFailsInForm(() => bench);
  });
}

const MANY_CHANGES = 30;
/** A source may remember the latest ones, beside the states that are. */
const KEPT_EVENTS = 3;

interface Listener {
  readonly events: SourceEvent[];
  readonly subscription: Subscription;
  error: unknown;
}

/** One world, the source in it, and whoever listens. */
class Bench {
  readonly source: Source;
  readonly config: unknown;
  readonly context: FakeContext;
  readonly #listeners: Listener[] = [];

  constructor(
    readonly plugin: AnyPlugin & Pick<SourcePlugin, 'objects'> & Making<Source>,
    readonly world: SourceWorld,
    private readonly timeoutMs = 5000,
  ) {
    this.source = makeInstance<Source>(plugin, world);
    this.config = configOf(plugin, world.config);
    this.context = world.context ?? fakeContext();
  }

  /** As an Observable, whichever of the two it is. What `open` throws comes out of here. */
  open(): Observable<SourceEvent> {
    const { source, config, context } = this;
    const closing = new AbortController();
    const opened = source.open(config, { ...context, signal: closing.signal });
    return openSource({ source: { open: () => opened }, config, context }).pipe(finalize(() => closing.abort()));
  }

  listen(): Listener {
    const events: SourceEvent[] = [];
    const listener = { events, error: undefined as unknown } as Listener & { subscription: Subscription };
    listener.subscription = this.open().subscribe({
      next: (event) => events.push(event),
      error: (error: unknown) => {
        listener.error = error;
      },
    });
    this.#listeners.push(listener);
    return listener;
  }

  /** Waits until `fn` returns something; fails saying `because`. */
  until<T>(fn: () => T, because: string): Promise<Exclude<T, undefined | null | false>> {
    return eventually(fn, { timeoutMs: this.timeoutMs, because });
  }

  /** Listens and waits for `synced`. */
  async synced(): Promise<Listener> {
    const listener = this.listen();
    await this.until(() => listener.events.some(({ change }) => change === 'synced'), 'no synced');
    return listener;
  }

  /** Makes a change and waits until this listener has heard of it. */
  async change(listener: Listener): Promise<SourceEvent[]> {
    const before = listener.events.length;
    await this.world.change();
    await this.until(() => listener.events.length > before, 'the change was not said');
    return listener.events.slice(before);
  }

  async released(): Promise<void> {
    await this.until(() => this.world.held() === 0, 'something is still held');
  }

  async dispose(): Promise<void> {
    for (const { subscription } of this.#listeners) subscription.unsubscribe();
    await this.world.dispose?.();
  }
}

function itHoldsItsResources(bench: () => Bench): void {
  it('acquires nothing before it is subscribed', async () => {
    const { world } = bench();
    const opened = bench().open();
    expect([world.held(), world.kube?.requests ?? []]).toEqual([0, []]);
    const subscription = opened.subscribe();
    await bench().until(() => world.held() > 0, 'it holds nothing while subscribed, so held() tells nothing');
    subscription.unsubscribe();
  });

  it('releases everything on unsubscribe', async () => {
    const { subscription } = await bench().synced();
    subscription.unsubscribe();
    await bench().released();
    expect(bench().world.held()).toBe(0);
  });

  it('releases everything when its first event ends the subscription', async () => {
    const { world } = bench();
    const first = await firstValueFrom(bench().open());
    expect(first).toHaveProperty('change');
    await bench().released();
    expect(world.held()).toBe(0);
  });

  it('says nothing after unsubscribe, while others go on', async () => {
    const gone = await bench().synced();
    const stays = await bench().synced();
    gone.subscription.unsubscribe();
    const heard = gone.events.length;
    await bench().change(stays);
    expect(gone.events).toHaveLength(heard);
  });
}

function itHoldsNoMoreWithTime(bench: () => Bench): void {
  it('holds no more after many changes than after one', async () => {
    const { world } = bench();
    const listener = await bench().synced();
    await bench().change(listener);
    const held = world.held();
    for (let step = 0; step < MANY_CHANGES; step += 1) await bench().change(listener);
    await bench().until(() => world.held() <= held, `it holds more than the ${held} of its first change`);
    expect(world.held()).toBeLessThanOrEqual(held);
  });
}

function itKeepsNoEvents(bench: () => Bench): void {
  it('keeps none of many events that it said, beside the latest states', async () => {
    const said: WeakRef<object>[] = [];
    const present = new Set<string>();
    let synced = false;
    const subscription = bench()
      .open()
      .subscribe((event) => {
        synced ||= event.change === 'synced';
        if (event.change === 'occurred') event.settled?.('done');
        if (event.change === 'present') present.add(event.key);
        if (event.change === 'absent') present.delete(event.key);
        if ('key' in event) said.push(new WeakRef(event));
      });
    try {
      await bench().until(() => synced, 'no synced');
      for (let step = 0; step < MANY_CHANGES; step += 1) {
        const before = said.length;
        await bench().world.change();
        await bench().until(() => said.length > before, 'the change was not said');
      }
      expect(await stillAlive(said)).toBeLessThanOrEqual(present.size + KEPT_EVENTS);
    } finally {
      subscription.unsubscribe();
    }
  });
}

function itSaysWhatIs(bench: () => Bench): void {
  it('says every key that exists, and then synced', async () => {
    const { events } = await bench().synced();
    const changes = events.map(({ change }) => change);
    expect(changes.slice(0, changes.indexOf('synced'))).toContain('present');
    expect(new Set(changes.slice(0, changes.indexOf('synced')))).toEqual(new Set(['present']));
  });

  it('says each later state', async () => {
    const listener = await bench().synced();
    for (let step = 0; step < 2; step += 1) {
      const said = await bench().change(listener);
      expect(said.map(({ change }) => change)).toEqual(
        expect.arrayContaining([expect.stringMatching(/present|absent/)]),
      );
    }
  });

  it('has lost nothing when it is opened again', async () => {
    const first = await bench().synced();
    first.subscription.unsubscribe();
    const control = await bench().synced();
    await bench().change(control);
    const again = await bench().synced();
    expect(stateOf(again.events)).toEqual(stateOf(control.events));
    expect(stateOf(again.events)).not.toEqual(stateOf(first.events));
  });

  it('names equal states by equal revisions', async () => {
    const [one, two] = [await bench().synced(), await bench().synced()];
    expect(stateOf(one.events)).toEqual(stateOf(two.events));
  });
}

function itSaysWhatHappened(bench: () => Bench): void {
  it('says synced, and each occurrence once with a revision of its own', async () => {
    const listener = await bench().synced();
    for (let step = 0; step < 3; step += 1) await bench().change(listener);
    const revisions = listener.events.flatMap((event) => (event.change === 'occurred' ? [event.revision] : []));
    expect(revisions.length).toBeGreaterThanOrEqual(3);
    expect(new Set(revisions).size).toBe(revisions.length);
  });
}

function itReadsItsObjects(bench: () => Bench): void {
  it('reads what its keys stand for where it says so, with the RBAC it declares', async () => {
    const { source, config, context, world, plugin } = bench();
    expect(source.read !== undefined).toBe(plugin.objects === 'readable');
    if (source.read === undefined) return;
    const listener = await bench().synced();
    await bench().change(listener);
    const keys = listener.events.flatMap((event) => ('key' in event && event.change !== 'absent' ? [event.key] : []));
    expect(keys.length).toBeGreaterThan(0);
    for (const key of keys) expect(await source.read(config, key, context)).toBeInstanceOf(Object);
    expect(await source.read(config, `${keys[0]}-that-is-not-there`, context)).toBeNull();
    await expect(source.read(config, keys[0] ?? '', { ...context, signal: AbortSignal.abort() })).rejects.toBeDefined();
    expect(uncovered(world.kube?.requests ?? [], plugin.rbac)).toEqual([]);
  });
}

function itKeepsTheForm(bench: () => Bench): void {
  it('gives keys, revisions and parts the agreed form', async () => {
    const listener = await bench().synced();
    await bench().change(listener);
    for (const event of listener.events) {
      if (event.change === 'synced' || event.change === 'degraded') continue;
      expect(event.key).toMatch(/^\S(.*\S)?$/);
      if (event.change === 'absent') continue;
      expect(event.revision.length).toBeGreaterThan(0);
      expect(event.revision.length).toBeLessThanOrEqual(128);
      const parts = event.change === 'present' ? Object.values(event.parts ?? {}) : [];
      expect(parts.filter((part) => typeof part !== 'string' || part.length > 128)).toEqual([]);
    }
  });

  it('lets no contents out', async () => {
    const { world, context } = bench();
    const listener = await bench().synced();
    await bench().change(listener);
    const said = JSON.stringify([listener.events, context.logger.lines]);
    for (const content of world.contents ?? []) expect(said).not.toContain(content);
  });

  it('answers every kind of change with a verdict that has a reason', () => {
    const { source, config } = bench();
    for (const change of ['created', 'updated', 'deleted', 'occurred'] as const) {
      const verdict = source.decide?.(config, fakeEvent({ change, revision: change === 'deleted' ? '' : 'r' }));
      if (verdict === undefined || 'pass' in verdict) continue;
      expect('drop' in verdict ? verdict.drop : verdict.because).toMatch(/\S/);
    }
  });

  it('declares the RBAC for what it asks of the Kubernetes API', async () => {
    const listener = await bench().synced();
    await bench().change(listener);
    const { world, plugin, config } = bench();
    expect(uncovered(world.kube?.requests ?? [], plugin.rbac)).toEqual([]);
    expect(uncovered(world.kube?.requests ?? [], plugin.rbacFor?.(config) ?? plugin.rbac)).toEqual([]);
  });
}

function itFailsInForm(bench: () => Bench): void {
  it('says that it cannot see with a coded error, and synced once it sees again', async ({ skip }) => {
    const { world } = bench();
    if (world.blind === undefined) return skip();
    const listener = await bench().synced();
    const before = listener.events.length;
    await world.blind();
    const error = await bench().until(() => errorOf(listener, before), 'nothing was said about it');
    expect(isTriggerError(error) && error.code).toMatch(/^KT_/);
    await world.heal?.();
    const after = listener.error === undefined ? listener : await bench().synced();
    await bench().until(() => after.events.at(-1)?.change === 'synced', 'no synced after recovery');
  });

  it('turns a throwing collaborator into an error of the Observable and holds nothing', async ({ skip }) => {
    const { world } = bench();
    if (world.sabotage === undefined) return skip();
    world.sabotage();
    const listener = bench().listen();
    await bench().until(() => errorOf(listener, 0), 'the failure was swallowed');
    listener.subscription.unsubscribe();
    expect(world.held()).toBe(0);
  });
}

function errorOf(listener: Listener, from: number): unknown {
  const degraded = listener.events.slice(from).find(({ change }) => change === 'degraded');
  return listener.error ?? (degraded as { error: TriggerError } | undefined)?.error;
}

/** The last state of every key. */
function stateOf(events: readonly SourceEvent[]): Record<string, string> {
  const state = new Map<string, string>();
  for (const event of events) {
    if (event.change === 'present') state.set(event.key, event.revision);
    else if (event.change === 'absent') state.delete(event.key);
  }
  return Object.fromEntries(state);
}
