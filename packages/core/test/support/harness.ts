import { Type } from 'typebox';
import {
  type Action,
  type CheckpointStore,
  type CompiledAction,
  type CompiledRule,
  defineAction,
  defineFilter,
  defineSource,
  type DeliveryOptions,
  type Filter,
  type RuleIdentity,
  type RuleReport,
  RuleRunner,
  silentLogger,
  type Source,
  VirtualClock,
} from './core.js';
import { Disk, StoredCheckpoints } from './stored-checkpoints.js';

export const IDENTITY: RuleIdentity = { namespace: 'shop', name: 'example', uid: 'uid-1' };

const config = Type.Object({}, { additionalProperties: false });
const unused = (): never => {
  throw new Error('tests hand over instances');
};
class Unused {
  readonly open = unused;
  readonly decide = unused;
  readonly run = unused;
}
const base = { name: 'fake', summary: 'Fake.', config, rbac: [], useClass: Unused } as const;

export interface Setup {
  readonly sources: { id?: string; semantics?: 'level' | 'edge'; instance: Source }[];
  readonly filters?: (Filter & { readonly needsObject?: boolean })[];
  readonly actions: ({ instance: Action; semantics?: 'level' | 'edge' } & Partial<Omit<CompiledAction, 'plugin'>>)[];
  readonly delivery?: Partial<DeliveryOptions>;
  readonly onFirstSeen?: 'baseline' | 'run';
  readonly clock?: VirtualClock;
  readonly disk?: Disk;
  readonly checkpoints?: CheckpointStore;
  readonly random?: () => number;
  readonly mayAct?: () => boolean;
  readonly dispose?: () => Promise<void>;
  /** Who writes and acts; nothing once it is not alive. Default: a new one. */
  readonly process?: { alive: boolean };
}

export function ruleOf(setup: Setup): CompiledRule {
  return {
    identity: IDENTITY,
    onFirstSeen: setup.onFirstSeen ?? 'baseline',
    delivery: {
      concurrency: 16,
      coalesce: { quietMs: 0, maxWaitMs: 0 },
      breaker: { limit: 1000, windowMs: 60_000 },
      ...setup.delivery,
    },
    sources: setup.sources.map(({ id, semantics = 'level' }, i) => ({
      name: `fake[${i}]`,
      id: id ?? `source-${i}`,
      plugin: defineSource({ ...base, semantics, revisionFormat: 1 }),
      config: {},
    })),
    filters: (setup.filters ?? []).map(({ needsObject = false }, i) => ({
      name: `filter[${i}]`,
      plugin: defineFilter(base),
      config: {},
      needsObject,
    })),
    actions: setup.actions.map(({ semantics = 'level', ...options }, i) => ({
      name: `action[${i}]`,
      plugin: defineAction({ ...base, semantics }),
      config: {},
      needsObject: false,
      timeoutMs: 30_000,
      onFailure: 'stop',
      retry: { limit: semantics === 'level' ? Infinity : 10, initialDelayMs: 1000, maxDelayMs: 60_000 },
      ...options,
    })),
  };
}

/** A runner on an owned clock and a disk that outlives it, with everything that it reported. */
export class Harness {
  readonly clock: VirtualClock;
  readonly disk: Disk;
  readonly reports: RuleReport[] = [];
  readonly runner: RuleRunner;
  readonly process: { alive: boolean };

  constructor(readonly setup: Setup) {
    this.clock = setup.clock ?? new VirtualClock();
    this.disk = setup.disk ?? new Disk();
    this.process = setup.process ?? { alive: true };
    const instances = {
      sources: setup.sources.map(({ instance }) => instance),
      filters: setup.filters ?? [],
      actions: setup.actions.map(({ instance }) => instance),
      dispose: setup.dispose ?? (() => Promise.resolve()),
    };
    this.runner = new RuleRunner(ruleOf(setup), instances, {
      checkpoints: setup.checkpoints ?? new StoredCheckpoints(this.disk, this.clock, this.process),
      scheduler: this.clock,
      random: setup.random ?? (() => 0.5),
      logger: silentLogger,
      mayAct: () => this.process.alive && (setup.mayAct?.() ?? true),
    });
    this.runner.reports.subscribe((report) => this.reports.push(report));
  }

  /** Starts and lets the first inventory be stored. */
  async start(): Promise<this> {
    await this.runner.start();
    await this.clock.advance(5000);
    return this;
  }

  async stop(drainMs = 0): Promise<void> {
    let stopped = false;
    const stopping = this.runner.stop(drainMs).finally(() => (stopped = true));
    await this.clock.advanceUntil(() => stopped, 'the runner stopped', 3_600_000);
    await stopping;
  }

  /** Stops it and starts another one on the same disk and clock. */
  async restart(changed: Partial<Setup> = {}): Promise<Harness> {
    await this.stop();
    return this.successor(changed).start();
  }

  /** Abandons it as kill -9 does: it writes and acts no more. */
  async kill(changed: Partial<Setup> = {}): Promise<Harness> {
    this.process.alive = false;
    return this.successor(changed).start();
  }

  successor(changed: Partial<Setup> = {}): Harness {
    return new Harness({ ...this.setup, clock: this.clock, disk: this.disk, ...changed });
  }

  counts() {
    return this.runner.counts;
  }

  of<T extends RuleReport['type']>(type: T): Extract<RuleReport, { type: T }>[] {
    return this.reports.filter((report): report is Extract<RuleReport, { type: T }> => report.type === type);
  }
}
