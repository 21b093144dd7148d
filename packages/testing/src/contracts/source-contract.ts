import { isTriggerError, type Making, type Source, type SourcePlugin } from '@kube-trigger/core';
import { firstValueFrom } from 'rxjs';
import type { TSchema } from 'typebox';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fakeEvent } from './fake-context.js';
import { stillAlive } from './live-heap.js';
import { type AnyPlugin, itIsAPlugin } from './plugin-contract.js';
import { uncovered } from './rbac-coverage.js';
import { errorOf, SourceHarness, type SourceWorld, stateOf } from './source-harness.js';

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
    let harness: SourceHarness;
    beforeEach(async () => {
      harness = new SourceHarness(plugin, await fixture.world(), fixture.timeoutMs);
    });
    afterEach(() => harness.dispose());

    itIsAPlugin(plugin, async () => (await fixture.world()).config);
    itHoldsItsResources(() => harness);
    itHoldsNoMoreWithTime(() => harness);
    itKeepsNoEvents(() => harness);
    if (plugin.semantics === 'level') itSaysWhatIs(() => harness);
    else itSaysWhatHappened(() => harness);
    itReadsItsObjects(() => harness);
    itKeepsTheForm(() => harness);
    itFailsInForm(() => harness);
  });
}

const MANY_CHANGES = 30;
/** A source may remember the latest ones, beside the states that are. */
const KEPT_EVENTS = 3;

function itHoldsItsResources(harness: () => SourceHarness): void {
  it('acquires nothing before it is subscribed', async () => {
    const { world } = harness();
    const opened = harness().open();
    expect([world.held(), world.kube?.requests ?? []]).toEqual([0, []]);
    const subscription = opened.subscribe();
    await harness().until(() => world.held() > 0, 'it holds nothing while subscribed, so held() tells nothing');
    subscription.unsubscribe();
  });

  it('releases everything on unsubscribe', async () => {
    const listener = await harness().synced();
    listener[Symbol.dispose]();
    await harness().released();
    expect(harness().world.held()).toBe(0);
  });

  it('releases everything when its first event ends the subscription', async () => {
    const { world } = harness();
    const first = await firstValueFrom(harness().open());
    expect(first).toHaveProperty('change');
    await harness().released();
    expect(world.held()).toBe(0);
  });

  it('says nothing after unsubscribe, while others go on', async () => {
    const gone = await harness().synced();
    const stays = await harness().synced();
    gone[Symbol.dispose]();
    const heard = gone.events.length;
    await harness().change(stays);
    expect(gone.events).toHaveLength(heard);
  });
}

function itHoldsNoMoreWithTime(harness: () => SourceHarness): void {
  it('holds no more after many changes than after one', async () => {
    const { world } = harness();
    const listener = await harness().synced();
    await harness().change(listener);
    const held = world.held();
    for (let step = 0; step < MANY_CHANGES; step += 1) await harness().change(listener);
    await harness().until(() => world.held() <= held, `it holds more than the ${held} of its first change`);
    expect(world.held()).toBeLessThanOrEqual(held);
  });
}

function itKeepsNoEvents(harness: () => SourceHarness): void {
  it('keeps none of many events that it said, beside the latest states', async () => {
    const said: WeakRef<object>[] = [];
    const present = new Set<string>();
    let synced = false;
    const subscription = harness()
      .open()
      .subscribe((event) => {
        synced ||= event.change === 'synced';
        if (event.change === 'occurred') event.settled?.('done');
        if (event.change === 'present') present.add(event.key);
        if (event.change === 'absent') present.delete(event.key);
        if ('key' in event) said.push(new WeakRef(event));
      });
    try {
      await harness().until(() => synced, 'no synced');
      for (let step = 0; step < MANY_CHANGES; step += 1) {
        const before = said.length;
        await harness().world.change();
        await harness().until(() => said.length > before, 'the change was not said');
      }
      expect(await stillAlive(said)).toBeLessThanOrEqual(present.size + KEPT_EVENTS);
    } finally {
      subscription.unsubscribe();
    }
  });
}

