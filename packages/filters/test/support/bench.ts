import {
  type Action,
  type ActionResult,
  type Delivery,
  compileRule,
  defineAction,
  defineSource,
  instantiate,
  MemoryCheckpointStore,
  PluginRegistry,
  type RuleReport,
  RuleRunner,
  type Source,
  type SourceEvent,
} from '@kube-trigger/core';
import { silentLogger, VirtualClock } from '@kube-trigger/core/testing';
import { concat, defer, from, type Observable, of, Subject } from 'rxjs';
import { container } from 'tsyringe';
import { Type } from 'typebox';
import * as filters from '../../src/index.js';

/** Things with states, a rule that watches them through filters, and what it did; on an owned clock and a checkpoint that outlives runners. */
export class Bench {
  readonly clock: VirtualClock;
  readonly reports: RuleReport[] = [];
  /** `key@revision` of every run, with the time since the start in seconds. */
  readonly runs: string[] = [];
  readonly #states = new Map<string, string>();
  readonly #said = new Subject<SourceEvent>();
  readonly #store = new MemoryCheckpointStore();
  readonly #startMs: number;
  #runner: RuleRunner | undefined;

  constructor(
    private readonly filterItems: readonly object[],
    startMs = Date.UTC(2026, 0, 1),
  ) {
    this.#startMs = startMs;
    this.clock = new VirtualClock(startMs);
  }

  set(key: string, revision: string): void {
    this.#states.set(key, revision);
    this.#said.next({ change: 'present', key, revision, parts: { [`${revision}.conf`]: revision } });
  }

  /** Starts the rule (again) and lets it see everything. */
  async start(): Promise<void> {
    const identity = { namespace: 'shop', name: 'example', uid: 'uid-1' };
    const spec = {
      sources: [{ things: {} }],
      filters: this.filterItems,
      actions: [{ record: {} }],
      // What filters do is to be seen, and when.
      delivery: { coalesce: { quietSeconds: 0 } },
    };
    const compilation = compileRule(identity, spec, this.#registry());
    if ('issues' in compilation) throw new Error(JSON.stringify(compilation.issues));
    this.#runner = new RuleRunner(compilation.rule, instantiate(compilation.rule, container), {
      checkpoints: this.#store,
      scheduler: this.clock,
      random: () => 0.5,
      logger: silentLogger,
    });
    this.#runner.reports.subscribe((report) => this.reports.push(report));
    await this.#runner.start();
    await this.clock.settle();
  }

  async stop(): Promise<void> {
    const stopping = this.#runner?.stop();
    await this.clock.advance(1);
    await stopping;
  }

  of<T extends RuleReport['type']>(type: T): Extract<RuleReport, { type: T }>[] {
    return this.reports.filter((report): report is Extract<RuleReport, { type: T }> => report.type === type);
  }

  #registry(): PluginRegistry {
    const { cel, debounce, throttle, window, blackout } = filters;
    const registry = new PluginRegistry();
    for (const plugin of [cel, debounce, throttle, window, blackout, this.#source(), this.#action()])
      registry.register(plugin, 'test');
    return registry;
  }

  #source() {
    const said = defer(() => {
      const present = [...this.#states].map(([key, revision]) => ({
        change: 'present' as const,
        key,
        revision,
        parts: { [`${revision}.conf`]: revision },
      }));
      return concat(from(present), of({ change: 'synced' as const }), this.#said);
    });
    class Things implements Source {
      open(): Observable<SourceEvent> {
        return said;
      }
    }
    const base = { summary: 'Things.', config: NOTHING, rbac: [] };
    return defineSource({ ...base, name: 'things', semantics: 'level', revisionFormat: 1, useClass: Things });
  }

  #action() {
    const run = ({ event }: Delivery): Promise<ActionResult> => {
      const seconds = (this.clock.now() - this.#startMs) / 1000;
      this.runs.push(`${event.key}@${event.revision} after ${seconds} s`);
      return Promise.resolve({ outcome: 'done', targets: [] });
    };
    class Record implements Action {
      run(_config: unknown, delivery: Delivery): Promise<ActionResult> {
        return run(delivery);
      }
    }
    const base = { summary: 'Records.', config: NOTHING, rbac: [] };
    return defineAction({ ...base, name: 'record', semantics: 'level', useClass: Record });
  }
}

const NOTHING = Type.Object({}, { additionalProperties: false });
