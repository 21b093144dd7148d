import 'reflect-metadata';
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import {
  type CheckpointStore,
  EquipPluginToken,
  FetchToken,
  type Logger,
  LoggerToken,
  type PluginRegistry,
  RandomToken,
  type RuleIdentity,
  type RuleReport,
  SchedulerToken,
  toTriggerError,
  type TriggerError,
} from '@kube-trigger/core';
import {
  createEventRecorder,
  createKubeClient,
  type DigestKeyProvider,
  digestKeyProvider,
  DigestKeyToken,
  electLeader,
  type EventRecorder,
  EventRecorderToken,
  type KubeAuth,
  type KubeClient,
  KubeClientToken,
  type LeaderElection,
  type LeaderTimings,
  type WatchStats,
  WELL_KNOWN,
} from '@kube-trigger/kube';
import { asyncScheduler, type SchedulerLike } from 'rxjs';
import { container as rootContainer, type DependencyContainer } from 'tsyringe';
import { TRIGGER_RULE } from './api/resources.js';
import { Background } from './background.js';
import { ClusterCheckpointStore } from './checkpoint/cluster-checkpoint-store.js';
import { logReport } from './log-report.js';
import { Identities } from './identities.js';
import type { Tenancy } from './rules/managed-rule.js';
import { dryActions } from './dry-run/dry-actions.js';
import { ReadOnlyCheckpoints } from './dry-run/read-only-checkpoints.js';
import { readOnlyKube } from './dry-run/read-only-kube.js';
import { clusterFeed, type RuleFeed } from './rules/rule-feed.js';
import { logStatus } from './standalone/log-status.js';
import { equipPlugins } from './plugins/equip-plugins.js';
import { RuleController } from './rules/rule-controller.js';
import { StatusWriter } from './rules/status-writer.js';
import { type HealthServer, startHealthServer } from './server/health-server.js';
import { Metrics } from './server/metrics.js';
import type { Tracer } from './telemetry/tracer.js';

export interface OperatorOptions {
  readonly auth: KubeAuth;
  readonly registry: PluginRegistry;
  readonly logger: Logger;
  /** Rules from elsewhere than the cluster: then their status is logged, not written, and there are no Events on them. */
  readonly feed?: RuleFeed;
  /** Where rules remember. Default: TriggerCheckpoint objects beside them. */
  readonly checkpoints?: CheckpointStore & {
    onError?: ((rule: RuleIdentity, error: TriggerError | undefined) => void) | undefined;
  };
  /** Says what would be done, in words, and writes nothing: no Lease is wanted then. */
  readonly dryRun?: (text: string) => void;
  /** Where TriggerRules are looked for; empty: everywhere. */
  readonly namespaces?: readonly string[];
  /** Where the operator's own objects are: the Lease and the key for digests of Secrets. Default `default`. */
  readonly operatorNamespace?: string;
  /** The Lease that replicas compete for; without it this process acts at once and must be the only one. */
  readonly lease?: { readonly name: string; readonly timings?: Partial<LeaderTimings> };
  /** Port of `/healthz`, `/readyz` and `/metrics`; without it they are not served. */
  readonly healthPort?: number;
  /** How long running attempts may take to end at `stop`. Default 10,000. */
  readonly drainMs?: number;
  /** Not ready when a watch has not been proven complete for so long. Default 120,000. */
  readonly staleAfterMs?: number;
  readonly scheduler?: SchedulerLike;
  readonly random?: () => number;
  /** How tenants are kept apart; default: not at all. */
  readonly tenancy?: Tenancy;
  /** Hears what happens to rules, for tracing. Shut down at `stop`. */
  readonly tracer?: Tracer;
  /** For what plugins may inject beyond the built-in tokens. */
  readonly container?: DependencyContainer;
}

export interface Operator extends AsyncDisposable {
  readonly identity: string;
  /** The health server's port, once it listens. */
  readonly healthPort: number | undefined;
  /** `undefined` when rules can be acted on; else why not. */
  ready(): string | undefined;
  /** Logs and counts an error that no plugin's host could catch (thrown in a timer, an unheeded rejection). */
  containFault(error: unknown): void;
  /** Ends deliveries, writes what is to be remembered, gives the lease back and closes every socket. Idempotent. */
  stop(): Promise<void>;
}

