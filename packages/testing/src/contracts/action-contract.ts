import {
  type Action,
  type ActionPlugin,
  type ActionResult,
  type Delivery,
  isTriggerError,
  type Making,
  type TargetResult,
} from '@kube-trigger/core';
import { VirtualClock } from '@kube-trigger/core/testing';
import type { TSchema } from 'typebox';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from '../eventually.js';
import { fakeContext, fakeDelivery, fakeEvent } from './fake-context.js';
import { stillAlive } from './live-heap.js';
import { type Collaborators, makeInstance } from './make-instance.js';
import { type AnyPlugin, configOf, itIsAPlugin } from './plugin-contract.js';
import { uncovered } from './rbac-coverage.js';
import type { RecordingKubeClient } from './recording-kube-client.js';

/** The outside of an action in one test: targets that are there and may be acted on. Made anew for each. */
export interface ActionWorld extends Collaborators {
  /** The plugin's config as it stands in a rule. */
  readonly config: unknown;
  /** How often targets were acted on so far. */
  touched(): number;
  /** How much of the outside the action holds: requests, sockets, timers, listeners, watches. 0 when it holds nothing. */
  held(): number;
  /** Ids that receivers got so far, in order. Needed for an edge action: they deduplicate by it. */
  ids?(): readonly string[];
  /** Lets targets never answer from now on. */
  hang(): void;
  /** Makes a collaborator throw, synchronously, whatever it is asked. */
  sabotage?(): void;
  /** What can go wrong, by what it is called, with the error code that must come of it. */
  readonly faults?: Readonly<Record<string, Fault>>;
  /** The client that `register` registers: what is asked of it is held against `plugin.rbac`. */
  readonly kube?: RecordingKubeClient;
  dispose?(): void | Promise<void>;
}

export interface Fault {
  readonly code: string;
  readonly arrange: () => void | Promise<void>;
  /** Whether `check` must notice it. Default: where there is a `check`, yes. */
  readonly checked?: boolean;
}

export interface ActionFixture<C extends TSchema> {
  readonly plugin: ActionPlugin<C>;
  world(): ActionWorld | Promise<ActionWorld>;
  /** How long the suite waits for what must come. Default 5000. */
  readonly timeoutMs?: number;
}

/**
 * What every action must hold, as vitest tests: it acts and names its targets (also when it has to wait in between); a redelivery of the same
 * revision repeats nothing (level), or carries the same id (edge); it keeps no events; it ends when its signal is aborted and holds nothing then; errors carry codes; `check` touches
 * nothing; `idle` never says so where a run would act; RBAC is declared.
 */
export function describeActionContract<C extends TSchema>(name: string, fixture: ActionFixture<C>): void {
  describe(`the action contract of ${name}`, () => {
    const plugin = fixture.plugin as unknown as AnyPlugin & Pick<ActionPlugin, 'semantics'> & Making<Action>;
    let bench: Bench;
    beforeEach(async () => {
      bench = new Bench(plugin, await fixture.world(), fixture.timeoutMs);
    });
    afterEach(() => bench.world.dispose?.());

    itIsAPlugin(plugin, async () => (await fixture.world()).config);
    itActs(() => bench);
    if (plugin.semantics === 'level') itIsIdempotent(() => bench);
    else itCarriesItsId(() => bench);
    itKeepsNoEvents(() => bench);
    itEndsWithItsSignal(() => bench);
    itFailsInForm(
      () => bench,
      async () => new Bench(plugin, await fixture.world(), fixture.timeoutMs),
    );
    itChecksWithoutTouching(() => bench);
    itIsIdleOnlyInVain(() => bench);
  });
}

const MANY_EVENTS = 30;
/** An action may remember the latest ones. */
const KEPT_EVENTS = 3;

/** One world and the action in it. */
class Bench {
  readonly config: unknown;
  readonly #clock = new VirtualClock();
  #action: Action | undefined;

  constructor(
    readonly plugin: AnyPlugin & Making<Action>,
    readonly world: ActionWorld,
    private readonly timeoutMs = 5000,
  ) {
    this.config = configOf(plugin, world.config);
  }

  /** Waits until `fn` returns something; fails saying `because`. */
  until<T>(fn: () => T, because: string): Promise<Exclude<T, undefined | null | false>> {
    return eventually(fn, { timeoutMs: this.timeoutMs, because });
  }

  get action(): Action {
    this.#action ??= makeInstance<Action>(this.plugin, this.world);
    return this.#action;
  }

  /** As after a restart of the process: what the instance knew is gone. */
  forget(): void {
    this.#action = undefined;
  }

