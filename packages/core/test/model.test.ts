import * as fc from 'fast-check';
import { firstValueFrom, timer } from 'rxjs';
import { describe, expect, it } from 'vitest';
import type { Action, ActionContext, Delivery, Filter } from './support/core.js';
import { TriggerError, VirtualClock } from './support/core.js';
import { FakeWorld } from './support/fake-world.js';
import { Harness } from './support/harness.js';
import { Disk } from './support/stored-checkpoints.js';

const KEYS = ['a', 'b', 'c'];
/** A filter drops this state, and defers that one to the next full minute. */
const DROPPED = 'dropped';
const DEFERRED = 'deferred';

type Step =
  | { readonly do: 'set'; readonly key: string; readonly state: string }
  | { readonly do: 'delete'; readonly key: string }
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'microtasks'; readonly count: number }
  | { readonly do: 'restart'; readonly how: 'kill' | 'stop'; readonly meanwhile: readonly Edit[] }
  | { readonly do: 'failActions' | 'failWrites'; readonly count: number }
  | { readonly do: 'breakSource' };
type Edit = Extract<Step, { do: 'set' | 'delete' }>;

interface Applied {
  readonly key: string;
  readonly state: string;
  readonly id: string;
  readonly spurious: boolean;
}

/** What the rule acts on. Outlives processes; whoever was killed reaches it no more. */
class Targets {
  /** As a rollout's target: one revision for all keys. */
  revision = '';
  patches = 0;
  /** As a webhook's receiver: the state of each key, and every call. */
  readonly states = new Map<string, string>();
  readonly calls: Applied[] = [];
  failures = 0;

  action(process: { readonly alive: boolean }): Action {
    return {
      run: async (_config: unknown, delivery: Delivery, { scheduler }: ActionContext) => {
        await firstValueFrom(timer(30, scheduler));
        if (this.failures > 0) {
          this.failures -= 1;
          // Half of them fail after the target was reached.
          if (this.failures % 2 === 0 && process.alive) this.#apply(delivery);
          throw new TriggerError('KT_X', 'x');
        }
        if (process.alive) this.#apply(delivery);
        await firstValueFrom(timer(30, scheduler));
        return { outcome: 'done', targets: [] };
      },
    };
  }

  #apply({ event, id, revision, redelivered }: Delivery): void {
    const state = event.change === 'deleted' ? 'absent' : event.revision;
    // A redelivery is a question: another key's roll may have brought a state that is undone by now.
    this.calls.push({ key: event.key, state, id, spurious: !redelivered && this.states.get(event.key) === state });
    this.states.set(event.key, state);
    if (this.revision === revision) return;
    this.revision = revision;
    this.patches += 1;
  }
}

const filter: Filter = {
  decide: (_config, event, { scheduler }) => {
    if (event.revision === DROPPED) return { drop: 'x' };
    if (event.revision === DEFERRED && scheduler.now() - event.observedAtMs < 20_000)
      return { deferUntilMs: event.observedAtMs + 20_000, because: 'x' };
    return { pass: true };
  },
};

interface Setting {
  /** Whether records are written shard by shard. */
  readonly sharded: boolean;
  /** Of `delivery.coalesce`; 0 is off. */
  readonly quietMs: number;
}
const settings = fc.record({ sharded: fc.boolean(), quietMs: fc.constantFrom(0, 50, 1000) });

/** A world, its targets and the process between them. */
class Model {
  readonly clock = new VirtualClock();
  readonly world = new FakeWorld();
  readonly targets = new Targets();
  readonly disk = new Disk();
  /** Edits that changed a state, and every state that a key ever had. */
  changes = 0;
  readonly had = new Map<string, Set<string>>();
  #running: Harness | undefined;

  constructor(private readonly setting: Setting) {
    this.disk.sharded = setting.sharded;
    for (const key of KEYS.slice(0, 2)) {
      this.world.set(key, 's0');
      this.targets.states.set(key, 's0');
    }
    for (const key of KEYS) this.had.set(key, new Set([this.present(key)]));
    this.targets.states.set('c', 'absent');
  }

