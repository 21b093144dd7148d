import { type Filter, type FilterPlugin, isTriggerError, type TriggerEvent, type Verdict } from '@kube-trigger/core';
import { silentLogger, VirtualClock } from '@kube-trigger/core/testing';
import * as fc from 'fast-check';
import { Subscription } from 'rxjs';
import type { TSchema } from 'typebox';
import { beforeEach, describe, expect, it } from 'vitest';
import { type FakeContext, fakeContext, fakeEvent } from './fake-context.js';
import { type Collaborators, makeInstance } from './make-instance.js';
import { type AnyPlugin, configOf, itIsAPlugin } from './plugin-contract.js';
import { liveHeapBytes } from './live-heap.js';
import { anyEvent } from './random-events.js';

export interface FilterFixture<C extends TSchema> extends Partial<Collaborators> {
  readonly plugin: FilterPlugin<C>;
  /** The plugin's config as it stands in a rule. */
  readonly config: unknown;
  /** It counts what passed (a rate): what it was asked before counts, and another instance may answer otherwise. */
  readonly remembers?: boolean;
  /** Of how many events with different keys next to nothing may be kept. Default a million. */
  readonly manyEvents?: number;
}

/** Every run looks at the same events, so that a failure can be looked into. */
const SEED = 20_260_101;
const EVENTS = 10_000;
/** So often may a filter put an event off before that counts as never. */
const PATIENCE = 1000;
const MANY = 1_000_000;
/** What may be kept of all of them together. */
const KEPT_BYTES = 16_000_000;
const START_MS = Date.UTC(2026, 0, 1);

/**
 * What every filter must hold, as vitest tests over 10,000 random events: an answer to each, a verdict with a reason or a coded error with a fix;
 * the same answer to the same event at the same time; deferred into the future, and not for ever; event and config are left alone; no
 * timers and no log lines; nothing is kept of a million events; the object is looked at only where the plugin says so.
 */
export function describeFilterContract<C extends TSchema>(name: string, fixture: FilterFixture<C>): void {
  describe(`the filter contract of ${name}`, () => {
    const plugin = fixture.plugin as unknown as AnyPlugin & FilterPlugin;
    let bench: Bench;
    beforeEach(() => {
      bench = new Bench(plugin, fixture);
    });

    itIsAPlugin(plugin, () => Promise.resolve(fixture.config));
    itAnswers(() => bench);
    itDefers(() => bench);
    itHasNoSideEffects(() => bench);
    itIsBounded(() => bench, fixture.manyEvents);
    itIsPure(() => bench, fixture.remembers === true ? undefined : () => new Bench(plugin, fixture));
  });
}

/** A filter and its config, asked on clocks that stand still. */
class Bench {
  readonly config: unknown;
  readonly filter: Filter;
  readonly needsObject: boolean;
  readonly contexts: FakeContext[] = [];
  readonly #plugin: AnyPlugin;

  constructor(
    plugin: AnyPlugin & FilterPlugin,
    { config, register = () => undefined }: Pick<FilterFixture<TSchema>, 'config' | 'register'>,
  ) {
    this.#plugin = plugin;
    this.config = configOf(plugin, config);
    this.filter = makeInstance<Filter>(plugin, { register });
    this.needsObject = plugin.needsObject?.(this.config) ?? false;
  }

