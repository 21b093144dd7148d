import type { Logger, RuleIdentity, TriggerError } from '@kube-trigger/core';
import { type Subscription, takeWhile } from 'rxjs';
import type { Identities } from '../identities.js';
import { ManagedRule, type ManagedRuleOptions } from './managed-rule.js';
import type { FeedEvent, RuleFeed } from './rule-feed.js';
import type { TriggerRule } from './trigger-rule.js';
import { WarmRule } from './warm-rule.js';

export interface RuleControllerOptions extends ManagedRuleOptions {
  readonly feed: RuleFeed;
  readonly identities: Pick<Identities, 'acquire' | 'doubtWatches'>;
  readonly logger: Logger;
}

/**
 * Keeps one `ManagedRule` for every TriggerRule that exists. While it is not leading it watches all the same, so that a takeover
 * starts from a warm inventory; rules run only while it leads.
 */
export class RuleController {
  readonly #known = new Map<string, TriggerRule>();
  readonly #managed = new Map<string, ManagedRule>();
  readonly #warm = new Map<string, WarmRule>();
  readonly #ending = new Set<Promise<void>>();
  #subscription: Subscription | undefined;
  #leading = false;
  #confirming: Subscription | undefined;
  #synced = false;

  constructor(private readonly options: RuleControllerOptions) {}

  start(): void {
    this.#subscription = this.options.feed.subscribe((event) => this.#hear(event));
  }

  /** True once every TriggerRule that exists was seen. */
  get synced(): boolean {
    return this.#synced;
  }

  get rules(): ReadonlyMap<string, ManagedRule> {
    return this.#managed;
  }

  /**
   * Starts every rule, once those of an earlier term have ended. The leader before may have acted on what this process has not seen yet, its
   * watches being slow or deaf: so rules, and what they watch, are listed once more first. Else a checkpoint would be compared with the past.
   */
  async lead(): Promise<void> {
    this.options.identities.doubtWatches();
    this.#leading = true;
    await Promise.all(this.#ending);
    if (!this.#leading) return;
    this.#confirming?.unsubscribe();
    // Each as it is said again: where rules cannot be listed now, those of other namespaces do not wait.
    this.#confirming = this.options.feed
      .pipe(takeWhile(({ type }) => type !== 'synced'))
      .subscribe((event) => this.#hear(event));
  }

  /** Stops every rule; `drainMs` is 0 when the lease is lost already. */
  async standBy(drainMs: number): Promise<void> {
    this.#leading = false;
    this.#confirming?.unsubscribe();
    for (const [id, managed] of this.#managed) this.#end(id, managed, drainMs);
    await Promise.all(this.#ending);
    const watching = this.#subscription?.closed === false && !this.#leading;
    if (watching) for (const [id, rule] of this.#known) this.#heat(id, rule);
  }

  async stop(drainMs: number): Promise<void> {
    this.#subscription?.unsubscribe();
    await this.standBy(drainMs);
    await Promise.all([...this.#warm.values()].map((warm) => warm.end()));
  }

  /** The checkpoint of a rule could not be written (or, without an error, could again). */
  checkpointReport(rule: RuleIdentity, error: TriggerError | undefined): void {
    const managed = this.#managed.get(`${rule.namespace}/${rule.name}`);
    if (managed?.uid === rule.uid) managed.hear({ type: 'checkpoint', ...(error === undefined ? {} : { error }) });
  }

  #hear(event: FeedEvent): void {
    switch (event.type) {
      case 'present':
        return this.#present(event.rule);
      case 'absent':
        return this.#absent(`${event.namespace}/${event.name}`);
      case 'synced':
        this.#synced = true;
    }
  }

  #present(rule: TriggerRule): void {
    const id = `${rule.namespace}/${rule.name}`;
    if (rule.deleting) return this.#absent(id);
    this.#known.set(id, rule);
    if (this.#leading) this.#manage(id, rule);
    else this.#heat(id, rule);
  }

  #absent(id: string): void {
    this.#known.delete(id);
    const managed = this.#managed.get(id);
    if (managed !== undefined) this.#end(id, managed, 0);
    void this.#warm.get(id)?.end();
    this.#warm.delete(id);
  }

  /** A standby watches what its rules watch, so that nothing must be listed when it takes over. */
  #heat(id: string, rule: TriggerRule): void {
    const warm = this.#warm.get(id);
    if (warm?.fits(rule) === true) return;
    this.#warm.set(id, new WarmRule(rule, this.options));
    void warm?.end();
  }

  async #cool(id: string, warm: WarmRule): Promise<void> {
    await this.#managed.get(id)?.settledIn();
    if (this.#warm.get(id) === warm && this.#leading) this.#warm.delete(id);
    if (this.#warm.get(id) !== warm) await warm.end();
  }

  #manage(id: string, rule: TriggerRule): void {
    const managed = this.#managed.get(id);
    if (managed !== undefined && managed.uid === rule.uid) return managed.update(rule);
    if (managed !== undefined) this.#end(id, managed, 0);
    this.#managed.set(id, new ManagedRule(rule, this.options));
    const warm = this.#warm.get(id);
    if (warm !== undefined) void this.#cool(id, warm);
  }

  #end(id: string, managed: ManagedRule, drainMs: number): void {
    this.#managed.delete(id);
    const { logger } = this.options;
    const ending = managed
      .end(drainMs)
      .catch((error: unknown) => logger.error({ rule: id, error: String(error) }, 'a rule did not end cleanly'))
      .finally(() => this.#ending.delete(ending));
    this.#ending.add(ending);
  }
}
