import type { RuleCheckpoint } from '../checkpoint/rule-checkpoint.js';
import { TriggerError } from '../contract/errors.js';
import type { TargetResult } from '../contract/plugin.js';
import type { BreakerOptions } from '../rule/compiled-rule.js';
import { Breaker } from './breaker.js';
import type { ActionRunner } from './run-actions.js';
import { LONGEST_WAIT_MS } from './wait.js';

const NOT_LEADER_MS = 1000;

export interface PermissionOptions {
  readonly checkpoint: RuleCheckpoint;
  readonly runner: ActionRunner;
  readonly breaker: BreakerOptions;
  /** False when this replica lost its lease. */
  readonly mayAct: () => boolean;
}

/** Whether a rule may touch anything just now: this replica leads, and the rule's breaker has not tripped, here or in a process before. */
export class Permission {
  readonly #breaker: Breaker;

  constructor(private readonly options: PermissionOptions) {
    const { breaker, checkpoint, runner } = options;
    this.#breaker = new Breaker(breaker, runner.scheduler, checkpoint.tripped !== undefined);
  }

  /** How long nothing may be touched before asking again; undefined when it may. */
  heldMs(): number | undefined {
    if (this.#breaker.tripped) return LONGEST_WAIT_MS;
    return this.options.mayAct() ? undefined : NOT_LEADER_MS;
  }

  /** Counts what an action did because of a key, and trips when that is too often. */
  count(key: string, targets: readonly TargetResult[]): void {
    const over = targets.find(({ target, outcome }) => outcome === 'done' && this.#breaker.count(key, target));
    if (over === undefined) return;
    const { breaker, checkpoint, runner } = this.options;
    const { limit, windowMs } = breaker;
    const error = trippedError(
      `${key} made the rule act on ${over.target} more than ${limit} times within ${windowMs / 1000} s`,
    );
    checkpoint.setTripped(error.message);
    runner.report({ type: 'tripped', error });
  }

  /** Lets a tripped rule act again. False when it was not tripped. */
  resume(): boolean {
    if (!this.#breaker.tripped) return false;
    this.#breaker.reset();
    this.options.checkpoint.setTripped(null);
    return true;
  }

  dispose(): void {
    this.#breaker.dispose();
  }
}

/** Says why a rule stands still and how it goes on. */
export function trippedError(message: string): TriggerError {
  return new TriggerError('KT_BREAKER_TRIPPED', message, {
    fix: 'If an action of the rule changes what the rule watches, narrow its sources. Then resume the rule',
  });
}