function itSaysWhatIs(harness: () => SourceHarness): void {
  it('says every key that exists, and then synced', async () => {
    const { events } = await harness().synced();
    const changes = events.map(({ change }) => change);
    expect(changes.slice(0, changes.indexOf('synced'))).toContain('present');
    expect(new Set(changes.slice(0, changes.indexOf('synced')))).toEqual(new Set(['present']));
  });

  it('says each later state', async () => {
    const listener = await harness().synced();
    for (let step = 0; step < 2; step += 1) {
      const said = await harness().change(listener);
      expect(said.map(({ change }) => change)).toEqual(
        expect.arrayContaining([expect.stringMatching(/present|absent/)]),
      );
    }
  });

  it('has lost nothing when it is opened again', async () => {
    const first = await harness().synced();
    first[Symbol.dispose]();
    const control = await harness().synced();
    await harness().change(control);
    const again = await harness().synced();
    expect(stateOf(again.events)).toEqual(stateOf(control.events));
    expect(stateOf(again.events)).not.toEqual(stateOf(first.events));
  });

  it('names equal states by equal revisions', async () => {
    const [one, two] = [await harness().synced(), await harness().synced()];
    expect(stateOf(one.events)).toEqual(stateOf(two.events));
  });
}

function itSaysWhatHappened(harness: () => SourceHarness): void {
  it('says synced, and each occurrence once with a revision of its own', async () => {
    const listener = await harness().synced();
    for (let step = 0; step < 3; step += 1) await harness().change(listener);
    const revisions = listener.events.flatMap((event) => (event.change === 'occurred' ? [event.revision] : []));
    expect(revisions.length).toBeGreaterThanOrEqual(3);
    expect(new Set(revisions).size).toBe(revisions.length);
  });
}

function itReadsItsObjects(harness: () => SourceHarness): void {
  it('reads what its keys stand for where it says so, with the RBAC it declares', async () => {
    const { source, config, context, world, plugin } = harness();
    expect(source.read !== undefined).toBe(plugin.objects === 'readable');
    if (source.read === undefined) return;
    const listener = await harness().synced();
    await harness().change(listener);
    const keys = listener.events.flatMap((event) => ('key' in event && event.change !== 'absent' ? [event.key] : []));
    expect(keys.length).toBeGreaterThan(0);
    for (const key of keys) expect(await source.read(config, key, context)).toBeInstanceOf(Object);
    expect(await source.read(config, `${keys[0]}-that-is-not-there`, context)).toBeNull();
    await expect(source.read(config, keys[0] ?? '', { ...context, signal: AbortSignal.abort() })).rejects.toBeDefined();
    expect(uncovered(world.kube?.requests ?? [], plugin.rbac)).toEqual([]);
  });
}

function itKeepsTheForm(harness: () => SourceHarness): void {
  it('gives keys, revisions and parts the agreed form', async () => {
    const listener = await harness().synced();
    await harness().change(listener);
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
    const { world, context } = harness();
    const listener = await harness().synced();
    await harness().change(listener);
    const said = JSON.stringify([listener.events, context.logger.lines]);
    for (const content of world.contents ?? []) expect(said).not.toContain(content);
  });

  it('answers every kind of change with a verdict that has a reason', () => {
    const { source, config } = harness();
    for (const change of ['created', 'updated', 'deleted', 'occurred'] as const) {
      const verdict = source.decide?.(config, fakeEvent({ change, revision: change === 'deleted' ? '' : 'r' }));
      if (verdict === undefined || 'pass' in verdict) continue;
      expect('drop' in verdict ? verdict.drop : verdict.because).toMatch(/\S/);
    }
  });

  it('declares the RBAC for what it asks of the Kubernetes API', async () => {
    const listener = await harness().synced();
    await harness().change(listener);
    const { world, plugin, config } = harness();
    expect(uncovered(world.kube?.requests ?? [], plugin.rbac)).toEqual([]);
    expect(uncovered(world.kube?.requests ?? [], plugin.rbacFor?.(config) ?? plugin.rbac)).toEqual([]);
  });
}

function itFailsInForm(harness: () => SourceHarness): void {
  it('says that it cannot see with a coded error, and synced once it sees again', async ({ skip }) => {
    const { world } = harness();
    if (world.blind === undefined) return skip();
    const listener = await harness().synced();
    const before = listener.events.length;
    await world.blind();
    const error = await harness().until(() => errorOf(listener, before), 'nothing was said about it');
    expect(isTriggerError(error) && error.code).toMatch(/^KT_/);
    await world.heal?.();
    const after = listener.error === undefined ? listener : await harness().synced();
    await harness().until(() => after.events.at(-1)?.change === 'synced', 'no synced after recovery');
  });

  it('turns a throwing collaborator into an error of the Observable and holds nothing', async ({ skip }) => {
    const { world } = harness();
    if (world.sabotage === undefined) return skip();
    world.sabotage();
    const listener = harness().listen();
    await harness().until(() => errorOf(listener, 0), 'the failure was swallowed');
    listener[Symbol.dispose]();
    expect(world.held()).toBe(0);
  });
}
