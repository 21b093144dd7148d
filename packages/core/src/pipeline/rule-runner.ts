import { type Observable, type SchedulerLike, Subject } from 'rxjs';
import { isRetried } from '../checkpoint/entry.js';
import type { CheckpointStore, Journal } from '../checkpoint/journal.js';
import { RuleCheckpoint } from '../checkpoint/rule-checkpoint.js';
import type { Logger, PluginContext } from '../contract/context.js';
import { isTriggerError, toTriggerError, TriggerError } from '../contract/errors.js';
import type { CompiledRule, CompiledSource, RuleInstances } from '../rule/compiled-rule.js';
import { ActionCheck } from './action-check.js';
import { AT_ONCE, type Decide, gatesOf } from './gates.js';
import { identifySources } from './identify-sources.js';
import type { ObservedSource } from './inventory.js';
import { Mailboxes } from './mailboxes.js';
import { MANUAL_ID, manualObservation, type ManualRun } from './manual.js';
import type { Observation } from './observation.js';
import { SourceObserver } from './source-observer.js';
import { trippedError } from './permission.js';
import type { RuleReport } from './report.js';
import { type ActionRunner, RunnableAction } from './run-actions.js';
import { sleep } from './wait.js';

/** How long instances may take to dispose of what they hold. */
const DISPOSE_MS = 10_000;

export interface RuntimeServices {
  readonly checkpoints: CheckpointStore;
  readonly scheduler: SchedulerLike;
  readonly random: () => number;
  readonly logger: Logger;
  /** Asked before every attempt of an action. Default: always true. */
  readonly mayAct?: () => boolean;
}

/** A change that was given up: `retry` delivers it again. */
export interface DeadLetter {
  /** The source's name in the rule. */
  readonly source: string;
  readonly key: string;
  readonly revision: string;
  /** The code of the error that it was given up for. */
  readonly code: string;
}

/** A key whose state waits for its delivery or is in it. */
export interface UnderWay {
  /** The source's name in the rule. */
  readonly source: string;
  readonly key: string;
  /** Since when, also across replaced states; milliseconds since the epoch. */
  readonly sinceMs: number;
}

/**
 * One running rule: sources → checkpoint → filters → mailboxes → actions → settled. `start` opens the checkpoint and subscribes to the
 * sources; everything that happens comes out of `reports`. Nothing a plugin does can make it throw. Runs once: for another start make
 * another runner.
 */
export class RuleRunner {
  readonly #reports = new Subject<RuleReport>();
  /** Hot; completes at the end of `stop`. What a subscriber throws goes to RxJS' `config.onUnhandledError`. */
  readonly reports: Observable<RuleReport> = this.#reports.asObservable();
  readonly #stop = new AbortController();
  #started = false;
  #identified = false;
  #stopping: Promise<void> | undefined;
  #checkpoint: RuleCheckpoint | undefined;
  #mailboxes: Mailboxes | undefined;
  #observing: readonly (SourceObserver | ActionCheck)[] = [];

  constructor(
    private rule: CompiledRule,
    private readonly instances: RuleInstances,
    private readonly services: RuntimeServices,
  ) {}

