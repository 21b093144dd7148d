import { compileRule, instantiate, openSource, type RuleInstances } from '@kube-trigger/core';
import { merge, onErrorResumeNextWith, type Subscription } from 'rxjs';
import type { Identity } from '../identities.js';
import type { ManagedRuleOptions } from './managed-rule.js';
import type { TriggerRule } from './trigger-rule.js';

/**
 * The watches of a rule and nothing else: what a standby holds. A source that fails here is simply not warm; whoever leads reports it.
 */
export class WarmRule {
  #subscription: Subscription | undefined;
  #instances: RuleInstances | undefined;
  #identity: Identity | undefined;

  constructor(
    private readonly rule: TriggerRule,
    options: ManagedRuleOptions,
  ) {
    try {
      this.#open(options);
    } catch {
      // A plugin whose constructor throws: the same as a source that fails.
    }
  }

  fits(rule: TriggerRule): boolean {
    return rule.uid === this.rule.uid && rule.generation === this.rule.generation;
  }

  async end(): Promise<void> {
    this.#subscription?.unsubscribe();
    await this.#instances?.dispose().catch(() => undefined);
    await this.#identity?.release();
  }

  #open({ registry, identities, services, tenancy }: ManagedRuleOptions): void {
    const { namespace, name, uid, spec, generation, status } = this.rule;
    const acceptedBefore = status.acceptedGeneration === generation;
    const compilation = compileRule({ namespace, name, uid }, spec, registry, { ...tenancy, acceptedBefore });
    if ('issues' in compilation || compilation.suspend) return;
    const { rule } = compilation;
    const { scheduler, random, logger } = services;
    const context = {
      rule: rule.identity,
      scheduler,
      random,
      logger,
      settledRevision: () => undefined,
      recall: () => undefined,
    };
    this.#identity = identities.acquire(namespace, rule.serviceAccountName ?? tenancy.defaultServiceAccount);
    const instances = instantiate(rule, this.#identity.container);
    this.#instances = instances;
    const levels = rule.sources.flatMap((source, i) => {
      const instance = instances.sources[i];
      return source.plugin.semantics === 'level' && instance !== undefined
        ? [openSource({ source: instance, config: source.config, context })]
        : [];
    });
    this.#subscription = merge(...levels.map((source) => source.pipe(onErrorResumeNextWith()))).subscribe();
  }
}