  present(key: string): string {
    return this.world.states.get(key)?.revision ?? 'absent';
  }

  async start(): Promise<void> {
    // The action must know the process that it belongs to.
    const process = { alive: true };
    const harness = new Harness({
      sources: [{ instance: this.world.source }],
      filters: [filter],
      actions: [{ instance: this.targets.action(process) }],
      delivery: { concurrency: 2, coalesce: { quietMs: this.setting.quietMs, maxWaitMs: 3 * this.setting.quietMs } },
      clock: this.clock,
      disk: this.disk,
      process,
    });
    this.#running = harness;
    await harness.runner.start();
  }

  async end(how: 'kill' | 'stop'): Promise<void> {
    const running = this.#running;
    if (running === undefined) return;
    if (how === 'stop') await running.stop(0);
    else {
      running.process.alive = false;
      // Its memory is gone: nothing that it still does can be seen, so it may as well be released.
      void running.runner.stop();
    }
  }

  edit(step: Edit): void {
    const before = this.present(step.key);
    if (step.do === 'set') this.world.set(step.key, step.state);
    else this.world.delete(step.key);
    const after = this.present(step.key);
    this.had.get(step.key)?.add(after);
    if (before !== after) this.changes += 1;
  }

  async take(step: Step): Promise<void> {
    switch (step.do) {
      case 'set':
      case 'delete':
        return this.edit(step);
      case 'wait':
        return this.clock.advance(step.ms);
      case 'microtasks':
        for (let i = 0; i < step.count; i += 1) await Promise.resolve();
        return;
      case 'restart':
        await this.end(step.how);
        for (const edit of step.meanwhile) this.edit(edit);
        return this.start();
      case 'failActions':
        this.targets.failures += step.count;
        return;
      case 'failWrites':
        for (let i = 0; i < step.count; i += 1)
          this.disk.failures.push(new TriggerError('KT_CHECKPOINT_UNAVAILABLE', 'down'));
        return;
      case 'breakSource':
        return this.world.break(new Error('boom'));
    }
  }

  /** Nothing fails any more, and enough time goes by for everything. */
  async calm(): Promise<void> {
    this.targets.failures = 0;
    this.disk.failures.length = 0;
    await this.clock.advance(600_000);
  }
}

const edit = fc.oneof(
  fc.record({
    do: fc.constant('set' as const),
    key: fc.constantFrom(...KEYS),
    state: fc.constantFrom('s0', 's1', 's2', DROPPED, DEFERRED),
  }),
  fc.record({ do: fc.constant('delete' as const), key: fc.constantFrom(...KEYS) }),
);
const wait = fc.record({
  do: fc.constant('wait' as const),
  ms: fc.oneof(fc.integer({ min: 0, max: 100 }), fc.constantFrom(1, 10, 20, 30, 1000, 5000, 30_000)),
});
const microtasks = fc.record({ do: fc.constant('microtasks' as const), count: fc.integer({ min: 1, max: 40 }) });
const restart = fc.record({
  do: fc.constant('restart' as const),
  how: fc.constantFrom('kill', 'stop'),
  meanwhile: fc.array(edit, { maxLength: 3 }),
});
const failures = fc.record({ do: fc.constantFrom('failActions', 'failWrites'), count: fc.integer({ min: 1, max: 4 }) });
const breakSource = fc.constant({ do: 'breakSource' as const });

const steps = (...kinds: { arbitrary: fc.Arbitrary<Step>; weight: number }[]) =>
  fc.array(fc.oneof(...kinds), { minLength: 1, maxLength: 25 });
const calmSteps = [
  { arbitrary: edit, weight: 6 },
  { arbitrary: wait, weight: 4 },
  { arbitrary: microtasks, weight: 2 },
];

async function play(setting: Setting, script: readonly Step[]): Promise<Model> {
  const model = new Model(setting);
  await model.start();
  await model.clock.advance(10_000);
  for (const step of script) await model.take(step);
  await model.calm();
  return model;
}