/**
 * Assembles and starts the controller: client, checkpoint store, rules, election, health port. Resolves at once; an API server that cannot
 * be reached is waited for. Rejects only when the health port is taken.
 */
export async function startOperator(options: OperatorOptions): Promise<Operator> {
  const operator = new RunningOperator(options);
  try {
    await operator.start();
  } catch (error) {
    // Without its health port it must not lead: nobody could tell how it is.
    await operator.stop();
    throw error;
  }
  return operator;
}

/** What a server that is well says about one rule's wish: shown in that rule's status, and no reason to call the whole operator unready. */
const ANSWERED = new Set(['KT_KUBE_FORBIDDEN', 'KT_KUBE_NOT_FOUND', 'KT_KUBE_INVALID', 'KT_KUBE_PROJECTION']);

/** The watch on the rules themselves is everybody's. */
function isAnswered({ error, resource }: WatchStats): boolean {
  return resource.plural !== TRIGGER_RULE.plural && ANSWERED.has(error ?? '');
}

const NO_EVENTS: EventRecorder = { record: () => undefined, drain: () => Promise.resolve(), dropped: 0 };

class RunningOperator implements Operator {
  readonly identity = `${hostname()}_${randomUUID()}`;
  readonly #kube: KubeClient;
  readonly #identities: Identities;
  readonly #controller: RuleController;
  readonly #election: LeaderElection | undefined;
  readonly #events: EventRecorder;
  readonly #metrics: Metrics;
  #health: HealthServer | undefined;
  #stopping: Promise<void> | undefined;