  /**
   * Rejects with `KT_CHECKPOINT_UNAVAILABLE` (or what else the store says) when the checkpoint cannot be read, and with what a source
   * says that cannot tell its identity: then nothing was started, and it may be tried again.
   */
  async start(): Promise<void> {
    if (this.#started) throw new TypeError('a RuleRunner starts once');
    this.#started = true;
    await this.#identify();
    const { rule, instances } = this;
    const journal = await this.#open();
    if (this.#stop.signal.aborted) return journal.close();
    const edge = rule.sources.filter(({ plugin }) => plugin.semantics === 'edge');
    const checkpoint = new RuleCheckpoint(journal, {
      sourceIds: [...rule.sources.map(idOf), MANUAL_ID],
      edgeSourceIds: [...edge.map(idOf), MANUAL_ID],
      nowMs: this.services.scheduler.now(),
    });
    this.#checkpoint = checkpoint;
    const context = this.#context();
    const report = (said: RuleReport) => this.#reports.next(said);
    const runner: ActionRunner = {
      ...context,
      actions: rule.actions.map((compiled, i) => new RunnableAction(compiled, at(instances.actions, i), context)),
      combinedRevision: () => checkpoint.readCombinedRevision(),
      report,
    };
    // Most rules are idle for most of their life: their gates are made for the first change.
    let gates: Decide | undefined;
    const decide: Decide = (observation, event) => {
      // Whoever asks for a run by hand has decided, and waits for it.
      if (observation.manual !== undefined) return AT_ONCE;
      gates ??= gatesOf(rule, instances, { context, report, stopped: this.#stop.signal });
      return gates(observation, event);
    };
    this.#mailboxes = new Mailboxes({
      checkpoint,
      runner,
      delivery: rule.delivery,
      decide,
      mayAct: () => this.#mayAct(),
    });
    if (checkpoint.tripped !== undefined) report({ type: 'tripped', error: trippedError(checkpoint.tripped) });
    this.#observe(context, { runner, checkpoint, mailboxes: this.#mailboxes });
  }

  async #identify(): Promise<void> {
    if (this.#identified) return;
    try {
      this.rule = await identifySources(this.rule, this.instances);
      this.#identified = true;
    } catch (thrown) {
      this.#started = false;
      throw thrown;
    }
  }

  async #open(): Promise<Journal> {
    try {
      return await this.services.checkpoints.open(this.rule.identity);
    } catch (thrown) {
      this.#started = false;
      if (isTriggerError(thrown)) throw thrown;
      const { message } = toTriggerError(thrown);
      throw new TriggerError('KT_CHECKPOINT_UNAVAILABLE', message, { cause: thrown });
    }
  }

  #observe(
    context: PluginContext,
    on: { runner: ActionRunner; checkpoint: RuleCheckpoint; mailboxes: Mailboxes },
  ): void {
    const { runner, checkpoint, mailboxes } = on;
    const tell = (said: Observation | RuleReport) => ('type' in said ? runner.report(said) : mailboxes.offer(said));
    const sources = this.rule.sources.map((source, i) => {
      const observed: ObservedSource = {
        source,
        instance: at(this.instances.sources, i),
        context: {
          ...context,
          settledRevision: (key) => checkpoint.get(source.id, key)?.settled,
          recall: (key) => checkpoint.recall(source.id, key),
        },
        checkpoint,
        onFirstSeen: this.rule.onFirstSeen,
        underWay: () => mailboxes.keysOf(source.id),
        report: runner.report,
      };
      return new SourceObserver(observed, tell);
    });
    const checking = { runner, stopped: this.#stop.signal, onRecovered: () => mailboxes.poke() };
    const checks = runner.actions.map((action) => new ActionCheck(action, checking));
    // All of them before the first one starts: whoever hears a report may stop the rule meanwhile.
    this.#observing = [...sources, ...checks];
    for (const each of this.#observing) if (!this.#stop.signal.aborted) each.start();
  }

  /** Keys in delivery, and keys known. */
  get counts(): { readonly underWay: number; readonly keys: number } {
    return { underWay: this.#mailboxes?.size ?? 0, keys: this.#checkpoint?.size ?? 0 };
  }

  /** How many keys of a source exist, by the source's name in the rule; undefined before the checkpoint was read. */
  keysOf(source: string): number | undefined {
    const found = this.rule.sources.find(({ name }) => name === source);
    return found && this.#checkpoint?.presentCount(found.id);
  }

  /** The first keys that are under way. */
  underWay(limit = 100): readonly UnderWay[] {
    return [...take(this.#mailboxes?.underWay() ?? [], limit)];
  }

  /** Why the breaker stopped the rule, if it did; also in a process before this one. */
  get tripped(): string | undefined {
    return this.#checkpoint?.tripped;
  }

  /** What was given up, is not being retried and was not replaced by a newer state since, the latest first; at most `limit`. */
  deadLetters(limit = 100): readonly DeadLetter[] {
    const letters: DeadLetter[] = [];
    for (const { sourceId, key, entry } of [...(this.#checkpoint?.failed() ?? [])].toReversed()) {
      if (letters.length >= limit) break;
      if (isRetried(entry) && this.#mailboxes?.isUnderWay(sourceId, key) === true) continue;
      const source = sourceId === MANUAL_ID ? MANUAL_ID : this.rule.sources.find(({ id }) => id === sourceId)?.name;
      const { settled: revision = '', failed: code = '' } = entry;
      if (source !== undefined) letters.push({ source, key, revision, code });
    }
    return letters;
  }

  /**
   * Re-delivers every dead letter, with the id that it had. Returns how many. Keys with something newer under way are left alone: that
   * replaces a state that was given up, and an occurrence can be retried after it.
   */
  retry(): number {
    const checkpoint = this.#checkpoint;
    const mailboxes = this.#mailboxes;
    if (checkpoint === undefined || mailboxes === undefined || this.#stop.signal.aborted) return 0;
    const due = [...checkpoint.failed()].filter(({ sourceId, key }) => !mailboxes.isUnderWay(sourceId, key));
    for (const { sourceId, key, entry } of due) {
      if (sourceId === MANUAL_ID) {
        const again = manualObservation({ id: entry.settled ?? '', by: 'retry', key }, this.services.scheduler.now());
        checkpoint.reopen(again);
        mailboxes.offer(again);
        continue;
      }
      const index = this.rule.sources.findIndex((source) => source.id === sourceId);
      const source = at(this.rule.sources, index);
      const occurrence = source.plugin.semantics === 'edge' ? {} : undefined;
      const state = { sourceId, key, revision: entry.settled ?? '', parts: entry.parts };
      const observedAtMs = this.services.scheduler.now();
      checkpoint.reopen(state);
      mailboxes.offer({ ...state, source, instance: at(this.instances.sources, index), observedAtMs, occurrence });
    }
    return due.length;
  }

  /**
   * Runs the actions now because a person asked for it: no filter is asked, but a tripped breaker or a lost lease holds it up as any other.
   * The same id is run once, also across restarts. False when the rule does not run.
   */
  fire(run: ManualRun): boolean {
    const mailboxes = this.#mailboxes;
    if (mailboxes === undefined || this.#stop.signal.aborted) return false;
    mailboxes.offer(manualObservation(run, this.services.scheduler.now()));
    return true;
  }

  /** Lets a tripped rule act again, in this process and in later ones. What waited meanwhile is delivered now. False when it was not tripped. */
  resume(): boolean {
    const resumed = this.#mailboxes?.resume() ?? false;
    if (resumed) this.#reports.next({ type: 'resumed' });
    return resumed;
  }

  /**
   * Stops in order: sources, waits, running attempts (which get `drainMs` to end by themselves), checkpoint, instances. What was
   * not settled is found again at the next start. Resolves when all is released, however often it is called; never rejects.
   */
  stop(drainMs = 0): Promise<void> {
    this.#stopping ??= this.#end(drainMs);
    return this.#stopping;
  }

  async #end(drainMs: number): Promise<void> {
    this.#stop.abort();
    for (const each of this.#observing) each.stop();
    this.#mailboxes?.close();
    if (drainMs > 0) await this.#within(drainMs, () => this.#mailboxes?.whenIdle());
    this.#mailboxes?.stop();
    await this.#mailboxes?.whenIdle();
    try {
      await this.#checkpoint?.close();
    } catch (thrown) {
      this.#reports.next({ type: 'checkpoint', error: toTriggerError(thrown) });
    }
    try {
      const disposed = await this.#within(DISPOSE_MS, () => this.instances.dispose());
      if (!disposed) throw new TriggerError('KT_PLUGIN_FAULT', `dispose took longer than ${DISPOSE_MS / 1000} s`);
    } catch (thrown) {
      this.#reports.next({ type: 'fault', where: 'dispose', error: toTriggerError(thrown) });
    }
    this.#reports.complete();
  }

  /** True when it ended within the time. */
  async #within(ms: number, what: () => Promise<void> | undefined): Promise<boolean> {
    const over = new AbortController();
    try {
      const done = Promise.resolve(what()).then(() => true);
      const late = sleep(ms, this.services.scheduler, over.signal).then(() => false);
      return await Promise.race([done, late]);
    } finally {
      over.abort();
    }
  }

  #mayAct(): boolean {
    try {
      return this.services.mayAct?.() ?? true;
    } catch {
      return false;
    }
  }

  #context(): PluginContext {
    const { logger, scheduler, random } = this.services;
    const { namespace, name } = this.rule.identity;
    return { rule: this.rule.identity, logger: logger.child({ rule: `${namespace}/${name}` }), scheduler, random };
  }
}

function* take<T>(items: Iterable<T>, limit: number): Iterable<T> {
  let left = limit;
  for (const item of items) {
    if (left <= 0) return;
    left -= 1;
    yield item;
  }
}

function idOf({ id }: CompiledSource): string {
  return id;
}

function at<T>(items: readonly T[], index: number): T {
  const item = items[index];
  if (item === undefined) throw new RangeError(`no item ${index} of ${items.length}`);
  return item;
}
