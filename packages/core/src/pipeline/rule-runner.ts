import { merge, type Observable, type SchedulerLike, Subject, type Subscription } from 'rxjs';
import type { CheckpointStore } from '../checkpoint/journal.js';
import { RuleCheckpoint } from '../checkpoint/rule-checkpoint.js';
import type { Logger, PluginContext } from '../contract/context.js';
import { toTriggerError } from '../contract/errors.js';
import type { TriggerEvent, Verdict } from '../contract/events.js';
import type { CompiledRule, RuleInstances } from '../rule/compiled-rule.js';
import { checkActions } from './check-actions.js';
import { Mailboxes } from './mailboxes.js';
import { type Observation, observeSource } from './observe-source.js';
import type { RuleReport } from './report.js';
import { sleep } from './wait.js';

export interface RuntimeServices {
  readonly checkpoints: CheckpointStore;
  readonly scheduler: SchedulerLike;
  readonly random: () => number;
  readonly logger: Logger;
  /** Asked before every attempt of an action. Default: always true. */
  readonly mayAct?: () => boolean;
}

/**
 * One running rule: sources → checkpoint → filters → mailboxes → actions → settled. `start` opens the checkpoint and subscribes to the
 * sources; everything that happens comes out of `reports`. Nothing a plugin does can make it throw.
 */
export class RuleRunner {
  readonly #reports = new Subject<RuleReport>();
  readonly reports: Observable<RuleReport> = this.#reports.asObservable();
  readonly #stop = new AbortController();
  #checkpoint: RuleCheckpoint | undefined;
  #mailboxes: Mailboxes | undefined;
  #subscription: Subscription | undefined;

  constructor(
    private readonly rule: CompiledRule,
    private readonly instances: RuleInstances,
    private readonly services: RuntimeServices,
  ) {}

  /** Rejects with `KT_CHECKPOINT_UNAVAILABLE` when the checkpoint cannot be read: then nothing was started. */
  async start(): Promise<void> {
    const { rule, instances, services } = this;
    const journal = await services.checkpoints.open(rule.identity);
    const checkpoint = new RuleCheckpoint(
      journal,
      rule.sources.map((source) => source.id),
    );
    this.#checkpoint = checkpoint;
    if (this.#stop.signal.aborted) return;
    const report = (said: RuleReport) => this.#reports.next(said);
    const context: PluginContext = this.#context();
    const runner = {
      ...context,
      rule: rule.identity,
      actions: rule.actions.map((compiled, i) => ({ compiled, instance: at(instances.actions, i) })),
      combinedRevision: () => checkpoint.combinedRevision,
      mayAct: services.mayAct ?? (() => true),
      report,
    };
    const decide = (observation: Observation, event: TriggerEvent) => this.#decide(observation, event);
    const mailboxes = new Mailboxes({ checkpoint, runner, delivery: rule.delivery, decide, report });
    this.#mailboxes = mailboxes;
    const sources = rule.sources.map((source, i) =>
      observeSource({
        source,
        instance: at(instances.sources, i),
        context: { ...context, settledRevision: (key) => checkpoint.get(source.id, key)?.settled },
        checkpoint,
        onFirstSeen: rule.onFirstSeen,
      }),
    );
    this.#subscription = merge(...sources).subscribe((said) => {
      if ('type' in said) report(said);
      else mailboxes.offer(said);
    });
    this.#subscription.add(checkActions(runner, this.#stop.signal, () => mailboxes.poke()).subscribe(report));
  }

  /** Keys in delivery, and keys known. */
  get counts(): { readonly underWay: number; readonly keys: number } {
    return { underWay: this.#mailboxes?.size ?? 0, keys: this.#checkpoint?.size ?? 0 };
  }

  /** Re-delivers every dead letter. Returns how many there were. */
  retry(): number {
    const failed = [...(this.#checkpoint?.failed() ?? [])];
    for (const { sourceId, key, entry } of failed) {
      const index = this.rule.sources.findIndex((source) => source.id === sourceId);
      const source = this.rule.sources[index];
      if (source === undefined || entry.settled === undefined) continue;
      const { settled: revision, parts } = entry;
      const occurrence = source.plugin.semantics === 'edge' ? {} : undefined;
      const observedAtMs = this.services.scheduler.now();
      this.#checkpoint?.reopen({ sourceId, key, revision });
      const instance = at(this.instances.sources, index);
      this.#mailboxes?.offer({ sourceId, key, revision, parts, source, instance, observedAtMs, occurrence });
    }
    return failed.length;
  }

  /**
   * Stops in order: sources, waits, running attempts (which get `drainMs` to end by themselves), checkpoint, instances. What was
   * not settled is found again at the next start. Idempotent.
   */
  async stop(drainMs = 0): Promise<void> {
    if (this.#stop.signal.aborted) return;
    this.#stop.abort();
    this.#subscription?.unsubscribe();
    this.#mailboxes?.close();
    await this.#drain(drainMs);
    this.#mailboxes?.stop();
    await this.#mailboxes?.whenIdle();
    try {
      await this.#checkpoint?.close();
    } catch (thrown) {
      this.#reports.next({ type: 'checkpoint', error: toTriggerError(thrown) });
    }
    await this.instances.dispose();
    this.#reports.complete();
  }

  async #drain(drainMs: number): Promise<void> {
    if (this.#mailboxes === undefined || drainMs <= 0) return;
    const over = new AbortController();
    await Promise.race([this.#mailboxes.whenIdle(), sleep(drainMs, this.services.scheduler, over.signal)]);
    over.abort();
  }

  #context(): PluginContext & { logger: Logger } {
    const { logger, scheduler, random } = this.services;
    const { namespace, name } = this.rule.identity;
    return { rule: this.rule.identity, logger: logger.child({ rule: `${namespace}/${name}` }), scheduler, random };
  }

  #decide(observation: Observation, event: TriggerEvent) {
    const { source, instance } = observation;
    const gates: [string, () => Verdict | undefined][] = [
      [source.name, () => instance.decide?.(source.config, event)],
      ...this.rule.filters.map((filter, i): [string, () => Verdict] => [
        filter.name,
        () => at(this.instances.filters, i).decide(filter.config, event, this.#context()),
      ]),
    ];
    for (const [gate, ask] of gates) {
      const verdict = this.#ask(gate, ask);
      if (verdict !== undefined && !('pass' in verdict)) return { gate, verdict };
    }
    return undefined;
  }

  /** A filter that throws is asked again later: never a silent pass, never a silent drop. */
  #ask(gate: string, ask: () => Verdict | undefined): Verdict | undefined {
    try {
      return ask();
    } catch (thrown) {
      const error = toTriggerError(thrown);
      this.#reports.next({ type: 'fault', where: gate, error });
      return { deferUntilMs: this.services.scheduler.now() + 30_000, because: `the filter failed: ${error.message}` };
    }
  }
}

function at<T>(items: readonly T[], index: number): T {
  const item = items[index];
  if (item === undefined) throw new RangeError(`no item ${index} of ${items.length}`);
  return item;
}
