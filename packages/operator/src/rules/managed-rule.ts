import {
  compileRule,
  type CompiledRule,
  fullJitter,
  instantiate,
  type PluginRegistry,
  type RuleIdentity,
  type RuleInstances,
  type RuleReport,
  RuleRunner,
  type RuntimeServices,
  sleep,
  toTriggerError,
} from '@kube-trigger/core';
import type { EventRecorder } from '@kube-trigger/kube';
import { Subscription, timer } from 'rxjs';
import type { Identities, Identity } from '../identities.js';
import type { RuleSample } from '../server/metrics.js';
import { announce } from './announce.js';
import { manualRunOf } from './manual-run.js';
import { RuleState } from './rule-state.js';
import type { RuleStatus, TriggerRule } from './trigger-rule.js';

/** Where a rule's status goes. `status` is asked when it is needed. */
export interface StatusSink {
  put(status: () => RuleStatus): void;
  close(): Promise<void>;
}

export interface ManagedRuleOptions {
  readonly registry: PluginRegistry;
  readonly identities: Pick<Identities, 'acquire'>;
  readonly tenancy: Tenancy;
  readonly services: RuntimeServices;
  readonly events: EventRecorder;
  readonly writerFor: (rule: TriggerRule) => StatusSink;
  /** Comes between a rule and its instances (a dry run). */
  readonly wrap?: (rule: CompiledRule, instances: RuleInstances) => RuleInstances;
  readonly onReport?: (rule: RuleIdentity, report: RuleReport) => void;
}

/** How tenants are kept apart. */
export interface Tenancy {
  /** Whom rules act as that name no service account, in their own namespace. Default: the operator itself. */
  readonly defaultServiceAccount?: string;
  /** Rules may refer to objects of their own namespace only. */
  readonly ownNamespaceOnly?: boolean;
}

/** How long a status from before may stand while sources are opened. */
const STANDS_MS = 5000;
const NO_COUNTERS = { done: 0, unchanged: 0, failed: 0, dropped: 0 };
const RESTART = { initialDelayMs: 1000, maxDelayMs: 60_000 };

/**
 * One TriggerRule from its first sight to its deletion. Versions are taken one after the other: the running form is stopped before the
 * next one starts, so two never act at a time. Whatever fails is shown in the rule's status and tried again.
 */
export class ManagedRule {
  readonly #writer: StatusSink;
  #isEnded = false;
  /** Of what it waits for; a rule at rest waits for nothing. */
  readonly #waits = new Subscription();
  #latest: TriggerRule;
  /** Of the version that was applied, no more than tells whether another one is to be: its status is kept once, not twice. */
  #applied: Pick<TriggerRule, 'generation' | 'resume' | 'retry' | 'fire'> | undefined;
  #runner: RuleRunner | undefined;
  #identity: Identity | undefined;
  #state: RuleState | undefined;
  #working: Promise<void> | undefined;
  #restartWanted = false;
  /** The restart that is being waited for. */
  #restartDue: object | undefined;
  #failures = 0;
  #mayStand = false;

  constructor(
    rule: TriggerRule,
    private readonly options: ManagedRuleOptions,
  ) {
    this.#latest = rule;
    this.#writer = options.writerFor(rule);
    this.#wake();
  }

  get uid(): string {
    return this.#latest.uid;
  }

  get counts(): { readonly underWay: number; readonly keys: number } {
    return this.#runner?.counts ?? { underWay: 0, keys: 0 };
  }

  /** For metrics. */
  get sample(): RuleSample {
    const { namespace, name: rule, status } = this.#latest;
    const { counters = NO_COUNTERS, conditions = [] } = this.#state?.status() ?? status;
    return { namespace, rule, counters, conditions };
  }

  update(rule: TriggerRule): void {
    this.#latest = rule;
    this.#wake();
  }

  hear(report: RuleReport): void {
    this.#heard(this.#latest, report);
  }

  /** Resolves when the present version was started (or could not be). */
  async settledIn(): Promise<void> {
    await this.#working;
  }

  /** Ends the rule. `drainMs` is what running attempts get to end by themselves. */
  async end(drainMs: number): Promise<void> {
    this.#isEnded = true;
    this.#waits.unsubscribe();
    // A start may hang on an API server that does not answer; the journal that it opens then is fenced off later.
    const enough = new AbortController();
    const patience = sleep(Math.max(drainMs, 1000), this.options.services.scheduler, enough.signal);
    await Promise.race([this.#working, patience]);
    enough.abort();
    await this.#runner?.stop(drainMs);
    await this.#identity?.release();
    await this.#writer.close();
  }

  #wake(): void {
    this.#working ??= this.#work().finally(() => {
      this.#working = undefined;
      if (this.#isBehind()) this.#wake();
    });
  }