  /** What is still held once the host is done with the instance: until then it may keep watches open. */
  async heldAfterwards(): Promise<number> {
    await (this.#action as { dispose?: () => unknown } | undefined)?.dispose?.();
    return this.world.held();
  }

  /** Lets `fault` happen; returns the code that must come of it, which the plugin must have declared. */
  async arrange(fault: string): Promise<string> {
    const { arrange, code } = this.world.faults?.[fault] ?? {};
    await arrange?.();
    const declared =
      code !== undefined && (code.startsWith('KT_KUBE_') || Object.hasOwn(this.plugin.errors ?? {}, code));
    if (!declared) throw new Error(`${String(code)} (${fault}) is not in the plugin's errors`);
    return code;
  }

  call(delivery: Partial<Delivery> = {}, signal?: AbortSignal): Promise<ActionResult> {
    return this.action.run(this.config, fakeDelivery(delivery), this.#context(signal));
  }

  /** Runs it as the host does: again, when it has to wait, until it is through. */
  async run(delivery: Partial<Delivery> = {}, signal?: AbortSignal): Promise<ActionResult> {
    const targets = new Map<string, TargetResult>();
    const look = async (again: Partial<Delivery>): Promise<ActionResult> => {
      const result = await this.call(again, signal);
      for (const target of result.targets)
        if (targets.get(target.target)?.outcome !== 'done') targets.set(target.target, target);
      return result;
    };
    let result = await look(delivery);
    for (const endMs = Date.now() + this.timeoutMs; result.outcome === 'waiting';) {
      if (result.because.trim() === '') throw new Error('it waits and does not say what for');
      if (Date.now() > endMs) throw new Error(`still waiting after ${this.timeoutMs} ms: ${result.because}`);
      await this.#clock.advance(Math.max(100, result.againAfterMs));
      result = await look({ ...delivery, redelivered: true });
    }
    const touched = [...targets.values()];
    return { outcome: touched.some(({ outcome }) => outcome === 'done') ? 'done' : result.outcome, targets: touched };
  }

  async check(signal?: AbortSignal): Promise<void> {
    await this.action.check?.(this.config, this.#context(signal));
  }

  /** Why it says that it would find nothing to touch. */
  idle(): string | undefined {
    return this.action.idle?.(this.config, fakeDelivery().event, this.#context(undefined));
  }

  #context(signal: AbortSignal | undefined) {
    return fakeContext({ signal, scheduler: this.#clock });
  }
}

function itActs(bench: () => Bench): void {
  it('acts, and names its targets', async () => {
    const { outcome, targets } = await bench().run();
    expect(outcome).toBe('done');
    expect(bench().world.touched()).toBeGreaterThan(0);
    expect(targets.length).toBeGreaterThan(0);
    expect(targets.map(({ target }) => target)).toEqual(targets.map(() => expect.stringMatching(/^\S+$/)));
    expect(targets.some((target) => target.outcome === 'done')).toBe(true);
  });

  it('holds nothing once it has acted', async () => {
    await bench().run();
    expect(await bench().until(async () => (await bench().heldAfterwards()) === 0, 'something is still held')).toBe(
      true,
    );
  });

  it('declares the RBAC for what it asks of the Kubernetes API', async () => {
    const { world, plugin } = bench();
    await bench().run();
    bench().forget();
    await bench().run({ redelivered: true, attempt: 2 });
    await bench().check();
    expect(uncovered(world.kube?.requests ?? [], plugin.rbac)).toEqual([]);
    const narrowed = plugin.rbacFor?.(bench().config) ?? plugin.rbac;
    expect(uncovered(world.kube?.requests ?? [], narrowed)).toEqual([]);
  });
}

function itIsIdempotent(bench: () => Bench): void {
  it.each([
    ['in the same process', false],
    ['after a restart', true],
  ])('repeats nothing for a revision that is there already, %s', async (_, restarted) => {
    await bench().run();
    const touched = bench().world.touched();
    if (restarted) bench().forget();
    const again = await bench().run({ redelivered: true, attempt: 2 });
    expect(again.outcome).toBe('unchanged');
    expect(again.targets.every((target) => target.outcome === 'unchanged')).toBe(true);
    expect(bench().world.touched()).toBe(touched);
  });

  it('acts again for another revision', async () => {
    await bench().run({ revision: 'combined-1' });
    const touched = bench().world.touched();
    const next = fakeDelivery({ event: fakeEvent({ id: 'event-2', revision: 'revision-2' }), revision: 'combined-2' });
    expect((await bench().run(next)).outcome).toBe('done');
    expect(bench().world.touched()).toBeGreaterThan(touched);
  });
}

function itCarriesItsId(bench: () => Bench): void {
  it('sends the same id again with a redelivery, and another one with another event', async () => {
    await bench().run();
    bench().forget();
    await bench().run({ redelivered: true, attempt: 2 });
    await bench().run({ event: fakeEvent({ id: 'event-2' }), id: 'event-2' });
    expect(new Set(bench().world.ids?.())).toEqual(new Set(['event-1', 'event-2']));
    expect(bench().world.ids?.()[0]).toBe('event-1');
  });
}

function itKeepsNoEvents(bench: () => Bench): void {
  it('keeps none of many events that it acted for', async () => {
    const given: WeakRef<object>[] = [];
    for (let i = 0; i < MANY_EVENTS; i += 1) {
      const event = fakeEvent({ id: `event-${i}`, revision: `revision-${i}`, data: { name: `app-${i}` } });
      given.push(new WeakRef(event));
      await bench().run({ event, id: event.id, revision: `combined-${i}` });
    }
    expect(bench().world.touched()).toBeGreaterThanOrEqual(MANY_EVENTS);
    expect(await stillAlive(given)).toBeLessThanOrEqual(KEPT_EVENTS);
  });
}

function itEndsWithItsSignal(bench: () => Bench): void {
  it('does nothing when its signal is aborted already', async () => {
    await expect(bench().run({}, AbortSignal.abort(new Error('stopped')))).rejects.toBeDefined();
    expect([bench().world.touched(), bench().world.held()]).toEqual([0, 0]);
  });

  it('ends when its signal is aborted while a target does not answer', async () => {
    const { world } = bench();
    world.hang();
    const controller = new AbortController();
    let ended: string | undefined;
    bench()
      .run({}, controller.signal)
      .then(
        () => (ended = 'resolved'),
        () => (ended = 'rejected'),
      );
    await bench().until(() => world.held() > 0, 'it holds nothing while it waits, so held() tells nothing');
    controller.abort(new Error('stopped'));
    await bench().until(() => ended, 'it went on waiting');
    expect(await bench().until(async () => (await bench().heldAfterwards()) === 0, 'something is still held')).toBe(
      true,
    );
    expect(ended).toBe('rejected');
  });
}

function itFailsInForm(bench: () => Bench, another: () => Promise<Bench>): void {
  it('rejects with the declared code and a fix, for everything that can go wrong', async () => {
    for (const fault of Object.keys(bench().world.faults ?? {})) {
      const broken = await another();
      const code = await broken.arrange(fault);
      expect([fault, codeOf(await rejection(broken.run()))]).toEqual([fault, code]);
      expect([fault, await broken.heldAfterwards()]).toEqual([fault, 0]);
      await broken.world.dispose?.();
    }
  });

  it('notices in check what would go wrong', async () => {
    const { world, action } = bench();
    const faults = Object.entries(world.faults ?? {}).filter(([, { checked = true }]) => checked);
    for (const [fault] of action.check === undefined ? [] : faults) {
      const broken = await another();
      const code = await broken.arrange(fault);
      expect([fault, codeOf(await rejection(broken.check()))]).toEqual([fault, code]);
      expect([fault, broken.world.touched(), await broken.heldAfterwards()]).toEqual([fault, 0, 0]);
      await broken.world.dispose?.();
    }
  });

  it('rejects, and does not throw, when a collaborator throws', async ({ skip }) => {
    const { world } = bench();
    if (world.sabotage === undefined) return skip();
    world.sabotage();
    let running: Promise<unknown> | undefined;
    expect(() => {
      running = bench().call();
    }).not.toThrow();
    expect(await rejection(running)).toBeDefined();
    expect(await bench().heldAfterwards()).toBe(0);
  });
}

function itChecksWithoutTouching(bench: () => Bench): void {
  it('checks a good world without touching it', async () => {
    await bench().check();
    expect(bench().world.touched()).toBe(0);
  });
}

function itIsIdleOnlyInVain(bench: () => Bench): void {
  it('does not call itself idle where a run acts, neither before it looked nor after', async () => {
    expect(bench().idle()).toBeUndefined();
    await bench().check();
    expect(bench().idle()).toBeUndefined();
    expect(bench().world.touched()).toBe(0);
    expect((await bench().run()).outcome).toBe('done');
    expect(bench().idle()).toBeUndefined();
  });
}

async function rejection(promise: Promise<unknown> | undefined): Promise<unknown> {
  return promise?.then(
    () => undefined,
    (error: unknown) => error ?? 'rejected with nothing',
  );
}

/** A code without a fix counts as none: whoever reads it must learn what to do. */
function codeOf(error: unknown): string {
  if (!isTriggerError(error)) return `no TriggerError: ${String(error)}`;
  return error.fix === undefined && !error.code.startsWith('KT_KUBE_') ? `${error.code} without a fix` : error.code;
}
