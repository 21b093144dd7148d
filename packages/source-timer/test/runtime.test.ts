import {
  type Action,
  type ActionResult,
  compileRule,
  defineAction,
  type Delivery,
  instantiate,
  MemoryCheckpointStore,
  PluginRegistry,
  RuleRunner,
  toTriggerError,
} from '@kube-trigger/core';
import { silentLogger, VirtualClock } from '@kube-trigger/core/testing';
import { container } from 'tsyringe';
import { Type } from 'typebox';
import { describe, expect, it } from 'vitest';
import timer from '../src/index.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

interface Run {
  readonly revision: string;
  readonly id: string;
  readonly redelivered: boolean;
}

/** Answers when the test says so, and remembers every run of every process. */
class Recorder implements Action {
  static runs: Run[] = [];
  static hangs = false;

  async run(_config: unknown, delivery: Delivery): Promise<ActionResult> {
    const { event, id, redelivered } = delivery;
    Recorder.runs.push({ revision: event.revision, id, redelivered });
    if (Recorder.hangs) await new Promise(() => undefined);
    return { outcome: 'done', targets: [] };
  }
}

const record = defineAction({
  name: 'record',
  summary: 'Records.',
  config: Type.Object({}, { additionalProperties: false }),
  semantics: 'edge',
  rbac: [],
  useClass: Recorder,
});

/** A cluster's checkpoint and clock, on which runners follow one another. */
class Cluster {
  readonly clock = new VirtualClock();
  readonly #store = new MemoryCheckpointStore();
  readonly #registry = new PluginRegistry();

  constructor(private readonly config: object) {
    this.#registry.register(timer, 'timer');
    this.#registry.register(record, 'record');
    Recorder.runs = [];
    Recorder.hangs = false;
  }

  /** A process that leads until it is killed: then it neither acts nor writes, but does not know it. */
  async start(): Promise<{ kill(): void }> {
    const identity = { namespace: 'shop', name: 'nightly', uid: 'uid-1' };
    const spec = { sources: [{ timer: this.config }], actions: [{ record: {} }] };
    const compilation = compileRule(identity, spec, this.#registry);
    if ('issues' in compilation) throw toTriggerError(JSON.stringify(compilation.issues));
    let isAlive = true;
    const runner = new RuleRunner(compilation.rule, instantiate(compilation.rule, container), {
      checkpoints: {
        open: async (rule) => {
          const journal = await this.#store.open(rule);
          const put = (name: string, value: string | null) => (isAlive ? journal.put(name, value) : undefined);
          return { stored: journal.stored, put, durable: () => journal.durable(''), close: () => journal.close() };
        },
      },
      scheduler: this.clock,
      random: () => 0.5,
      logger: silentLogger,
      mayAct: () => isAlive,
    });
    await runner.start();
    await this.clock.settle();
    return { kill: () => void (isAlive = false) };
  }
}

describe('a timer in a rule', () => {
  it('acts once at each instant, and not at its beginning', async () => {
    const cluster = new Cluster({ every: '1h' });
    await cluster.start();
    await cluster.clock.advance(3 * HOUR);
    expect(Recorder.runs.map(({ revision }) => revision)).toEqual([
      '2026-01-01T01:00:00Z',
      '2026-01-01T02:00:00Z',
      '2026-01-01T03:00:00Z',
    ]);
    expect(new Set(Recorder.runs.map(({ id }) => id)).size).toBe(3);
  });

  it.each(['none', 'latest', 'all'])(
    '%s: acts once when the leader changes before, at and after the very second',
    async (missed) => {
      for (const offsetMs of [-1, 0, 1, 5000]) {
        const cluster = new Cluster({ schedule: '0 1 * * *', missed });
        const first = await cluster.start();
        await cluster.clock.advance(HOUR + offsetMs);
        first.kill();
        await cluster.clock.advance(17_000);
        await cluster.start();
        await cluster.clock.advance(HOUR);
        expect(Recorder.runs.map(({ revision }) => revision)).toEqual(['2026-01-01T01:00:00Z']);
      }
    },
  );

  it.each(['none', 'latest', 'all'])('%s: a run that the kill cut off is repeated with its id', async (missed) => {
    const cluster = new Cluster({ schedule: '0 1 * * *', missed });
    const first = await cluster.start();
    Recorder.hangs = true;
    await cluster.clock.advance(HOUR);
    first.kill();
    await cluster.clock.advance(17_000);
    Recorder.hangs = false;
    await cluster.start();
    await cluster.clock.advance(HOUR);
    const [cut, repeated, ...more] = Recorder.runs;
    expect(more).toEqual([]);
    expect(repeated).toEqual({ ...cut, redelivered: true });
  });

  it('latest: two instants that pass while a run hangs are one after it', async () => {
    const cluster = new Cluster({ every: '10s' });
    await cluster.start();
    Recorder.hangs = true;
    await cluster.clock.advance(12_000);
    Recorder.hangs = false;
    await cluster.clock.advance(35_000); // the first run is aborted after 30 s and repeated
    const revisions = Recorder.runs.map(({ revision }) => revision.slice(14, 19));
    expect(revisions.slice(0, 3)).toEqual(['00:10', '00:10', '00:40']);
  });
});