  #isBehind(): boolean {
    if (this.#isEnded) return false;
    const { generation, resume, retry, fire } = this.#latest;
    const applied = this.#applied;
    if (this.#restartWanted || applied === undefined) return true;
    if (applied.generation !== generation || applied.fire !== fire) return true;
    return applied.resume !== resume || applied.retry !== retry;
  }

  async #work(): Promise<void> {
    while (this.#isBehind()) {
      const rule = this.#latest;
      if (this.#restartWanted || this.#applied?.generation !== rule.generation) await this.#start(rule);
      else this.#obey(rule);
      this.#show();
      const { generation, resume, retry, fire } = rule;
      this.#applied = { generation, resume, retry, fire };
    }
  }

  /**
   * Does what annotations ask, each value once: also one that was set while no operator ran. A rule that does not run is not asked
   * until it does.
   */
  #obey(rule: TriggerRule): void {
    const state = this.#state;
    if (this.#runner === undefined || state === undefined) return;
    // It could not start, or its checkpoint is another's: it would do nothing, or nothing that lasts.
    if (this.#restartDue !== undefined || this.#isEnded) return;
    const { retry, resume, fire } = rule;
    // Noted as done when it has ended: until then a restart asks again, under the same id.
    if (fire !== undefined && fire !== state.handled.fire) this.#runner.fire(manualRunOf(fire));
    if (resume !== undefined && resume !== state.handled.resume) {
      this.#runner.resume();
      state.didHandle({ resume });
    }
    if (retry === undefined || retry === state.handled.retry) return;
    this.#runner.retry();
    state.didHandle({ retry });
  }

  async #start(rule: TriggerRule): Promise<void> {
    this.#restartWanted = false;
    await this.#runner?.stop(this.options.services.mayAct?.() === false ? 0 : 5000);
    await this.#identity?.release();
    this.#runner = undefined;
    this.#identity = undefined;
    // What the version before asked for is hereby done.
    this.#restartDue = undefined;
    if (this.#isEnded) return;
    const { registry, services, events, tenancy } = this.options;
    const now = () => services.scheduler.now();
    const before = this.#state?.status() ?? rule.status;
    const identity = { namespace: rule.namespace, name: rule.name, uid: rule.uid };
    const acceptedBefore = before.acceptedGeneration === rule.generation;
    const compilation = compileRule(identity, rule.spec, registry, { ...tenancy, acceptedBefore });
    this.#mayStand = before.observedGeneration === rule.generation;
    if (this.#mayStand) this.#showAtLatest();
    this.#state = new RuleState({ before, generation: rule.generation, compilation, now });
    announce(events, rule, { type: 'compiled', compilation });
    if ('rule' in compilation && !compilation.suspend) await this.#run(rule, compilation.rule);
    this.#show();
  }

  async #run(rule: TriggerRule, compiled: CompiledRule): Promise<void> {
    const { identities, services, tenancy } = this.options;
    try {
      const whom = compiled.serviceAccountName ?? tenancy.defaultServiceAccount;
      this.#identity = identities.acquire(rule.namespace, whom);
      const made = instantiate(compiled, this.#identity.container);
      const runner = new RuleRunner(compiled, this.options.wrap?.(compiled, made) ?? made, services);
      this.#runner = runner;
      this.#state?.attach(runner);
      runner.reports.subscribe((report) => this.#heard(compiled.identity, report));
      await runner.start();
      this.#obey(rule);
      this.#failures = 0;
    } catch (thrown) {
      const error = toTriggerError(thrown);
      const isCheckpoint = error.code === 'KT_CHECKPOINT_UNAVAILABLE';
      this.#heard(rule, isCheckpoint ? { type: 'checkpoint', error } : { type: 'fault', where: 'start', error });
      this.#restartLater();
    }
  }

  #heard(rule: RuleIdentity, report: RuleReport): void {
    this.#state?.apply(report);
    if (report.type === 'settled' && report.event.manual !== undefined) this.#didFire(report.event.revision);
    announce(this.options.events, rule, report);
    this.options.onReport?.(rule, report);
    // The checkpoint belongs to another process or was deleted: what it says now is what counts.
    if (report.type === 'checkpoint' && report.error?.retry === 'never') this.#restartLater();
    this.#show();
  }

  #restartLater(): void {
    if (this.#restartDue !== undefined || this.#restartWanted || this.#isEnded) return;
    this.#failures += 1;
    const delayMs = fullJitter(this.#failures, RESTART, this.options.services.random);
    const due = (this.#restartDue = {});
    this.#after(delayMs, () => {
      if (this.#restartDue !== due) return;
      this.#restartDue = undefined;
      this.#restartWanted = true;
      this.#wake();
    });
  }

  /** A rule that is started again is mostly what it was before, once its sources are open: until then its status may stand. */
  #show(): void {
    const state = this.#state;
    if (state === undefined || (state.isOpening && this.#mayStand)) return;
    this.#writer.put(() => state.status());
  }

  #didFire(id: string): void {
    const { fire } = this.#latest;
    if (fire !== undefined && manualRunOf(fire).id === id) this.#state?.didHandle({ fire });
  }

  #showAtLatest(): void {
    this.#after(STANDS_MS, () => {
      this.#mayStand = false;
      this.#show();
    });
  }

  #after(ms: number, work: () => void): void {
    this.#waits.add(timer(ms, this.options.services.scheduler).subscribe(work));
  }
}