/** The targets have the present state of every key, or the last one before it that was not dropped. */
function expectLastPassingStates(model: Model): void {
  for (const key of KEYS) {
    const present = model.present(key);
    const acted = model.targets.states.get(key) ?? '';
    const allowed = present === DROPPED ? [...(model.had.get(key) ?? [])] : [present];
    expect(allowed, `the targets' state of ${key}`).toContain(acted);
  }
}

async function expectRestartsToBeQuiet(model: Model): Promise<void> {
  const before = [model.targets.calls.length, model.targets.patches];
  for (const how of ['stop', 'kill', 'stop', 'kill'] as const) {
    await model.end(how);
    await model.start();
    await model.clock.advance(60_000);
  }
  expect([model.targets.calls.length, model.targets.patches]).toEqual(before);
}

describe('any interleaving', () => {
  it('of edits and time: the last passing state, once per change, nothing for what did not change', async () => {
    await fc.assert(
      fc.asyncProperty(settings, steps(...calmSteps), async (set, script) => {
        const model = await play(set, script);
        const { targets } = model;
        expectLastPassingStates(model);
        // After a dropped state the one before it is a change again, though a target that compares has it already.
        const spurious = targets.calls.filter((call) => call.spurious && !model.had.get(call.key)?.has(DROPPED));
        expect(spurious).toEqual([]);
        expect(targets.calls.length).toBeLessThanOrEqual(model.changes);
        expect(new Set(targets.calls.map(({ id }) => id)).size).toBe(targets.calls.length);
      }),
      { numRuns: 300 },
    );
  });

  it('of edits, failures, broken sources, kills and restarts: the last passing state, one id and at most one roll per change', async () => {
    const script = steps(
      ...calmSteps,
      { arbitrary: restart, weight: 3 },
      { arbitrary: failures, weight: 1 },
      { arbitrary: breakSource, weight: 1 },
    );
    await fc.assert(
      fc.asyncProperty(settings, script, async (set, taken) => {
        const model = await play(set, taken);
        const { targets } = model;
        expectLastPassingStates(model);
        expect(new Set(targets.calls.map(({ id }) => id)).size).toBeLessThanOrEqual(model.changes);
        expect(targets.patches).toBeLessThanOrEqual(model.changes);
        await expectRestartsToBeQuiet(model);
      }),
      { numRuns: 2000 },
    );
  });

  it('of kills alone never acts', async () => {
    const script = steps(
      { arbitrary: restart.map((step) => ({ ...step, meanwhile: [] })), weight: 1 },
      { arbitrary: wait, weight: 1 },
    );
    await fc.assert(
      fc.asyncProperty(settings, script, async (set, taken) => {
        const { targets } = await play(set, taken);
        expect(targets.calls).toEqual([]);
      }),
      { numRuns: 50 },
    );
  });
});

describe('a kill at every moment of an edit and its delivery', () => {
  // Before each timer that falls due on the way (10 begins to write, 20 is begun, 50 reaches the target, 80 is answered, 3,100 is
  // settled), and after each promise that settles between them.
  const due = [0, 10, 20, 50, 80, 1020, 3080, 3090, 3100, 3110];
  it.each(due)('(%d ms and then any promise) leaves one roll and one id', async (ms) => {
    for (let count = 0; count < 40; count += 1) {
      const model = new Model({ sharded: false, quietMs: 0 });
      await model.start();
      await model.clock.advance(10_000);
      model.edit({ do: 'set', key: 'a', state: 's1' });
      await model.clock.advance(Math.max(0, ms - 1));
      const stepping = model.clock.advance(1);
      await model.take({ do: 'microtasks', count });
      await model.end('kill');
      await stepping;
      await model.start();
      await model.calm();
      expect(model.targets.patches).toBe(1);
      expect(new Set(model.targets.calls.map(({ id }) => id)).size).toBe(1);
      expectLastPassingStates(model);
    }
  });
});