  /** The verdict, or the code of the error. */
  ask(event: TriggerEvent, nowMs = START_MS): Verdict | string {
    const context = fakeContext({ scheduler: new VirtualClock(nowMs) });
    this.contexts.push(context);
    try {
      return this.filter.decide(this.config, this.#seen(event), context);
    } catch (thrown) {
      if (!isTriggerError(thrown)) return `no TriggerError: ${String(thrown)}`;
      if (!Object.hasOwn(this.#plugin.errors ?? {}, thrown.code)) return `${thrown.code} is not in the plugin's errors`;
      return thrown.fix === undefined ? `${thrown.code} has no fix` : thrown.code;
    }
  }

  /** As the host gives it: an object, null at least, where the plugin needs one, and else none. */
  #seen(event: TriggerEvent): TriggerEvent {
    const { object = null, ...rest } = event;
    if (!this.needsObject) return 'object' in event ? rest : event;
    return { ...rest, object: event.change === 'deleted' ? null : object };
  }
}

let sample: readonly TriggerEvent[] = [];

function events(count = EVENTS): readonly TriggerEvent[] {
  if (sample.length === 0) sample = fc.sample(anyEvent(START_MS), { seed: SEED, numRuns: EVENTS });
  // Copies: a filter that changes what it is given must be noticed, whichever test comes first.
  return structuredClone(sample.slice(0, count));
}

function itAnswers(bench: () => Bench): void {
  it('answers each of 10,000 events with a verdict that has a reason, or a declared error with a fix', () => {
    const wrong = events().flatMap((event) => {
      const why = wrongWith(bench().ask(event));
      return why === undefined ? [] : [{ why, event }];
    });
    expect(wrong.slice(0, 3)).toEqual([]);
  });
}

/** Undefined for an answer in form. */
function wrongWith(answer: Verdict | string): string | undefined {
  if (typeof answer === 'string') return /^KT_[A-Z0-9_]+$/.test(answer) ? undefined : answer;
  if (typeof answer !== 'object' || answer === null) return `answered ${String(answer)}`;
  const { pass, drop, because, deferUntilMs } = answer as Partial<Record<string, unknown>>;
  if (pass === true) return undefined;
  const reason = drop ?? because;
  if (typeof reason !== 'string' || !/\S/.test(reason)) return 'the verdict has no reason';
  if (drop === undefined && (typeof deferUntilMs !== 'number' || Number.isNaN(deferUntilMs)))
    return 'deferred to no time';
  return undefined;
}

function itDefers(bench: () => Bench): void {
  it('defers into the future only, and not for ever', () => {
    // One clock for all: time does not go back for a filter that remembers.
    let nowMs = START_MS;
    for (const event of events(200)) {
      const seenNow = { ...event, observedAtMs: nowMs, waitingSinceMs: nowMs };
      let answer = bench().ask(seenNow, nowMs);
      for (let asked = 1; typeof answer === 'object' && 'deferUntilMs' in answer; asked += 1) {
        expect(answer.deferUntilMs).toBeGreaterThan(nowMs);
        expect([answer.because, Number.isFinite(answer.deferUntilMs), asked < PATIENCE]).toEqual([
          answer.because,
          true,
          true,
        ]);
        nowMs = answer.deferUntilMs;
        answer = bench().ask(seenNow, nowMs);
      }
    }
  });
}

function itHasNoSideEffects(bench: () => Bench): void {
  it('leaves event and config as they are', () => {
    const before = structuredClone(bench().config);
    for (const event of events(100)) {
      const given = structuredClone(event);
      bench().ask(given);
      expect(given).toEqual(event);
    }
    expect(bench().config).toEqual(before);
  });

  it('has no timers and logs nothing', () => {
    for (const event of events(100)) bench().ask(event);
    expect(bench().contexts.filter(({ scheduler }) => scheduler.pending > 0)).toEqual([]);
    expect(bench().contexts.flatMap(({ logger }) => logger.lines)).toEqual([]);
  });
}

function itIsBounded(bench: () => Bench, many = MANY): void {
  it('keeps next to nothing of many events', { timeout: 300_000 }, () => {
    const { filter, config, needsObject } = bench();
    let nowMs = START_MS;
    // Timers and log lines are another test's matter.
    const scheduler = { now: () => nowMs, schedule: () => Subscription.EMPTY };
    const context = { ...fakeContext(), scheduler, logger: silentLogger };
    const object = { metadata: { namespace: 'shop', name: 'app-config' }, data: { 'app.conf': 'listen=80' } };
    const pattern = { ...fakeEvent({ data: object.metadata }), ...(needsObject ? { object } : {}) };
    const before = liveHeapBytes();
    for (let i = 0; i < many; i += 1) {
      nowMs += 1;
      const event = {
        ...pattern,
        id: `e${i}`,
        key: `k${i}`,
        revision: `r${i}`,
        observedAtMs: nowMs,
        waitingSinceMs: nowMs,
      };
      try {
        filter.decide(config, event, context);
      } catch {
        // So is this.
      }
    }
    expect(liveHeapBytes() - before).toBeLessThan(KEPT_BYTES);
  });
}

function itIsPure(bench: () => Bench, another: (() => Bench) | undefined): void {
  it('answers the same for the same event at the same time, whatever it was asked between', () => {
    const some = events(500);
    const answers = some.map((event) => bench().ask(event));
    expect(some.map((event) => bench().ask(structuredClone(event)))).toEqual(answers);
    const other = another?.();
    const others =
      other === undefined
        ? answers
        : some
            .toReversed()
            .map((event) => other.ask(event))
            .toReversed();
    expect(others).toEqual(answers);
  });

  it('looks at the object only where its plugin says so', () => {
    const looked: string[] = [];
    const { filter, config, needsObject } = bench();
    const event = {
      ...fakeEvent(),
      get object() {
        looked.push('object');
        return {};
      },
    };
    try {
      filter.decide(config, event, fakeContext({ scheduler: new VirtualClock(START_MS) }));
    } catch {
      // An object without fields may leave an expression without a value.
    }
    expect(looked.length > 0).toBe(needsObject);
  });
}