  constructor(private readonly options: OperatorOptions) {
    const { auth, registry, logger, lease, scheduler = asyncScheduler, random = Math.random } = options;
    const namespace = options.operatorNamespace ?? 'default';
    const { dryRun, feed } = options;
    const background = new Background({ scheduler });
    const statusLane = background.lane();
    const eventLane = background.lane();
    const onRequest = () => background.noteRequest();
    const client = createKubeClient({ auth, logger, scheduler, random, onRequest });
    const kube = dryRun === undefined ? client : readOnlyKube(client);
    this.#kube = kube;
    const isQuiet = dryRun !== undefined || feed !== undefined;
    this.#events = isQuiet
      ? NO_EVENTS
      : createEventRecorder(kube, {
          component: 'kube-trigger',
          instance: this.identity,
          logger,
          scheduler,
          run: (request) => eventLane.run(request),
        });
    this.#election =
      dryRun === undefined && lease !== undefined
        ? electLeader({ client: kube, identity: this.identity, namespace, scheduler, logger, ...lease })
        : undefined;
    const mayAct = () => this.#election?.isLeader() ?? true;
    const checkpoints =
      options.checkpoints ??
      new ClusterCheckpointStore({
        kube,
        scheduler,
        random,
        writer: this.identity,
        onError: (rule, error) => this.#controller.checkpointReport(rule, error),
      });
    if (options.checkpoints !== undefined)
      options.checkpoints.onError = (rule, error) => this.#controller.checkpointReport(rule, error);
    const services = {
      scheduler,
      random,
      logger,
      mayAct,
      checkpoints: dryRun === undefined ? checkpoints : new ReadOnlyCheckpoints(checkpoints),
    };
    this.#metrics = new Metrics({
      stats: () => this.#identities.stats(),
      registry,
      ruleCount: () => this.#controller.rules.size,
      rules: (limit) => [...this.#controller.rules.values()].slice(0, limit).map((rule) => rule.sample),
      underWay: () => [...this.#controller.rules.values()].reduce((sum, rule) => sum + rule.counts.underWay, 0),
      leading: mayAct,
    });
    const digestKey = digestKeyProvider(kube, namespace);
    const container = this.#container({ kube, scheduler, random, namespace, digestKey });
    this.#identities = new Identities({ auth, own: kube, container, logger, scheduler, random, onRequest });
    const writing = { kube, lane: statusLane, scheduler, random, logger, mayWrite: mayAct };
    this.#controller = new RuleController({
      feed: feed ?? clusterFeed(kube, options.namespaces ?? [], logger),
      logger,
      registry,
      identities: this.#identities,
      tenancy: options.tenancy ?? {},
      services,
      events: this.#events,
      ...(dryRun === undefined ? {} : { wrap: (rule, made) => dryActions(rule, made, dryRun) }),
      writerFor: (rule) => (isQuiet ? logStatus(logger, rule) : new StatusWriter(rule, writing)),
      onReport: (rule, report) => this.#onReport(rule, report),
    });
  }

  get healthPort(): number | undefined {
    return this.#health?.port;
  }

  async start(): Promise<void> {
    const { healthPort: port, logger } = this.options;
    if (port !== undefined) {
      this.#health = await startHealthServer({
        port,
        ready: () => this.ready(),
        metrics: () => this.#metrics.text(),
      });
    }
    logger.info({ identity: this.identity, healthPort: this.healthPort }, 'operator started');
    for (const namespace of this.options.namespaces ?? []) void this.#lookFor(namespace);
    this.#controller.start();
    if (this.#election === undefined) return void this.#controller.lead();
    this.#election.role.subscribe((role) => {
      logger.info({ identity: this.identity, role }, 'leader election');
      // Attempts are fenced one by one; a lost lease leaves no time to drain.
      if (role === 'leading') void this.#controller.lead();
      else void this.#controller.standBy(0);
    });
  }

  /** A namespace that does not exist looks like one without rules. Whoever may not read namespaces is not told, and asks for nothing that is refused. */
  async #lookFor(name: string): Promise<void> {
    try {
      const question = { verb: 'get', resource: WELL_KNOWN.Namespace, namespace: name, name };
      if (!(await this.#kube.canI(question)).allowed) return;
      await this.#kube.get({ resource: WELL_KNOWN.Namespace, name }, { as: 'metadata' });
    } catch (thrown) {
      if (toTriggerError(thrown).code !== 'KT_KUBE_NOT_FOUND') return;
      const fix = 'Create it, or correct --namespace; its rules are seen once it exists';
      this.options.logger.warn({ namespace: name, fix }, 'the namespace does not exist');
    }
  }

  ready(): string | undefined {
    if (this.#stopping !== undefined) return 'stopping';
    const problem = this.#election?.isLeader() === true ? undefined : this.#election?.problem;
    if (problem !== undefined) return `the Lease cannot be had, so this replica cannot lead: ${problem.explanation}`;
    if (!this.#controller.synced) return 'TriggerRules have not been listed yet';
    const staleAfterMs = this.options.staleAfterMs ?? 120_000;
    const stale = this.#identities
      .stats()
      .watches.find((watch) => watch.ageOfLastProofMs > staleAfterMs && !isAnswered(watch));
    if (stale === undefined) return undefined;
    const where = [stale.namespace, stale.name].filter((part) => part !== undefined).join('/');
    return `the watch on ${stale.resource.plural} ${where} is stale for ${Math.round(stale.ageOfLastProofMs / 1000)} s`;
  }

  containFault(error: unknown): void {
    this.#metrics.countFault();
    this.options.logger.error({ error: toTriggerError(error).message }, 'uncaught error; a plugin is at fault');
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #stop(): Promise<void> {
    await this.#controller.stop(this.options.drainMs ?? 10_000);
    await this.#election?.stop();
    await this.#events.drain();
    await this.#kube.close();
    await this.#health?.close();
    await this.options.tracer?.shutdown();
    this.options.logger.info({ identity: this.identity }, 'operator stopped');
  }

  #onReport(rule: RuleIdentity, report: RuleReport): void {
    this.#metrics.count(report);
    this.options.tracer?.report(rule, report);
    logReport(this.options.logger, rule, report);
  }

  #container(services: {
    kube: KubeClient;
    scheduler: SchedulerLike;
    random: () => number;
    namespace: string;
    digestKey: DigestKeyProvider;
  }): DependencyContainer {
    const container = (this.options.container ?? rootContainer).createChildContainer();
    container.register(KubeClientToken, { useValue: services.kube });
    container.register(EventRecorderToken, { useValue: this.#events });
    container.register(DigestKeyToken, { useValue: services.digestKey });
    container.register(LoggerToken, { useValue: this.options.logger });
    container.register(SchedulerToken, { useValue: services.scheduler });
    container.register(RandomToken, { useValue: services.random });
    container.register(FetchToken, { useValue: (...request) => fetch(...request) });
    const { logger } = this.options;
    const meters = this.#metrics.meters(logger);
    const equip = equipPlugins({ logger, meters, operatorNamespace: services.namespace });
    container.register(EquipPluginToken, { useValue: equip });
    return container;
  }
}
